"""Published vectors for the pieces the packets and exchanges are made of."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.packet_protection import block_ciphers
from jupyter_ssh.ssh.crypto.packet_protection.arcfour import arcfour
from jupyter_ssh.ssh.crypto.packet_protection.authenticators import HmacAuthenticator
from jupyter_ssh.ssh.crypto.packet_protection.cbc import cbc
from jupyter_ssh.ssh.crypto.packet_protection.ctr import aes_ctr
from jupyter_ssh.ssh.crypto.packet_protection.ctr64 import Counter64

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


def test_the_macs_of_the_table_have_the_sizes_of_their_names() -> None:
    for row in MACS.values():
        if row.hash_name == "umac":
            assert (row.key_size, row.tag_size) == (16, int(row.name.split("@")[0].split("-")[1]) // 8)
        else:
            assert row.key_size == hashlib.new(row.hash_name).digest_size
            assert row.tag_size == (12 if "-96" in row.name else row.key_size)
        assert len(row.authenticator(bytes(row.key_size)).tag(0, b"", b"")) == row.tag_size


# RFC 2202 §2 and §3: key, data, HMAC-MD5, HMAC-SHA-1
RFC_2202 = [
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "750c783e6ab0b503eaa86e310a5db738",
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    ),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
]


@pytest.mark.parametrize(("key", "data", "md5", "sha1"), RFC_2202)
def test_hmac_is_rfc_2202s(key: bytes, data: bytes, md5: str, sha1: str) -> None:
    for hash_name, expected in (("md5", md5), ("sha1", sha1)):
        number, rest = int.from_bytes(data[:4], "big"), data[4:]
        tag = bytes.fromhex(expected)
        assert HmacAuthenticator(hash_name, len(tag), key).tag(number, b"", rest) == tag
        assert HmacAuthenticator(hash_name, 12, key).tag(number, rest, b"") == tag[:12]


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


# NIST SP 800-38A §F.2: IV, then key and the ciphertext of the same four blocks in CBC
SP_800_38A_CBC = {
    "F.2.1": (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    ),
    "F.2.5": (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
    ),
}


@pytest.mark.parametrize("section", SP_800_38A_CBC)
def test_aes_cbc_is_sp_800_38as(section: str) -> None:
    key, expected = SP_800_38A_CBC[section]
    iv = bytes(range(16))
    encrypt = cbc(AES(bytes.fromhex(key)), iv, encrypt=True)
    pieces = (SP_800_38A_BLOCKS[:16], SP_800_38A_BLOCKS[16:])
    assert b"".join(map(encrypt.update, pieces)).hex() == expected
    assert cbc(AES(bytes.fromhex(key)), iv, encrypt=False).update(bytes.fromhex(expected)) == SP_800_38A_BLOCKS


# One block each: FIPS 46 (DES, as in the NBS tables), RFC 2144 §B.1, Schneier's vectors for Blowfish.
ONE_BLOCK = {
    "des": ("0123456789abcdef", "4e6f772069732074", "3fa40e8a984d4815"),
    "triple_des": ("0123456789abcdef" * 3, "4e6f772069732074", "3fa40e8a984d4815"),
    "cast128": ("0123456712345678234567893456789a", "0123456789abcdef", "238b4fe5847e44b2"),
    "blowfish": ("f0e1d2c3b4a5968778695a4b3c2d1e0f", "fedcba9876543210", "93142887ee3be15c"),
}


@pytest.mark.parametrize("name", ONE_BLOCK)
def test_block_ciphers_are_the_published_ones(name: str) -> None:
    key, plain, expected = map(bytes.fromhex, ONE_BLOCK[name])
    algorithm = getattr(block_ciphers, name)(key)
    assert cbc(algorithm, bytes(8), encrypt=True).update(plain) == expected
    # In counter mode the block is what the counter is enciphered to.
    stream = Counter64(algorithm, plain)
    assert stream.update(bytes(8)) == expected
    # RFC 4344 §4: the next block is not asked for, but its number is decided.
    assert stream._counter == int.from_bytes(plain, "big") + 1


def test_a_counter_of_64_bits_wraps() -> None:
    algorithm = block_ciphers.blowfish(bytes(16))
    whole = Counter64(algorithm, b"\xff" * 7 + b"\xfe").update(bytes(32))
    last = Counter64(algorithm, b"\xff" * 8).update(bytes(8))
    first = Counter64(algorithm, bytes(8)).update(bytes(16))
    assert whole[8:] == last + first


def test_arcfour_is_rfc_6229s() -> None:
    # Key 0x0102…10, the keystream at 0 and at 1536
    key = bytes(range(1, 17))
    assert arcfour(key, 0).update(bytes(16)).hex() == "9ac7cc9a609d1ef7b2932899cde41b97"
    assert arcfour(key, 1536).update(bytes(16)).hex() == "ffa0b514647ec04f6306b892ae661181"
