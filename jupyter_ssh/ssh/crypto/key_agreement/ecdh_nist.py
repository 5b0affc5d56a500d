"""ecdh-sha2-nistp*, RFC 5656 §4: ECDH over the NIST curves, the secret's x coordinate as an mpint."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    derive_private_key,
)

from ...wire.types import mpint_from_bytes
from ..packet_protection.framing import Randomness
from .checks import bad_value, check_length


class EcdhNist:
    """See `KeyAgreement`; ``curve`` is one of the NIST curves."""

    __slots__ = ("_curve", "_private", "_size")

    def __init__(self, curve: EllipticCurve, random: Randomness = os.urandom) -> None:
        self._curve = curve
        self._size = (curve.key_size + 7) // 8  # bytes of a coordinate
        # FIPS 186-5 §A.2.1: 64 bits more than the order has, so that the remainder is not biased.
        wide = int.from_bytes(random((curve.group_order.bit_length() + 64 + 7) // 8), "big")
        self._private = derive_private_key(wide % (curve.group_order - 1) + 1, curve)

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        # SEC 1 §2.3.3, by hand: importing cryptography's serialization takes longer than the rest of an exchange.
        numbers = self._private.public_key().public_numbers()
        return b"\4" + numbers.x.to_bytes(self._size, "big") + numbers.y.to_bytes(self._size, "big")

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        return self._secret(server_public, "the server's ECDH public key")

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        return self.client_public(), self._secret(client_public, "the client's ECDH public key")

    def _secret(self, peer: bytes, what: str) -> bytes:
        # Uncompressed points only, as OpenSSH: RFC 5656 §4 leaves compression to agreement outside the protocol.
        check_length(what, peer, 1 + 2 * self._size)
        try:
            point = EllipticCurvePublicKey.from_encoded_point(self._curve, peer)
        except ValueError:
            raise bad_value(what, f"an uncompressed point of {self._curve.name}") from None
        return mpint_from_bytes(self._private.exchange(ECDH(), point))


def nistp256(random: Randomness = os.urandom) -> EcdhNist:
    """ecdh-sha2-nistp256."""
    return EcdhNist(SECP256R1(), random)
