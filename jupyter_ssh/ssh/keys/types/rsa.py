"""RSA keys (``ssh-rsa``, RFC 4253 §6.6) with rsa-sha2-512, rsa-sha2-256 (RFC 8332) and the old SHA-1 signatures."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

NAME = "ssh-rsa"
MIN_BITS = 2048
"""The minimum size in bits unless the caller allows less, like OpenSSH's RequiredRSASize."""
LEAST_BITS = 768
"""The shortest key a caller can allow: anybody can factor a shorter one."""
LEAST_GENERATED_BITS = 1024
MAX_BITS = 16384
"""OpenSSH's limit: a signature by a longer key keeps a machine busy for seconds."""
DEFAULT_BITS = 3072
PUBLIC_EXPONENT = 65537
MAX_EXPONENT_BITS = 64
"""OpenSSL's limit for keys over 3072 bits: a huge exponent makes verifying as slow as signing."""


SIGNATURE_NAMES = ("rsa-sha2-256", "rsa-sha2-512")
"""Some servers call their RSA host key by the name of its signatures, and so do lines of known_hosts; RFC 8332 §3 calls
every RSA key ``ssh-rsa``."""

_MISNAMED = tuple(string(name) for name in SIGNATURE_NAMES)


def host_key_blob(blob: bytes) -> bytes:
    """Return the blob of a host key, as RFC 8332 has it if it calls itself by one of `SIGNATURE_NAMES`."""
    # Both names are as long, and files with many keys are read with this.
    return string(NAME) + blob[len(_MISNAMED[0]) :] if blob.startswith(_MISNAMED) else blob


class RSAPublicKey(PublicKey):
    """mpint e, mpint n."""

    __slots__ = ("_key",)

    def __init__(self, row: KeyType, key: rsa.RSAPublicKey) -> None:
        numbers = key.public_numbers()
        super().__init__(row, string(NAME) + mpint(numbers.e) + mpint(numbers.n), numbers.n.bit_length())
        self._key = key

    def to_cryptography(self) -> rsa.RSAPublicKey:
        return self._key

    def _check(self, algorithm: SignatureAlgorithm, fields: Reader, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        value = fields.string()
        size = (self.size + 7) // 8
        if not 0 < len(value) <= size:
            return False
        try:
            # Some peers omit leading zero bytes.
            self._key.verify(value.rjust(size, b"\0"), data, PKCS1v15(), _hash(algorithm))
        except InvalidSignature:
            return False
        return True


class RSAPrivateKey(PrivateKey):
    """Two primes, and the numbers derived from them."""

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

    def to_cryptography(self) -> rsa.RSAPrivateKey:
        return self._key


@functools.cache
def allowing(row: KeyType, bits: int) -> KeyType:
    """Return ``row`` with ``bits`` as the minimum size."""
    return dataclasses.replace(row, sizes=range(min(max(bits, LEAST_BITS), MAX_BITS), MAX_BITS + 1))


def _hash(algorithm: SignatureAlgorithm) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    instance: HashAlgorithm = getattr(hashes, algorithm.hash_name.upper())()
    return instance


def _check_public(row: KeyType, e: int, n: int) -> None:
    bits = n.bit_length() if n > 0 else 0
    if bits < row.sizes[0]:
        raise KeyFormatError(
            "RSA key too short",
            expected=f"at least {row.sizes[0]} bits",
            received=f"{bits} bits",
            next_step="Generate a new key, for example with: ssh-keygen -t ed25519; if you have to use this one, allow "
            f"it with RequiredRSASize={bits}"
            if bits >= LEAST_BITS
            else "Generate a new key: anybody can break this one",
        )
    if bits > MAX_BITS:
        raise KeyFormatError("RSA key too long", expected=f"at most {MAX_BITS} bits", received=f"{bits} bits")
    if n % 2 == 0:
        raise KeyFormatError("the modulus of the RSA key is even")
    if e < 3 or e % 2 == 0 or e.bit_length() > MAX_EXPONENT_BITS:
        raise KeyFormatError(
            "the exponent of the RSA key is invalid",
            expected=f"an odd number, 3 or more, of {MAX_EXPONENT_BITS} bits",
        )


def _parse_public(row: KeyType, blob: bytes, fields: Reader) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    e, n = fields.mpint(), fields.mpint()
    _check_public(row, e, n)
    try:
        return RSAPublicKey(row, rsa.RSAPublicNumbers(e, n).public_key())
    except ValueError:
        raise KeyFormatError("invalid RSA public key") from None


def _parse_private(row: KeyType, fields: Reader) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    n, e, d, iqmp, p, q = (fields.mpint() for _ in range(6))
    _check_public(row, e, n)
    # Instead of OpenSSL's check, whose primality tests take longer than a whole login; these detect any damage.
    if (
        not (1 < p < n and 1 < q < n and 1 < d < n and 1 < iqmp < p)
        or p * q != n
        or e * d % (p - 1) != 1
        or e * d % (q - 1) != 1
        or iqmp * q % p != 1
    ):
        raise KeyFormatError("the numbers of the RSA private key do not match")
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), iqmp, rsa.RSAPublicNumbers(e, n))
    try:
        return RSAPrivateKey(row, numbers.private_key(unsafe_skip_rsa_key_validation=True))
    except ValueError:
        raise KeyFormatError("invalid RSA private key") from None


def _generate(row: KeyType, bits: int) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if bits < LEAST_GENERATED_BITS:
        raise KeyFormatError(
            "RSA key too short", expected=f"at least {LEAST_GENERATED_BITS} bits", received=f"{bits} bits"
        )
    return RSAPrivateKey(row, rsa.generate_private_key(PUBLIC_EXPONENT, bits))


def _from_cryptography(row: KeyType, key: object) -> PrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    numbers = key.public_key().public_numbers()
    _check_public(row, numbers.e, numbers.n)
    return RSAPrivateKey(row, key)


def _public_from_cryptography(row: KeyType, key: object) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    _check_public(row, numbers.e, numbers.n)
    return RSAPublicKey(row, key)


def _certified_fields(key: PublicKey) -> bytes:
    # This is the only type whose public fields are in a different order in the private section.
    fields = Reader(key.fields)
    e, n = fields.mpint(), fields.mpint()
    return mpint(n) + mpint(e)


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
        SignatureAlgorithm(NAME, NAME, "sha1", Grade.LEGACY),
    ),
    parse_public=_parse_public,
    parse_private=_parse_private,
    generate=_generate,
    from_cryptography=_from_cryptography,
    public_from_cryptography=_public_from_cryptography,
    certified_fields=_certified_fields,
)
