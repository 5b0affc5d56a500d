"""The tables: what is in them, in which order, and what reading them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS, REKEY_BYTES
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, GroupExchangeMethod
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names

# Key, IV and block size in bytes: RFC 4253 §6.3, RFC 4344 §4, RFC 4345 §4, RFC 5647 §6, PROTOCOL.chacha20poly1305.
CIPHER_SIZES = {
    "aes128-gcm@openssh.com": (16, 12, 16),
    "aes256-gcm@openssh.com": (32, 12, 16),
    "chacha20-poly1305@openssh.com": (64, 0, 8),
    "aes128-ctr": (16, 16, 16),
    "aes192-ctr": (24, 16, 16),
    "aes256-ctr": (32, 16, 16),
    "aes128-cbc": (16, 16, 16),
    "aes192-cbc": (24, 16, 16),
    "aes256-cbc": (32, 16, 16),
    "rijndael-cbc@lysator.liu.se": (32, 16, 16),
    "3des-ctr": (24, 8, 8),
    "blowfish-ctr": (32, 8, 8),
    "3des-cbc": (24, 8, 8),
    "blowfish-cbc": (16, 8, 8),
    "cast128-cbc": (16, 8, 8),
    "arcfour256": (32, 0, 8),
    "arcfour128": (16, 0, 8),
    "arcfour": (16, 0, 8),
    "des-cbc": (8, 8, 8),
}

MODERN = {
    "ciphers": list(CIPHER_SIZES)[:6],
    "macs": [
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    ],
    "exchanges": [
        "mlkem768x25519-sha256",
        "mlkem768nistp256-sha256",
        "mlkem1024nistp384-sha384",
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "curve448-sha512",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group17-sha512",
        "diffie-hellman-group15-sha512",
        "diffie-hellman-group14-sha256",
    ],
}
BROKEN = {"arcfour256", "arcfour128", "arcfour", "des-cbc"}


def test_the_ciphers_are_in_order_of_preference() -> None:
    assert {name: (row.key_size, row.iv_size, row.block_size) for name, row in CIPHERS.items()} == CIPHER_SIZES
    assert list(CIPHERS) == list(CIPHER_SIZES)
    assert [name for name, row in CIPHERS.items() if row.integrated_mac] == list(CIPHERS)[:3]


def test_keys_are_renewed_before_blocks_repeat() -> None:
    for row in CIPHERS.values():
        # RFC 4344 §3.2: 2**(L/4) blocks of L bits, where L is 128 or more; a gigabyte where it is less.
        limit = (1 << 2 * row.block_size) * row.block_size if row.block_size >= 16 else 1 << 30
        assert row.rekey_bytes <= min(limit, REKEY_BYTES)


def test_grades() -> None:
    assert list(names(CIPHERS)) == MODERN["ciphers"]
    assert list(names(MACS)) == MODERN["macs"]
    assert list(names(EXCHANGES)) == MODERN["exchanges"]
    assert {name for name, row in CIPHERS.items() if row.grade is Grade.BROKEN} == BROKEN
    for table in (MACS, EXCHANGES, COMPRESSIONS):
        assert Grade.BROKEN not in {row.grade for row in table.values()}
    for name, row in {**CIPHERS, **MACS, **EXCHANGES}.items():
        old = ("-cbc", "3des", "blowfish", "cast", "arcfour", "sha1", "md5", "umac", "-96")
        assert (row.grade is Grade.MODERN) == (not any(part in name for part in old))


def test_macs_that_cover_the_ciphertext_come_first() -> None:
    for slow in (False, True):
        for grade in Grade:
            etm = [row.etm for row in MACS.values() if row.grade is grade and row.name.startswith("umac") == slow]
            assert etm == sorted(etm, reverse=True)
    assert {name: row.etm for name, row in MACS.items()} == {name: "-etm@" in name for name in MACS}
    assert [name.startswith("umac") for name in MACS] == [False] * (len(MACS) - 4) + [True] * 4


def test_post_quantum_exchanges_come_first() -> None:
    post_quantum = [row.post_quantum for row in EXCHANGES.values()]
    assert post_quantum == sorted(post_quantum, reverse=True)
    assert {name for name, row in EXCHANGES.items() if row.post_quantum} == {
        name for name in EXCHANGES if name.startswith(("mlkem", "sntrup"))
    }


def test_exchanges_hash_with_what_their_names_say() -> None:
    for name, row in EXCHANGES.items():
        sizes = {"nistp256": "sha256", "nistp384": "sha384", "nistp521": "sha512"}
        expected = name.split("@")[0].rpartition("-")[2]
        assert row.hash_name == sizes.get(expected, expected)


@pytest.mark.parametrize("table", [CIPHERS, MACS, EXCHANGES, COMPRESSIONS])
def test_rows_stand_under_their_names(table: dict[str, Any]) -> None:
    for name, row in table.items():
        assert row.name == name


def test_group_exchanges_stay_between_sane_sizes() -> None:
    sizes = {
        name: (row.minimum, row.maximum) for name, row in EXCHANGES.items() if isinstance(row, GroupExchangeMethod)
    }
    assert sizes == {
        "diffie-hellman-group-exchange-sha256": (2048, 8192),  # RFC 8270
        "diffie-hellman-group-exchange-sha1": (1024, 8192),
    }


def test_compressions() -> None:
    assert {name: (row.grade, row.delayed) for name, row in COMPRESSIONS.items()} == {
        "none": (Grade.MODERN, False),
        "zlib@openssh.com": (Grade.MODERN, True),
        "zlib": (Grade.LEGACY, False),
    }
    for name, row in COMPRESSIONS.items():
        assert (row.compressor is None) == (row.decompressor is None) == (name == "none")


@pytest.mark.parametrize("name", [name for name, row in CIPHERS.items() if not row.integrated_mac])
def test_a_cipher_that_needs_a_mac_says_so(name: str) -> None:
    row = CIPHERS[name]
    for make in (row.sealer, row.opener):
        with pytest.raises(ValueError, match="needs a MAC"):
            make(bytes(row.key_size), bytes(row.iv_size), None, b"", 0)


def test_reading_the_tables_loads_no_implementation() -> None:
    rooms = ("ciphers", "macs", "exchange", "compression", "selection", "derive")
    code = (
        "import sys\n"
        + "".join(f"import jupyter_ssh.ssh.crypto.{room}\n" for room in rooms)
        + "print(sorted(name for name in sys.modules if name.split('.')[0] in ('cryptography', 'nacl', 'bcrypt')))"
    )
    tree = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("cipher", "mac"), [("aes128-gcm@openssh.com", None), ("aes256-ctr", "hmac-sha2-256"), ("aes256-cbc", "hmac-sha1")]
)
def test_legacy_modules_are_loaded_by_those_who_choose_them_only(cipher: str, mac: str | None) -> None:
    code = f"""
import sys
from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, GroupExchangeMethod
from jupyter_ssh.ssh.crypto.macs import MACS
row, mac = CIPHERS[{cipher!r}], MACS.get({mac!r})
row.sealer(bytes(row.key_size), bytes(row.iv_size), mac, bytes(mac.key_size if mac else 0), 0)
row.opener(bytes(row.key_size), bytes(row.iv_size), mac, bytes(mac.key_size if mac else 0), 0)
EXCHANGES["curve25519-sha256"].agreement().client_public()
rooms = ("block_ciphers", "arcfour", "ctr64", "umac", "dh", "dh_groups", "sntrup761", "packed_polynomials", "curve448")
print(sorted(name for name in sys.modules if name.startswith("jupyter_ssh") and name.rpartition(".")[2] in rooms))
"""
    tree = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
