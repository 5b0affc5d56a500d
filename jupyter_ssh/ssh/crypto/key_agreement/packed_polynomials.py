"""Polynomials modulo x**P - x - 1 and a small prime, packed into Python integers: a lane of bits for each coefficient.

An operation on such an integer processes all coefficients at once, in C, and the product of two of them is the product
of the polynomials (Kronecker substitution: the polynomials are evaluated at two to the lane).  This is how plain Python
does in milliseconds what takes a second with lists of coefficients.  None of it runs in constant time.

Outside this file a polynomial is the sequence of its P coefficients, lowest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

P = 761

_LANE = 32
_WORDS = Struct(f"<{P}I")
_LOW_LANES = (1 << _LANE * P) - 1


def _lanes(value: int, count: int, lane: int = _LANE) -> int:
    """Return a packed polynomial of ``count`` coefficients that are all ``value``."""
    return sum(value << lane * index for index in range(count))


def _pack_signed(coefficients: Sequence[int]) -> int:
    # Struct's I rejects negative numbers, but the packed integer may be negative.
    return int.from_bytes(_WORDS.pack(*[value + _OFFSET for value in coefficients]), "little") - _OFFSETS


_OFFSET = 1 << 16
_OFFSETS = _lanes(_OFFSET, P)


class Field:
    """The integers modulo ``modulus``, an odd prime, and polynomials over them.

    ``lane`` is the width of a lane in inversions: 8 is enough for modulus 3, 32 for a modulus of 13 bits.
    """

    def __init__(self, modulus: int, lane: int) -> None:
        self.modulus = modulus
        self._lane = lane
        # Barrett's reduction in all lanes at once: v - ((v >> low) * multiplier >> high) * modulus, see `_reduce`.
        bits = modulus.bit_length()
        self._low = bits - 1
        self._high = bits + 4
        self._multiplier = (1 << self._low + self._high) // modulus
        self._low_mask = _lanes((1 << lane - self._low) - 1, P + 1, lane)
        self._high_mask = _lanes((1 << lane - self._high) - 1, P + 1, lane)
        # A multiple of the modulus in each lane of a product, large enough to make all coefficients positive.
        self._lift = _lanes((1 << _LANE - 1) // modulus * modulus, 2 * P - 1)

    def multiply(self, small: Sequence[int], other: Sequence[int]) -> list[int]:
        """Return the product in the ring, each coefficient from 0 to ``modulus`` - 1.

        Coefficients may be negative; |small| · |other| · P must be below 2**31 for each pair of them.
        """
        product = _pack_signed(small) * _pack_signed(other) + self._lift
        # x**P is x + 1, and the highest power is 2 P - 2, so after folding once all powers are below P.
        high = product >> _LANE * P
        # Reduced as lists, because three lanes that are nearly full may have to be added.
        low = _WORDS.unpack((product & _LOW_LANES).to_bytes(4 * P, "little"))
        folded = _WORDS.unpack(high.to_bytes(4 * P, "little"))  # P - 1 coefficients and a zero
        modulus = self.modulus
        shifted = (0, *folded[:-1])
        return [(a + b + c) % modulus for a, b, c in zip(low, folded, shifted, strict=True)]

    def inverse(self, polynomial: Sequence[int]) -> list[int] | None:
        """Return the inverse of the polynomial; None if there is none, impossible if x**P - x - 1 is irreducible.

        Division steps of Bernstein and Yang ("Fast constant-time gcd computation and modular inversion", 2019), on
        polynomials with their coefficients in reverse: f and g shrink from the front while v and r grow, and
        g ≡ r · input modulo f's first value always holds, up to powers of x.
        """
        modulus, lane, reduce = self.modulus, self._lane, self._reduce
        lowest = (1 << lane) - 1
        f = 1 | (modulus - 1) << lane * (P - 1) | (modulus - 1) << lane * P  # 1 - x**(P-1) - x**P
        g = self._pack([value % modulus for value in reversed(polynomial)])
        v, r = 0, 1
        delta = 1
        inverse_f0 = 1
        for _ in range(2 * P - 1):
            v <<= lane
            if delta > 0 and (g & lowest) % modulus:
                delta, f, g, v, r = -delta, g, f, r, v
                inverse_f0 = pow(f & lowest, -1, modulus)
            delta += 1
            # Add the multiple of f that makes g's lowest coefficient zero; then divide g by x.
            factor = -(g & lowest) * inverse_f0 % modulus
            g = reduce(g + factor * f) >> lane
            r = reduce(r + factor * v)
        if delta:
            return None
        return [value * inverse_f0 % modulus for value in reversed(self._unpack(v))]

    def _reduce(self, packed: int) -> int:
        """Reduce modulo ``modulus``; every lane is then below 2.2 moduli.

        A lane may contain up to ``modulus`` times that: the sum of one such number and another one times a reduced
        coefficient.  ``lane`` is chosen so that nothing overflows into the next lane.
        """
        quotients = (packed >> self._low & self._low_mask) * self._multiplier >> self._high & self._high_mask
        return packed - quotients * self.modulus

    def _pack(self, coefficients: Sequence[int]) -> int:
        if self._lane == 8:
            return int.from_bytes(bytes(coefficients), "little")
        return int.from_bytes(_WORDS.pack(*coefficients), "little")

    def _unpack(self, packed: int) -> Sequence[int]:
        size = self._lane // 8 * P
        data = (packed & (1 << 8 * size) - 1).to_bytes(size, "little")
        return data if self._lane == 8 else _WORDS.unpack(data)
