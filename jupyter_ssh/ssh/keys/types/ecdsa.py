"""ecdsa-sha2-nistp256, -384 and -521 (RFC 5656)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

UNCOMPRESSED = 4
"""First byte of an uncompressed point, the only form OpenSSH and we accept (SEC 1 §2.3.3)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of RFC 5656 §10.1."""

    identifier: str
    openssl_name: str
    """Its name in `cryptography`: that of its class in lower case."""
    size: int
    hash_name: str
    """RFC 5656 §6.2.1: the hash follows from the curve's size."""

    @property
    def key_type(self) -> str:
        return f"ecdsa-sha2-{self.identifier}"

    def instance(self) -> ec.EllipticCurve:
        """Return the curve for `cryptography`."""
        from cryptography.hazmat.primitives.asymmetric import ec

        curve: ec.EllipticCurve = getattr(ec, self.openssl_name.upper())()
        return curve

    def signature_scheme(self) -> ec.ECDSA:
        """Return ECDSA with the curve's hash."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        algorithm: HashAlgorithm = getattr(hashes, self.hash_name.upper())()
        return ec.ECDSA(algorithm)


CURVES = (
    Curve("nistp256", "secp256r1", 256, "sha256"),
    Curve("nistp384", "secp384r1", 384, "sha384"),
    Curve("nistp521", "secp521r1", 521, "sha512"),
)
CURVE_OF = {curve.key_type: curve for curve in CURVES}


class ECDSAPublicKey(PublicKey):
    """A point on its curve (RFC 5656 §3.1)."""

    __slots__ = ("_curve", "_key")

    def __init__(self, row: KeyType, curve: Curve, key: ec.EllipticCurvePublicKey) -> None:
        blob = string(curve.key_type) + public_fields(curve, key)
        super().__init__(row, blob, curve.size)
        self._curve = curve
        self._key = key

    def to_cryptography(self) -> ec.EllipticCurvePublicKey:
        return self._key

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        return verifies(self._curve, self._key, fields.string(), data)


class ECDSAPrivateKey(PrivateKey):
    """A scalar between 1 and the order of the curve's base point."""

    __slots__ = ("_curve", "_key")

    def __init__(self, row: KeyType, curve: Curve, key: ec.EllipticCurvePrivateKey) -> None:
        super().__init__(ECDSAPublicKey(row, curve, key.public_key()))
        self._curve = curve
        self._key = key

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(self._key.sign(data, self._curve.signature_scheme()))
        return string(mpint(r) + mpint(s))

    def private_fields(self) -> bytes:
        scalar = self._key.private_numbers().private_value
        return public_fields(self._curve, self._key.public_key()) + mpint(scalar)

    def to_cryptography(self) -> ec.EllipticCurvePrivateKey:
        return self._key


def verifies(curve: Curve, key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    """Return whether ``signature``, mpint r and mpint s (RFC 5656 §3.1.2), is valid for ``data``.

    May raise `WireError`.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    pair = Reader(signature)
    r, s = pair.mpint(), pair.mpint()
    pair.finish()
    if not (0 < r < 1 << curve.size and 0 < s < 1 << curve.size):
        return False
    try:
        key.verify(encode_dss_signature(r, s), data, curve.signature_scheme())
    except InvalidSignature:
        return False
    return True


def public_fields(curve: Curve, key: ec.EllipticCurvePublicKey) -> bytes:
    """Return string(curve) string(point) (RFC 5656 §3.1)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return string(curve.identifier) + string(point)


def parse_point(curve: Curve, fields: Reader) -> ec.EllipticCurvePublicKey:
    """Parse string(curve) string(point).  Raises `KeyFormatError` for a point that is not on the curve.

    (The curves have cofactor 1: the only point of low order is infinity, which has no uncompressed form.)
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    identifier = fields.string()
    if identifier != curve.identifier.encode("ascii"):
        raise KeyFormatError(
            f"{curve.key_type} key on another curve", expected=curve.identifier, received=repr(identifier[:32])
        )
    point = fields.string()
    size = 1 + 2 * ((curve.size + 7) // 8)
    if len(point) != size or point[0] != UNCOMPRESSED:
        raise KeyFormatError(
            f"malformed {curve.key_type} point",
            expected=f"an uncompressed point of {size} bytes",
            received=f"{len(point)} bytes",
        )
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve.instance(), point)
    except ValueError:
        raise KeyFormatError(f"the point of the {curve.key_type} key is not on its curve") from None


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    curve = CURVE_OF[row.name]
    return ECDSAPublicKey(row, curve, parse_point(curve, fields))


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = CURVE_OF[row.name]
    point = parse_point(curve, fields)
    scalar = fields.mpint()
    if not 0 < scalar < 1 << curve.size:
        raise KeyFormatError(f"the private value of the {curve.key_type} key is out of range")
    try:
        key = ec.derive_private_key(scalar, curve.instance())
    except ValueError:
        raise KeyFormatError(f"the private value of the {curve.key_type} key is out of range") from None
    if key.public_key().public_numbers() != point.public_numbers():
        raise KeyFormatError(f"the public part of the {curve.key_type} key does not match its private part")
    return ECDSAPrivateKey(row, curve, key)


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = CURVE_OF[row.name]
    return ECDSAPrivateKey(row, curve, ec.generate_private_key(curve.instance()))


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = CURVE_OF[row.name]
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == curve.openssl_name:
        return ECDSAPrivateKey(row, curve, key)
    return None


def _public_from_cryptography(row: KeyType, key: object) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = CURVE_OF[row.name]
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == curve.openssl_name:
        return ECDSAPublicKey(row, curve, key)
    return None


ECDSA = tuple(
    KeyType(
        name=curve.key_type,
        nickname="ECDSA",
        keygen_name="ecdsa",
        blob_fields=3,
        sizes=(curve.size,),
        default_size=curve.size,
        signatures=(SignatureAlgorithm(curve.key_type, curve.key_type, curve.hash_name),),
        parse_public=_parse_public,
        parse_private=_parse_private,
        generate=_generate,
        from_cryptography=_from_cryptography,
        public_from_cryptography=_public_from_cryptography,
        certified_fields=lambda key: key.fields,
    )
    for curve in CURVES
)
