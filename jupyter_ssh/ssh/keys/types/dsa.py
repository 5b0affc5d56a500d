"""ssh-dss (RFC 4253 §6.6): DSA with SHA-1.  Legacy: OpenSSH disabled it in 2015 and removed it in 2025."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import dsa

NAME = "ssh-dss"
MODULUS_BITS = (1024, 2048, 3072, 4096)
"""Sizes of p.  FIPS 186-2, which RFC 4253 refers to, has only the first; PuTTY generated longer ones."""
GENERATED_BITS = 1024
ORDER_BITS = 160
ORDER_SIZE = ORDER_BITS // 8


class DSAPublicKey(PublicKey):
    """mpint p, mpint q, mpint g, mpint y."""

    __slots__ = ("_key", "_order")

    def __init__(self, row: KeyType, key: dsa.DSAPublicKey) -> None:
        numbers = key.public_numbers()
        domain = numbers.parameter_numbers
        values = (domain.p, domain.q, domain.g, numbers.y)
        super().__init__(row, string(NAME) + b"".join(map(mpint, values)), domain.p.bit_length())
        self._key = key
        self._order = domain.q

    def to_cryptography(self) -> dsa.DSAPublicKey:
        return self._key

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA1

        value = fields.string()
        if len(value) != 2 * ORDER_SIZE:
            return False
        r, s = (int.from_bytes(half, "big") for half in (value[:ORDER_SIZE], value[ORDER_SIZE:]))
        if not (0 < r < self._order and 0 < s < self._order):
            return False
        try:
            self._key.verify(encode_dss_signature(r, s), data, SHA1())
        except InvalidSignature:
            return False
        return True


class DSAPrivateKey(PrivateKey):
    """mpint x, with the public numbers."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: dsa.DSAPrivateKey) -> None:
        super().__init__(DSAPublicKey(row, key.public_key()))
        self._key = key

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA1

        r, s = decode_dss_signature(self._key.sign(data, SHA1()))
        return string(r.to_bytes(ORDER_SIZE, "big") + s.to_bytes(ORDER_SIZE, "big"))

    def private_fields(self) -> bytes:
        secret = self._key.private_numbers()
        domain = secret.public_numbers.parameter_numbers
        return b"".join(map(mpint, (domain.p, domain.q, domain.g, secret.public_numbers.y, secret.x)))

    def to_cryptography(self) -> dsa.DSAPrivateKey:
        return self._key


def _check_numbers(p: int, q: int, g: int, y: int) -> None:
    """Check the numbers (FIPS 186-4 §4.1), except that p and q are prime, which would take longer than a whole
    login."""
    bits = p.bit_length() if p > 0 else 0
    if bits not in MODULUS_BITS or q.bit_length() != ORDER_BITS or q < 0:
        raise KeyFormatError(
            "DSA key of the wrong size",
            expected=f"p of {' or '.join(map(str, MODULUS_BITS))} bits, q of {ORDER_BITS}",
            received=f"{bits} and {q.bit_length()} bits",
        )
    if p % 2 == 0 or q % 2 == 0 or (p - 1) % q:
        raise KeyFormatError("the modulus of the DSA key is invalid", expected="primes p and q, q dividing p - 1")
    for name, value in (("generator", g), ("public value", y)):
        # The order is exactly q, as that is prime; this excludes the subgroups of low order.
        if not 1 < value < p - 1 or pow(value, q, p) != 1:
            raise KeyFormatError(f"the {name} of the DSA key is not in its group")


def _check_private_value(x: int, q: int) -> None:
    if not 0 < x < q:
        raise KeyFormatError("the private value of the DSA key is out of range")


def _public_numbers(fields: Reader) -> dsa.DSAPublicNumbers:
    from cryptography.hazmat.primitives.asymmetric import dsa

    p, q, g, y = (fields.mpint() for _ in range(4))
    _check_numbers(p, q, g, y)
    return dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g))


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    numbers = _public_numbers(fields)
    try:
        return DSAPublicKey(row, numbers.public_key())
    except ValueError:
        raise KeyFormatError("invalid DSA public key") from None


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import dsa

    numbers = _public_numbers(fields)
    x = fields.mpint()
    _check_private_value(x, numbers.parameter_numbers.q)
    try:
        # OpenSSL checks that x and y belong together.
        return DSAPrivateKey(row, dsa.DSAPrivateNumbers(x, numbers).private_key())
    except ValueError:
        raise KeyFormatError("the public part of the DSA key does not match its private part") from None


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import dsa

    return DSAPrivateKey(row, dsa.generate_private_key(bits))


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import dsa

    if not isinstance(key, dsa.DSAPrivateKey):
        return None
    _check_object(key.public_key())
    numbers = key.private_numbers()
    _check_private_value(numbers.x, numbers.public_numbers.parameter_numbers.q)
    return DSAPrivateKey(row, key)


def _public_from_cryptography(row: KeyType, key: object) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import dsa

    if not isinstance(key, dsa.DSAPublicKey):
        return None
    _check_object(key)
    return DSAPublicKey(row, key)


def _check_object(key: dsa.DSAPublicKey) -> None:
    numbers = key.public_numbers()
    domain = numbers.parameter_numbers
    _check_numbers(domain.p, domain.q, domain.g, numbers.y)


DSA = KeyType(
    name=NAME,
    nickname="DSA",
    keygen_name="dsa",
    blob_fields=5,
    sizes=(GENERATED_BITS,),
    default_size=GENERATED_BITS,
    signatures=(SignatureAlgorithm(NAME, NAME, "sha1", Grade.LEGACY),),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_from_cryptography,
    public_from_cryptography=_public_from_cryptography,
    certified_fields=lambda key: key.fields,
)
