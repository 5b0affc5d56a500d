"""The tables: what is in them, in which order, and what reading them costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS, REKEY_BYTES
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS

# Key, IV and block size in bytes: RFC 4344 §4, RFC 5647 §6, PROTOCOL.chacha20poly1305.
CIPHER_SIZES = {
    "aes128-gcm@openssh.com": (16, 12, 16),
    "aes256-gcm@openssh.com": (32, 12, 16),
    "chacha20-poly1305@openssh.com": (64, 0, 8),
    "aes128-ctr": (16, 16, 16),
    "aes192-ctr": (24, 16, 16),
    "aes256-ctr": (32, 16, 16),
}


def test_the_ciphers_are_in_order_of_preference() -> None:
    assert {name: (row.key_size, row.iv_size, row.block_size) for name, row in CIPHERS.items()} == CIPHER_SIZES
    assert list(CIPHERS) == list(CIPHER_SIZES)
    assert [row.integrated_mac for row in CIPHERS.values()] == [True] * 3 + [False] * 3
    assert {row.rekey_bytes for row in CIPHERS.values()} == {REKEY_BYTES} == {1 << 30}


def test_macs_that_cover_the_ciphertext_come_first() -> None:
    etm = [row.etm for row in MACS.values()]
    assert etm == sorted(etm, reverse=True)
    assert {name: row.etm for name, row in MACS.items()} == {name: "-etm@" in name for name in MACS}
    assert {row.name: (row.key_size, row.tag_size) for row in MACS.values()} == {
        "hmac-sha2-256-etm@openssh.com": (32, 32),
        "hmac-sha2-512-etm@openssh.com": (64, 64),
        "hmac-sha2-256": (32, 32),
        "hmac-sha2-512": (64, 64),
    }


def test_post_quantum_exchanges_come_first() -> None:
    assert list(EXCHANGES) == [
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
    ]
    assert [row.post_quantum for row in EXCHANGES.values()] == [True, False, False, False]


@pytest.mark.parametrize("table", [CIPHERS, MACS, EXCHANGES, COMPRESSIONS])
def test_rows_stand_under_their_names(table: dict[str, Any]) -> None:
    for name, row in table.items():
        assert row.name == name
        assert row.grade is Grade.MODERN


def test_none_leaves_payloads_alone() -> None:
    row = COMPRESSIONS["none"]
    assert (row.compressor, row.decompressor, row.delayed) == (None, None, False)


@pytest.mark.parametrize("name", ["aes128-ctr", "aes256-ctr"])
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
