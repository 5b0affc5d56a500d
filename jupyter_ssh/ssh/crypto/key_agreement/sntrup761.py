"""Streamlined NTRU Prime 761, the KEM sntrup761 of the NTRU Prime submission to NIST (round 3, 2020).

    p = 761, q = 4591, w = 286; R = Z[x]/(x**p - x - 1); "short" polynomials have w coefficients that are 1 or -1

    secret    f short, g small and invertible modulo 3
    public    h = g / (3 f) modulo q
    encrypt   c = h r, each coefficient rounded to a multiple of 3, for a short r
    decrypt   3 f c = g r + 3 f (rounding): modulo 3 this is g r; divide it by g to get r

Names follow chapter 2 of the submission.  Written in plain Python, because no library that we use has it; it does not
run in constant time, see `packed_polynomials`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from hmac import compare_digest
from struct import Struct

from jupyter_ssh.ssh.crypto.key_agreement.packed_polynomials import Field, P
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness

Q = 4591
W = 286

_HALF_Q = Q // 2
_SMALL_SIZE = (P + 3) // 4
_ROUNDED_SIZE = 1007
_ROUNDED_VALUES = (Q + 2) // 3  # multiples of 3 between -Q/2 and Q/2

_MODULO_3 = Field(3, 8)
_MODULO_Q = Field(Q, 32)

_UINT32S = Struct(f"<{P}I")

# The first byte of the hashed data gives its purpose.
_SESSION_REJECTED, _SESSION, _CONFIRM, _INPUT, _PUBLIC_KEY = (bytes((number,)) for number in range(5))


def _hash(purpose: bytes, *parts: bytes) -> bytes:
    return sha512(purpose + b"".join(parts)).digest()[:32]


# --- polynomials at random --------------------------------------------------------------------------------------------


def _random_small(random: Randomness) -> list[int]:
    """Return random coefficients from -1 to 1."""
    return [((number & 0x3FFFFFFF) * 3 >> 30) - 1 for number in _UINT32S.unpack(random(4 * P))]


def _random_short(random: Randomness) -> list[int]:
    """Return exactly W nonzero coefficients in a random order.

    They are the lowest two bits of random numbers, which are sorted by their other bits.
    """
    numbers = _UINT32S.unpack(random(4 * P))
    drawn = [number & ~1 for number in numbers[:W]] + [number & ~2 | 1 for number in numbers[W:]]
    return [(number & 3) - 1 for number in sorted(drawn)]


# --- polynomials as bytes ---------------------------------------------------------------------------------------------


def _encode_small(coefficients: Sequence[int]) -> bytes:
    """Encode coefficients from -1 to 1, four per byte."""
    digits = [value + 1 for value in coefficients] + [0] * (-P % 4)
    return bytes(
        a | b << 2 | c << 4 | d << 6
        for a, b, c, d in zip(digits[::4], digits[1::4], digits[2::4], digits[3::4], strict=True)
    )


def _encode(values: list[int], limits: list[int]) -> bytes:
    """Encode numbers, each below its limit, in a mixed radix: merge pairs, and emit the low bytes of large results."""
    out = bytearray()
    while len(values) > 1:
        pairs, pair_limits = [], []
        for index in range(0, len(values) - 1, 2):
            value = values[index] + limits[index] * values[index + 1]
            limit = limits[index] * limits[index + 1]
            while limit >= 1 << 14:
                out.append(value & 0xFF)
                value, limit = value >> 8, limit + 255 >> 8
            pairs.append(value)
            pair_limits.append(limit)
        if len(values) % 2:
            pairs.append(values[-1])
            pair_limits.append(limits[-1])
        values, limits = pairs, pair_limits
    (value,), (limit,) = values, limits
    while limit > 1:
        out.append(value & 0xFF)
        value, limit = value >> 8, limit + 255 >> 8
    return bytes(out)


def _decode(data: bytes, limits: list[int]) -> list[int]:
    """Decode numbers; whatever the bytes are, each number is below its limit."""
    if len(limits) == 1:
        return [int.from_bytes(data, "little") % limits[0]]
    pair_limits, tails = [], []  # of each pair its remaining limit, and the bytes emitted for it with their limit
    at = 0
    for index in range(0, len(limits) - 1, 2):
        limit, tail, size = limits[index] * limits[index + 1], 0, 0
        while limit >= 1 << 14:
            tail |= data[at] << 8 * size
            limit, at, size = limit + 255 >> 8, at + 1, size + 1
        pair_limits.append(limit)
        tails.append((tail, 8 * size))
    if len(limits) % 2:
        pair_limits.append(limits[-1])
    pairs = _decode(data[at:], pair_limits)
    values = []
    for index, (tail, size) in enumerate(tails):
        high, low = divmod(tail + (pairs[index] << size), limits[2 * index])
        values += [low, high % limits[2 * index + 1]]
    return values + pairs[len(tails) :]


def _encode_modulo_q(coefficients: Sequence[int]) -> bytes:
    return _encode([(value + _HALF_Q) % Q for value in coefficients], [Q] * P)


def _decode_modulo_q(data: bytes) -> list[int]:
    return [value - _HALF_Q for value in _decode(data, [Q] * P)]


def _decode_rounded(data: bytes) -> list[int]:
    return [value * 3 - _HALF_Q for value in _decode(data, [_ROUNDED_VALUES] * P)]


# --- the KEM ----------------------------------------------------------------------------------------------------------


def _hide(short: Sequence[int], public: bytes, public_hash: bytes) -> tuple[bytes, bytes]:
    """Return the ciphertext for a short polynomial, and that polynomial's bytes."""
    product = _MODULO_Q.multiply(short, _decode_modulo_q(public))
    # Values from -Q/2 to Q/2, rounded to the nearest multiple of 3 and numbered from the lowest.
    rounded = [((value + _HALF_Q) % Q + 1) // 3 for value in product]
    encoded = _encode_small(short)
    confirmation = _hash(_CONFIRM, _hash(_INPUT, encoded), public_hash)
    return _encode(rounded, [_ROUNDED_VALUES] * P) + confirmation, encoded


@dataclass(frozen=True, slots=True)
class SecretKey:
    """f, 1/g and, for invalid ciphertexts, ρ."""

    f: list[int] = field(repr=False)
    inverse_g: list[int] = field(repr=False)
    public: bytes
    rho: bytes = field(repr=False)

    @classmethod
    def generate(cls, random: Randomness) -> SecretKey:
        """Return a fresh key pair."""
        inverse_g = None
        while inverse_g is None:
            g = _random_small(random)
            inverse_g = _MODULO_3.inverse(g)
        f = _random_short(random)
        inverse_3f = _MODULO_Q.inverse([3 * value for value in f])
        assert inverse_3f is not None  # x**p - x - 1 is irreducible modulo q
        public = _encode_modulo_q(_MODULO_Q.multiply(g, inverse_3f))
        return cls(f, inverse_g, public, random(_SMALL_SIZE))

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the secret of ``ciphertext`` (`Sntrup761.ciphertext_size` bytes); an unrelated one if it is
        invalid."""
        product = _MODULO_Q.multiply(self.f, _decode_rounded(ciphertext[:_ROUNDED_SIZE]))
        times_3 = [(3 * value + _HALF_Q) % Q - _HALF_Q for value in product]
        short = [(value + 1) % 3 - 1 for value in _MODULO_3.multiply([v % 3 for v in times_3], self.inverse_g)]
        if P - short.count(0) != W:
            short = [1] * W + [0] * (P - W)
        # Re-encrypt: a modified ciphertext differs, and its sender learns nothing (Fujisaki-Okamoto transform).
        again, encoded = _hide(short, self.public, _hash(_PUBLIC_KEY, self.public))
        if compare_digest(again, ciphertext):
            return _hash(_SESSION, _hash(_INPUT, encoded), ciphertext)
        return _hash(_SESSION_REJECTED, _hash(_INPUT, self.rho), ciphertext)


class Sntrup761:
    """See `Kem`."""

    __slots__ = ()

    name = "sntrup761"
    public_size = 1158
    ciphertext_size = 1039

    def generate(self, random: Randomness) -> tuple[SecretKey, bytes]:
        """See `Kem.generate`."""
        key = SecretKey.generate(random)
        return key, key.public

    def encapsulate(self, public: bytes, random: Randomness) -> tuple[bytes, bytes]:
        """See `Kem.encapsulate`; any bytes are a valid public key, so this does not raise."""
        ciphertext, encoded = _hide(_random_short(random), public, _hash(_PUBLIC_KEY, public))
        return _hash(_SESSION, _hash(_INPUT, encoded), ciphertext), ciphertext


SNTRUP761 = Sntrup761()
