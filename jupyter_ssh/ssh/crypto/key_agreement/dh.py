"""Diffie-Hellman modulo a prime (RFC 4253 §8, RFC 4419 §3), with Python's integers.

cryptography is about to drop it.  `pow` does not run in constant time, but each private key is used only once.
"""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.key_agreement.checks import bad_value
from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import Group, named_group
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.wire.types import Reader, mpint, string

EXPONENT_BITS = 512
"""Bits of a private key: twice the largest derived key (RFC 4419 §6.2), but never more than the group has."""

_MIN_BITS_SET = 4
"""OpenSSH's check: with generator 2, the logarithm of a number with one bit set is obvious."""


class DiffieHellman:
    """See `KeyAgreement`; e and f are the contents of their mpints."""

    __slots__ = ("_exponent", "_group")

    def __init__(self, group: Group, random: Randomness) -> None:
        self._group = group
        bits = min(EXPONENT_BITS, group.bits - 2)
        self._exponent = int.from_bytes(random(EXPONENT_BITS // 8), "big") % (1 << bits - 1) | 1 << bits - 1

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        return mpint(pow(self._group.g, self._exponent, self._group.p))[4:]

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        return self._secret(server_public, "the server's Diffie-Hellman value f")

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        secret = self._secret(client_public, "the client's Diffie-Hellman value e")
        return self.client_public(), secret

    def _secret(self, peer: bytes, what: str) -> bytes:
        p = self._group.p
        value = Reader(string(peer)).mpint()  # raises WireError if not in the shortest form
        if not 1 < value < p - 1 or value.bit_count() < _MIN_BITS_SET:
            raise bad_value(what, "a number between 1 and p - 1 that is not an obvious power of the generator")
        secret = pow(value, self._exponent, p)
        if not 1 < secret < p - 1:  # in a small subgroup, which can happen only if the prime is not safe
            raise bad_value(what, "an element of the large subgroup")
        return mpint(secret)


def in_named_group(bits: int, random: Randomness) -> DiffieHellman:
    """Return Diffie-Hellman in a group of RFC 2409 or RFC 3526."""
    return DiffieHellman(named_group(bits), random)
