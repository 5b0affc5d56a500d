"""Published vectors: RFC 8032 for Ed25519 and Ed448, OpenSSH's own files for the composite of ML-DSA-44 and Ed25519."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import SignatureError
from jupyter_ssh.ssh.keys import KEY_TYPES, load_public_key, parse_public_key
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.types.mldsa44_ed25519 import LABEL, PREFIX, representative
from jupyter_ssh.ssh.wire.types import Reader, string

COMPOSITE = Path(__file__).parents[2] / "vectors" / "mldsa44-ed25519"

# RFC 8032 §7.1 and §7.4: (type, secret key, public key, message, signature)
RFC8032 = {
    "Ed25519 test 1": (
        "ssh-ed25519",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "Ed25519 test 2": (
        "ssh-ed25519",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "Ed25519 test 3": (
        "ssh-ed25519",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    "Ed448 blank": (
        "ssh-ed448",
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f"
        "032e7549a20098f95b",
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6c"
        "d1fa1abeafe8256180",
        "",
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d78"
        "28c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4db"
        "b61149f05a7363268c71d95808ff2e652600",
    ),
    "Ed448 1 octet": (
        "ssh-ed448",
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949e"
        "f8021e954e0a12274e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c"
        "235160627b4c3a9480",
        "03",
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633"
        "fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f"
        "f3348ab21aa4adafd1d234441cf807c03a00",
    ),
}


@pytest.mark.parametrize("name", RFC8032)
def test_rfc_8032(name: str) -> None:
    key_type, secret, public, message, signature = RFC8032[name]
    point, data = bytes.fromhex(public), bytes.fromhex(message)
    key = private_key(key_type, string(point) + string(bytes.fromhex(secret) + point))
    assert key.public.blob == string(key_type) + string(point)
    expected = string(key_type) + string(bytes.fromhex(signature))
    assert key.sign(data) == expected
    assert parse_public_key(key.public.blob).verify(expected, data) == key_type
    with pytest.raises(SignatureError):
        key.public.verify(expected, data + b"\0")


def private_key(key_type: str, fields: bytes) -> PrivateKey:
    row = KEY_TYPES[key_type]
    return row.parse_private(row, Reader(fields))


def test_composite_key_file_byte_for_byte() -> None:
    """What OpenSSH 10.5 wrote is what we write, given the same two random numbers."""
    data = (COMPOSITE / "key").read_bytes()
    key = openssh_file.parse(data).open(None)
    assert key.public.size == 256
    assert key.public.nickname == "MLDSA44-ED25519"
    body = openssh_file.dearmour(data)
    fields = Reader(body)
    fields.raw(len(openssh_file.AUTH_MAGIC))
    for _ in range(3):
        fields.string()
    fields.uint32()
    fields.string()
    check = fields.string()[:4]
    assert openssh_file.dump(key, random=lambda size: check) == data
    line = (COMPOSITE / "key.pub").read_text()
    assert key.public.line(key.comment) + "\n" == line
    assert load_public_key(COMPOSITE / "key.pub") == (key.public, key.comment)


def test_composite_representative() -> None:
    assert representative(b"data") == PREFIX + LABEL + b"\0" + hashlib.sha512(b"data").digest()
    assert (len(PREFIX), len(LABEL)) == (32, 30)


def test_composite_key_is_fips_204s() -> None:
    """FIPS 204, algorithm 6: a public key begins with ρ, which comes from the seed and the ranks, 4 and 4."""
    key = openssh_file.parse((COMPOSITE / "key").read_bytes()).open(None)
    fields = Reader(key.private_fields())
    public, seeds = fields.string(), fields.string()
    assert (len(public), len(seeds)) == (1312 + 32, 64)
    assert public[:32] == hashlib.shake_256(seeds[:32] + b"\4\4").digest(32)
