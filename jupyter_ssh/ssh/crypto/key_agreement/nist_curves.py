"""ECDH over the NIST curves as in RFC 5656 §4 and the ML-KEM hybrids: uncompressed points, x as the secret."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    derive_private_key,
)

from jupyter_ssh.ssh.crypto.key_agreement.checks import bad_value, check_length
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness


class NistPair:
    """A key pair on ``curve``; see `Pair`."""

    __slots__ = ("_curve", "_private", "_size")

    name = "ECDH"

    def __init__(self, curve: EllipticCurve, random: Randomness) -> None:
        self._curve = curve
        self._size = (curve.key_size + 7) // 8  # bytes of a coordinate
        # FIPS 186-5 §A.2.1: 64 bits more than the order, so that the remainder is unbiased.
        wide = int.from_bytes(random((curve.group_order.bit_length() + 64 + 7) // 8), "big")
        self._private = derive_private_key(wide % (curve.group_order - 1) + 1, curve)

    @property
    def public_size(self) -> int:
        """See `Pair.public_size`."""
        return 1 + 2 * self._size

    def public(self) -> bytes:
        """See `Pair.public`."""
        # SEC 1 §2.3.3, by hand: importing cryptography's serialization takes longer than the rest of the exchange.
        numbers = self._private.public_key().public_numbers()
        return b"\4" + numbers.x.to_bytes(self._size, "big") + numbers.y.to_bytes(self._size, "big")

    def secret(self, peer: bytes, what: str) -> bytes:
        """See `Pair.secret`."""
        # Only uncompressed points, as in OpenSSH: RFC 5656 §4 leaves compression to an agreement outside the protocol.
        check_length(what, peer, self.public_size)
        try:
            point = EllipticCurvePublicKey.from_encoded_point(self._curve, peer)
        except ValueError:
            raise bad_value(what, f"an uncompressed point of {self._curve.name}") from None
        return self._private.exchange(ECDH(), point)


def nistp256(random: Randomness) -> NistPair:
    """Return a key pair of P-256."""
    return NistPair(SECP256R1(), random)


def nistp384(random: Randomness) -> NistPair:
    """Return a key pair of P-384."""
    return NistPair(SECP384R1(), random)


def nistp521(random: Randomness) -> NistPair:
    """Return a key pair of P-521."""
    return NistPair(SECP521R1(), random)
