"""ssh-ed25519 (RFC 8709), with libsodium: faster than OpenSSL here, and it rejects keys of low order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.wire.types import Reader, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from nacl.signing import SigningKey

NAME = "ssh-ed25519"
PUBLIC_SIZE = 32
SEED_SIZE = 32
SIGNATURE_SIZE = 64


class Ed25519PublicKey(PublicKey):
    """32 bytes: the encoded point of RFC 8032 §5.1.5."""

    __slots__ = ("_point",)

    def __init__(self, row: KeyType, point: bytes) -> None:
        super().__init__(row, string(NAME) + string(point), 256)
        self._point = point

    def to_cryptography(self) -> ed25519.Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric import ed25519

        return ed25519.Ed25519PublicKey.from_public_bytes(self._point)

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        return verifies(self._point, fields.string(), data)


class Ed25519PrivateKey(PrivateKey):
    """A 32-byte seed (RFC 8032 §5.1.5)."""

    __slots__ = ("_signer",)

    def __init__(self, row: KeyType, signer: SigningKey) -> None:
        super().__init__(Ed25519PublicKey(row, bytes(signer.verify_key)))
        self._signer = signer

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        return string(self._signer.sign(data).signature)

    def private_fields(self) -> bytes:
        point = bytes(self._signer.verify_key)
        return string(point) + string(bytes(self._signer) + point)

    def to_cryptography(self) -> ed25519.Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ed25519

        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(self._signer))


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    return Ed25519PublicKey(row, read_point(fields))


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    point = read_point(fields)
    secret = fields.string()
    if len(secret) != SEED_SIZE + PUBLIC_SIZE:
        raise KeyFormatError(
            "Ed25519 private key of the wrong size",
            expected=f"{SEED_SIZE + PUBLIC_SIZE} bytes",
            received=f"{len(secret)} bytes",
        )
    key = _from_seed(row, secret[:SEED_SIZE])
    # A key whose two parts disagree gives its seed away with the first signature.
    if secret[SEED_SIZE:] != point or key.public.blob != string(NAME) + string(point):
        raise KeyFormatError("the public part of the Ed25519 key does not match its private part")
    return key


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from nacl.signing import SigningKey

    return Ed25519PrivateKey(row, SigningKey.generate())


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return _from_seed(row, key.private_bytes_raw()) if isinstance(key, ed25519.Ed25519PrivateKey) else None


def _public_from_cryptography(row: KeyType, key: object) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if not isinstance(key, ed25519.Ed25519PublicKey):
        return None
    return Ed25519PublicKey(row, check_point(key.public_bytes_raw()))


def _from_seed(row: KeyType, seed: bytes) -> Ed25519PrivateKey:
    from nacl.signing import SigningKey

    return Ed25519PrivateKey(row, SigningKey(seed))


def read_point(fields: Reader) -> bytes:
    """Read a public key: a string of 32 bytes.  Raises `KeyFormatError` as `check_point` does."""
    return check_point(fields.string())


def check_point(point: bytes) -> bytes:
    """Return ``point`` if it encodes a point of the curve's main subgroup (RFC 8032 §5.1.3).

    With a point of low order, a forged signature may verify.  Raises `KeyFormatError`.
    """
    from nacl.bindings import crypto_core_ed25519_is_valid_point

    if len(point) != PUBLIC_SIZE:
        raise KeyFormatError(
            "Ed25519 public key of the wrong size",
            expected=f"{PUBLIC_SIZE} bytes (RFC 8709 §4)",
            received=f"{len(point)} bytes",
        )
    if not crypto_core_ed25519_is_valid_point(point):
        raise KeyFormatError("the Ed25519 public key is not on its curve, or is of low order")
    return point


def verifies(point: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether the 64-byte ``signature`` by ``point`` over ``data`` is valid (RFC 8032 §5.1.7)."""
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    if len(signature) != SIGNATURE_SIZE:
        return False
    verifier: VerifyKey = VerifyKey(point)
    try:
        verifier.verify(data, signature)
    except CryptoError:
        return False
    return True


ED25519 = KeyType(
    name=NAME,
    nickname="ED25519",
    keygen_name="ed25519",
    blob_fields=2,
    sizes=(256,),
    default_size=256,
    signatures=(SignatureAlgorithm(NAME, NAME, "sha512"),),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_from_cryptography,
    public_from_cryptography=_public_from_cryptography,
    certified_fields=lambda key: b"",
)
