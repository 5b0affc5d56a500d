"""Prime numbers: small ones by a sieve, large ones by the test of Miller and Rabin."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Final

_BASE_BITS: Final = 60
"""Bits of the base of a test: small enough that multiplying by it is cheap, too many for a peer to guess it."""


def odd_primes(limit: int) -> Iterator[int]:
    """Yield the odd primes below ``limit``."""
    composite = bytearray(limit // 2)  # of 2i + 1
    for index in range(1, limit // 2):
        if composite[index]:
            continue
        prime = 2 * index + 1
        yield prime
        start = prime * prime // 2
        if start < len(composite):
            composite[start::prime] = b"\1" * len(range(start, len(composite), prime))


def seems_prime(number: int, rounds: int, power: Callable[[int, int, int], int] = pow) -> bool:
    """Test an odd number above 3 with ``rounds`` bases that nobody can foresee.

    A composite number passes each round with a probability of at most a quarter, a random one hardly ever.
    """
    twos = (number - 1 & 1 - number).bit_length() - 1
    return all(_passes(number, twos, power) for _ in range(rounds))


def _passes(number: int, twos: int, power: Callable[[int, int, int], int]) -> bool:
    base = 2 + secrets.randbelow(min(1 << _BASE_BITS, number - 3))
    value = power(base, number - 1 >> twos, number)
    if value == 1:
        return True
    for _ in range(twos):
        if value == number - 1:
            return True
        value = value * value % number
    return False


def pow_in_steps(base: int, exponent: int, modulus: int) -> int:
    """Return pow(base, exponent, modulus), as fast for a small base; other threads run between two steps.

    `pow` itself does not release the interpreter's lock until it is done.
    """
    value = 1
    for bit in f"{exponent:b}":
        value = value * value % modulus
        if bit == "1":
            value = value * base % modulus
    return value
