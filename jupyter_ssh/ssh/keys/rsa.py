"""RSA keys (``ssh-rsa``, RFC 4253 §6.6) with the signatures rsa-sha2-512 and rsa-sha2-256 (RFC 8332)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import KeyFormatError
from ..wire.types import Reader, mpint, string
from .base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

NAME = "ssh-rsa"
MIN_BITS = 2048
MAX_BITS = 16384
"""OpenSSH's limit: beyond it a single signature keeps a machine busy for seconds."""
DEFAULT_BITS = 3072
PUBLIC_EXPONENT = 65537


class RSAPublicKey(PublicKey):
    """mpint e, mpint n."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: rsa.RSAPublicKey) -> None:
        numbers = key.public_numbers()
        super().__init__(row, string(NAME) + mpint(numbers.e) + mpint(numbers.n), numbers.n.bit_length())
        self._key = key

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        value = fields.string()
        size = (self.size + 7) // 8
        if not 0 < len(value) <= size:
            return False
        try:
            # Some peers send the number without its leading zero bytes.
            self._key.verify(value.rjust(size, b"\0"), data, PKCS1v15(), _hash(algorithm))
        except InvalidSignature:
            return False
        return True


class RSAPrivateKey(PrivateKey):
    """Two primes with what follows from them."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: rsa.RSAPrivateKey) -> None:
        super().__init__(RSAPublicKey(row, key.public_key()))
        self._key = key

    def _sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return string(self._key.sign(data, PKCS1v15(), _hash(algorithm)))

    def private_fields(self) -> bytes:
        secret = self._key.private_numbers()
        numbers = (secret.public_numbers.n, secret.public_numbers.e, secret.d, secret.iqmp, secret.p, secret.q)
        return b"".join(map(mpint, numbers))


def _hash(algorithm: SignatureAlgorithm) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    instance: HashAlgorithm = getattr(hashes, algorithm.hash_name.upper())()
    return instance


def _check_public(e: int, n: int) -> None:
    bits = n.bit_length() if n > 0 else 0
    if bits < MIN_BITS:
        raise KeyFormatError(
            "RSA key too short",
            expected=f"at least {MIN_BITS} bits",
            received=f"{bits} bits",
            next_step="Make a new key, for example with: ssh-keygen -t ed25519",
        )
    if bits > MAX_BITS:
        raise KeyFormatError("RSA key too long", expected=f"at most {MAX_BITS} bits", received=f"{bits} bits")
    if n % 2 == 0:
        raise KeyFormatError("the modulus of the RSA key is even")
    if e < 3 or e % 2 == 0 or e >= n:
        raise KeyFormatError("the exponent of the RSA key is impossible", expected="an odd number of 3 or more")


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    e, n = fields.mpint(), fields.mpint()
    _check_public(e, n)
    try:
        return RSAPublicKey(row, rsa.RSAPublicNumbers(e, n).public_key())
    except ValueError:
        raise KeyFormatError("impossible RSA public key") from None


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    n, e, d, iqmp, p, q = (fields.mpint() for _ in range(6))
    _check_public(e, n)
    # In place of OpenSSL's own check, whose primality tests take longer than a whole login; these find any damage.
    if (
        not (1 < p < n and 1 < q < n and 1 < d < n and 1 < iqmp < p)
        or p * q != n
        or e * d % (p - 1) != 1
        or e * d % (q - 1) != 1
        or iqmp * q % p != 1
    ):
        raise KeyFormatError("the numbers of the RSA private key do not belong together")
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), iqmp, rsa.RSAPublicNumbers(e, n))
    try:
        return RSAPrivateKey(row, numbers.private_key(unsafe_skip_rsa_key_validation=True))
    except ValueError:
        raise KeyFormatError("impossible RSA private key") from None


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return RSAPrivateKey(row, rsa.generate_private_key(PUBLIC_EXPONENT, bits))


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    numbers = key.public_key().public_numbers()
    _check_public(numbers.e, numbers.n)
    return RSAPrivateKey(row, key)


RSA = KeyType(
    name=NAME,
    nickname="RSA",
    keygen_name="rsa",
    blob_fields=3,
    sizes=range(MIN_BITS, MAX_BITS + 1),
    default_size=DEFAULT_BITS,
    signatures=(
        SignatureAlgorithm("rsa-sha2-512", NAME, "sha512"),
        SignatureAlgorithm("rsa-sha2-256", NAME, "sha256"),
    ),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_from_cryptography,
)
