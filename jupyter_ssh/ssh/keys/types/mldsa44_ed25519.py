"""ssh-mldsa44-ed25519@openssh.com: ML-DSA-44 (FIPS 204) combined with Ed25519, secure as long as either of them is.

draft-miller-sshm-mldsa44-ed25519-composite-sigs, as in OpenSSH since 10.4; the combination is that of
draft-ietf-lamps-pq-composite-sigs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.types import ed25519
from jupyter_ssh.ssh.wire.types import Reader, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import mldsa
    from nacl.signing import SigningKey

NAME = "ssh-mldsa44-ed25519@openssh.com"
PREFIX = b"CompositeAlgorithmSignatures2025"
LABEL = b"COMPSIG-MLDSA44-Ed25519-SHA512"
MLDSA_PUBLIC_SIZE = 1312
MLDSA_SIGNATURE_SIZE = 2420
SEED_SIZE = 32
PUBLIC_SIZE = MLDSA_PUBLIC_SIZE + ed25519.PUBLIC_SIZE
SIGNATURE_SIZE = MLDSA_SIGNATURE_SIZE + ed25519.SIGNATURE_SIZE
SECRET_SIZE = SEED_SIZE + ed25519.SEED_SIZE


def representative(data: bytes) -> bytes:
    """Return what both algorithms sign instead of ``data``: M' with an empty context, whose length is the zero byte."""
    return PREFIX + LABEL + b"\0" + hashlib.sha512(data).digest()


class CompositePublicKey(PublicKey):
    """One string: the 1312 bytes of ML-DSA-44's public key, then the 32 of Ed25519's."""

    __slots__ = ("_mldsa", "_point")

    def __init__(self, row: KeyType, mldsa_key: mldsa.MLDSA44PublicKey, point: bytes) -> None:
        super().__init__(row, string(NAME) + string(mldsa_key.public_bytes_raw() + point), 256)
        self._mldsa = mldsa_key
        self._point = point

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        value = fields.string()
        if len(value) != SIGNATURE_SIZE:
            return False
        message = representative(data)
        try:
            self._mldsa.verify(value[:MLDSA_SIGNATURE_SIZE], message, LABEL)
        except InvalidSignature:
            return False
        return ed25519.verifies(self._point, value[MLDSA_SIGNATURE_SIZE:], message)


class CompositePrivateKey(PrivateKey):
    """The two 32-byte seeds."""

    __slots__ = ("_mldsa", "_signer")

    def __init__(self, row: KeyType, mldsa_key: mldsa.MLDSA44PrivateKey, signer: SigningKey) -> None:
        super().__init__(CompositePublicKey(row, mldsa_key.public_key(), bytes(signer.verify_key)))
        self._mldsa = mldsa_key
        self._signer = signer

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        message = representative(data)
        return string(self._mldsa.sign(message, LABEL) + self._signer.sign(message).signature)

    def private_fields(self) -> bytes:
        public = self._mldsa.public_key().public_bytes_raw() + bytes(self._signer.verify_key)
        return string(public) + string(self._mldsa.private_bytes_raw() + bytes(self._signer))


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import mldsa

    value = _public(fields)
    point = ed25519.check_point(value[MLDSA_PUBLIC_SIZE:])
    try:
        # Any string of that size is a key (FIPS 204, algorithm 23).
        key = mldsa.MLDSA44PublicKey.from_public_bytes(value[:MLDSA_PUBLIC_SIZE])
    except ValueError:
        raise KeyFormatError("invalid ML-DSA-44 public key") from None
    return CompositePublicKey(row, key, point)


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    value, secret = _public(fields), fields.string()
    if len(secret) != SECRET_SIZE:
        raise KeyFormatError(
            f"{NAME} private key of the wrong size", expected=f"{SECRET_SIZE} bytes", received=f"{len(secret)} bytes"
        )
    key = _from_seeds(row, secret[:SEED_SIZE], secret[SEED_SIZE:])
    if key.public.blob != string(NAME) + string(value):
        raise KeyFormatError(f"the public part of the {NAME} key does not match its private part")
    return key


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import mldsa
    from nacl.signing import SigningKey

    return CompositePrivateKey(row, mldsa.MLDSA44PrivateKey.generate(), SigningKey.generate())


def _from_seeds(row: KeyType, mldsa_seed: bytes, ed25519_seed: bytes) -> CompositePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import mldsa
    from nacl.signing import SigningKey

    return CompositePrivateKey(row, mldsa.MLDSA44PrivateKey.from_seed_bytes(mldsa_seed), SigningKey(ed25519_seed))


def _public(fields: Reader) -> bytes:
    value = fields.string()
    if len(value) != PUBLIC_SIZE:
        raise KeyFormatError(
            f"{NAME} public key of the wrong size", expected=f"{PUBLIC_SIZE} bytes", received=f"{len(value)} bytes"
        )
    return value


def _not_of_cryptography(row: KeyType, key: object) -> None:
    return None


MLDSA44_ED25519 = KeyType(
    name=NAME,
    nickname="MLDSA44-ED25519",
    keygen_name="mldsa44-ed25519",
    blob_fields=2,
    sizes=(256,),
    default_size=256,
    signatures=(SignatureAlgorithm(NAME, NAME, "sha512", Grade.EXPERIMENTAL),),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_not_of_cryptography,
    public_from_cryptography=_not_of_cryptography,
    certified_fields=lambda key: key.fields,
)
