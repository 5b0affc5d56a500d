"""The groups of RFC 2409 and RFC 3526, and the checks that any other group has to pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd, prod
from typing import Final

from jupyter_ssh.ssh.crypto.key_agreement.primes import odd_primes, pow_in_steps, seems_prime
from jupyter_ssh.ssh.errors import KeyExchangeError


@dataclass(frozen=True, slots=True)
class Group:
    """The multiplicative group modulo the prime ``p``, with the generator ``g``."""

    p: int
    g: int

    @property
    def bits(self) -> int:
        """The size of ``p``."""
        return self.p.bit_length()


# RFC 2409 §6.2 and RFC 3526: the primes are 2**n - 2**(n-64) - 1 + 2**64 * (floor(2**(n-130) * pi) + k), the generator
# is 2.  This maps bits n to k, the smallest number that makes the prime safe.
_K: Final = {1024: 129093, 2048: 124476, 3072: 1690314, 4096: 240904, 6144: 929484, 8192: 4743158}

_MATCHING: Final = ((112, 2048), (128, 3072), (192, 7680))
_MOST_BITS: Final = 8192

FALLBACK_BITS: Final = (2048, 3072, 4096, 6144, 8192)
"""The groups offered by a server without a moduli file."""


@lru_cache
def named_group(bits: int) -> Group:
    """Return the group of RFC 2409 (1024 bits) or RFC 3526; computed, so that nobody has to compare digits."""
    prime = 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (_pi(bits - 130) + _K[bits])
    return Group(prime, 2)


def _pi(bits: int) -> int:
    """Return the integer part of pi · 2**bits, by Machin's formula."""
    guard = 64

    def arctan_of_one_over(n: int) -> int:
        total = term = (1 << bits + guard) // n
        divisor, sign = 1, 1
        while term:
            term //= n * n
            divisor, sign = divisor + 2, -sign
            total += sign * (term // divisor)
        return total

    return 4 * (4 * arctan_of_one_over(5) - arctan_of_one_over(239)) >> guard


def bits_for(strength: int) -> int:
    """Return how large a prime has to be for keys of ``strength`` bits (NIST SP 800-57 part 1, table 2), but not more
    than 8192 bits; for keys of 256 bits it would be 15360."""
    return next((bits for most, bits in _MATCHING if strength <= most), _MOST_BITS)


# --- groups that the peer names ---------------------------------------------------------------------------------------

_SIEVE_LIMIT: Final = 1 << 12

_LARGEST_FULLY_TESTED: Final = 4096
"""Bits above which only the prime itself is tested, which takes one to three seconds: somebody is waiting."""

_ROUNDS: Final = 2
"""How often each number is tested, with other bases.  Whoever signs with the host's key names the group, and has the
secret anyway; it could only let others compute it, and would be found out at 15 of 16 connections.  A mistake, a number
that is composite by chance, passes hardly ever.  OpenSSH's client tests nothing but the size and the generator."""

KNOWN_PRIMES: Final = 64
"""How many verdicts are kept.  Servers have a few dozen groups, and name one of them at each key exchange."""


def check_form(group: Group, minimum: int, maximum: int) -> None:
    """Raise `KeyExchangeError` unless the prime has ``minimum`` to ``maximum`` bits and the generator is in range."""
    if not minimum <= group.bits <= maximum:
        raise _unfit("its prime has the wrong size", f"{minimum} to {maximum} bits", f"{group.bits} bits")
    if not 1 < group.g < group.p - 1:
        raise _unfit("its generator is out of range", "1 < g < p - 1")


def is_published(group: Group) -> bool:
    """Return whether the prime is one of RFC 2409's or RFC 3526's, which need no test."""
    return group.bits in _K and group.p == named_group(group.bits).p


def unsafe_group() -> KeyExchangeError:
    """Return the error for a group whose prime failed `is_safe_prime`."""
    return _unfit("its prime is not a safe prime", "p and (p - 1) / 2 both prime")


def _unfit(why: str, expected: str, received: str | None = None) -> KeyExchangeError:
    return KeyExchangeError(
        f"the server's Diffie-Hellman group is not acceptable: {why}",
        phase="key exchange",
        expected=expected,
        received=received,
        next_step="Use another key exchange method, for example KexAlgorithms=-diffie-hellman-group-exchange-*",
    )


@lru_cache(maxsize=KNOWN_PRIMES)
def is_safe_prime(p: int) -> bool:
    """Return whether (p - 1) / 2 is a prime too, so that every generator in range generates a large subgroup.

    RFC 4419 §3 leaves this to the client; with an unsuitable group any eavesdropper could compute the secret.  It
    takes up to three seconds, to be spent in a thread.  The verdict does not depend on the generator: otherwise a
    server could ask for a new test with each one.
    """
    q = p >> 1
    # The gcd rules out most numbers; what follows costs as much as a hundred key exchanges.
    if p % 4 != 3 or gcd(p * q, _small_primes_product()) != 1:
        return False
    fully = p.bit_length() <= _LARGEST_FULLY_TESTED
    return seems_prime(p, _ROUNDS, pow_in_steps) and (not fully or seems_prime(q, _ROUNDS, pow_in_steps))


@lru_cache
def _small_primes_product() -> int:
    return prod(odd_primes(_SIEVE_LIMIT))


# --- groups that we name ----------------------------------------------------------------------------------------------


_MODULUS_LINE: Final = re.compile(r"[0-9]+ 2 ([0-9]{1,5}) [0-9]+ [0-9]+ ([0-9]{1,5}) ([0-9A-Fa-f]+)")


def parse_moduli(text: str) -> list[Group]:
    """Return the groups of a moduli(5) file whose primes are safe and tested; all other lines are ignored."""
    groups = []
    for line in text.splitlines():
        # Time, type (2: safe prime), tests, trials, size, generator, modulus.
        match = _MODULUS_LINE.fullmatch(line.strip())
        if match is not None and int(match[1]) > 1 and not int(match[1]) & 1:  # bit 0 of the tests: composite
            groups.append(Group(int(match[3], 16), int(match[2])))
    return groups


def choose_group(groups: Sequence[Group], minimum: int, preferred: int, maximum: int, draw: int) -> Group | None:
    """Choose among the smallest groups with at least ``preferred`` bits, else among the largest below, within the
    limits.

    ``draw`` is a random number that selects one of them.  None if there is none.
    """
    fitting = [group for group in groups if minimum <= group.bits <= maximum]
    enough = [group.bits for group in fitting if group.bits >= preferred]
    if not fitting:
        return None
    bits = min(enough) if enough else max(group.bits for group in fitting)
    candidates = [group for group in fitting if group.bits == bits]
    return candidates[draw % len(candidates)]
