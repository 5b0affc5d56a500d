"""ssh-ed448 (RFC 8709), with OpenSSL.  PuTTY and AsyncSSH support it, OpenSSH does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.wire.types import Reader, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed448

NAME = "ssh-ed448"
PUBLIC_SIZE = 57
SEED_SIZE = 57
SIGNATURE_SIZE = 114

PRIME = (1 << 448) - (1 << 224) - 1
CURVE_D = -39081
"""The curve is x² + y² = 1 + d x² y² over the field of `PRIME` (RFC 8032 §5.2)."""
LOW_ORDER_Y = (0, 1, PRIME - 1)
"""y of the four points whose order divides the cofactor."""


class Ed448PublicKey(PublicKey):
    """57 bytes: the encoded point of RFC 8032 §5.2.5."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: ed448.Ed448PublicKey) -> None:
        super().__init__(row, string(NAME) + string(key.public_bytes_raw()), 448)
        self._key = key

    def to_cryptography(self) -> ed448.Ed448PublicKey:
        return self._key

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        value = fields.string()
        if len(value) != SIGNATURE_SIZE:
            return False
        try:
            self._key.verify(value, data)
        except InvalidSignature:
            return False
        return True


class Ed448PrivateKey(PrivateKey):
    """A 57-byte seed (RFC 8032 §5.2.5)."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: ed448.Ed448PrivateKey) -> None:
        super().__init__(Ed448PublicKey(row, key.public_key()))
        self._key = key

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        return string(self._key.sign(data))

    def private_fields(self) -> bytes:
        # PROTOCOL.key does not define Ed448; PuTTY and AsyncSSH write it in the same way as Ed25519.
        point = self._key.public_key().public_bytes_raw()
        return string(point) + string(self._key.private_bytes_raw() + point)

    def to_cryptography(self) -> ed448.Ed448PrivateKey:
        return self._key


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import ed448

    return Ed448PublicKey(row, ed448.Ed448PublicKey.from_public_bytes(_check_point(fields.string())))


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ed448

    point, secret = fields.string(), fields.string()
    if len(secret) != SEED_SIZE + PUBLIC_SIZE:
        raise KeyFormatError(
            "Ed448 private key of the wrong size",
            expected=f"{SEED_SIZE + PUBLIC_SIZE} bytes",
            received=f"{len(secret)} bytes",
        )
    key = Ed448PrivateKey(row, ed448.Ed448PrivateKey.from_private_bytes(secret[:SEED_SIZE]))
    # A key whose two parts disagree gives its seed away with the first signature.
    if secret[SEED_SIZE:] != point or key.public.blob != string(NAME) + string(point):
        raise KeyFormatError("the public part of the Ed448 key does not match its private part")
    return key


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ed448

    return Ed448PrivateKey(row, ed448.Ed448PrivateKey.generate())


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import ed448

    return Ed448PrivateKey(row, key) if isinstance(key, ed448.Ed448PrivateKey) else None


def _public_from_cryptography(row: KeyType, key: object) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import ed448

    if not isinstance(key, ed448.Ed448PublicKey):
        return None
    _check_point(key.public_bytes_raw())
    return Ed448PublicKey(row, key)


def _check_point(point: bytes) -> bytes:
    """Return ``point`` if it is on the curve and not of low order (OpenSSL checks neither before verifying).

    RFC 8032 §5.2.3: y in 455 bits, little endian, then the sign of x; x² = (y² - 1) / (d y² - 1) must be a square.
    """
    if len(point) != PUBLIC_SIZE:
        raise KeyFormatError(
            "Ed448 public key of the wrong size",
            expected=f"{PUBLIC_SIZE} bytes (RFC 8709 §4)",
            received=f"{len(point)} bytes",
        )
    y = int.from_bytes(point, "little") & (1 << 455) - 1
    square = y * y % PRIME
    # Euler's criterion for numerator / denominator, whose quadratic character is that of their product.
    residue = pow((square - 1) * (CURVE_D * square - 1), (PRIME - 1) // 2, PRIME)
    if y >= PRIME or y in LOW_ORDER_Y or residue != 1:
        raise KeyFormatError("the Ed448 public key is not on its curve, or is of low order")
    return point


ED448 = KeyType(
    name=NAME,
    nickname="ED448",
    keygen_name="ed448",
    blob_fields=2,
    sizes=(448,),
    default_size=448,
    signatures=(SignatureAlgorithm(NAME, NAME, "shake256"),),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_from_cryptography,
    public_from_cryptography=_public_from_cryptography,
    certified_fields=lambda key: b"",
)
