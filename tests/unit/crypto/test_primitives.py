"""Published vectors for the pieces the packets and exchanges are made of."""

from __future__ import annotations

import hashlib

import pytest

from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.packet_protection.authenticators import HmacAuthenticator
from jupyter_ssh.ssh.crypto.packet_protection.ctr import aes_ctr

# RFC 4231: key, data, HMAC-SHA-256, HMAC-SHA-512
RFC_4231 = {
    "4.2": (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    "4.3": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    "4.4": (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    "4.5": (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    "4.7": (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
}


@pytest.mark.parametrize("section", RFC_4231)
@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_hmac_is_rfc_4231s(section: str, hash_name: str) -> None:
    key, data, sha256, sha512 = RFC_4231[section]
    tag = bytes.fromhex(sha256 if hash_name == "sha256" else sha512)
    authenticator = HmacAuthenticator(hash_name, len(tag), key)
    # A packet's MAC begins with its sequence number: the data's first four bytes stand for it.
    number, rest = int.from_bytes(data[:4], "big"), data[4:]
    assert authenticator.tag(number, b"", rest) == tag
    assert authenticator.tag(number, rest[:3], memoryview(rest)[3:]) == tag
    assert HmacAuthenticator(hash_name, 12, key).tag(number, rest, b"") == tag[:12]


def test_the_macs_of_the_table_have_their_hashs_sizes() -> None:
    for row in MACS.values():
        assert row.tag_size == row.key_size == hashlib.new(row.hash_name).digest_size
        assert len(row.authenticator(bytes(row.key_size)).tag(0, b"", b"")) == row.tag_size


# NIST SP 800-38A §F.5: key, ciphertext of the same four blocks
SP_800_38A_BLOCKS = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
SP_800_38A_CTR = {
    "F.5.1": (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    ),
    "F.5.3": (
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
        "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    ),
    "F.5.5": (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
    ),
}


@pytest.mark.parametrize("section", SP_800_38A_CTR)
def test_aes_ctr_is_sp_800_38as(section: str) -> None:
    key, expected = SP_800_38A_CTR[section]
    context = aes_ctr(bytes.fromhex(key), bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
    # Taken up where it was left, as from packet to packet.
    pieces = (SP_800_38A_BLOCKS[:5], SP_800_38A_BLOCKS[5:48], SP_800_38A_BLOCKS[48:])
    assert b"".join(map(context.update, pieces)).hex() == expected


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("letter", [b"A", b"F"])
def test_derive_key_is_rfc_4253s(hash_name: str, letter: bytes) -> None:
    def digest(*parts: bytes) -> bytes:
        return hashlib.new(hash_name, b"".join(parts)).digest()

    secret, exchange_hash, session_id = b"\0\0\0\2\1\2", b"H" * 32, b"S" * 32
    first = digest(secret, exchange_hash, letter, session_id)
    second = digest(secret, exchange_hash, first)
    third = digest(secret, exchange_hash, first, second)
    whole = first + second + third
    for size in (0, 1, 12, len(first), len(first) + 1, 2 * len(first), 2 * len(first) + 1, len(whole)):
        assert derive_key(hash_name, secret, exchange_hash, letter, session_id, size) == whole[:size]
