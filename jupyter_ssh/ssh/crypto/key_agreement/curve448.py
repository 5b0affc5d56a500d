"""X448 of RFC 7748."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey

from jupyter_ssh.ssh.crypto.key_agreement.checks import bad_value, check_length
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness

SIZE = 56
"""Bytes of a private key, a public key and a secret."""


class X448:
    """One X448 key pair, see `Pair`."""

    __slots__ = ("_private",)

    name = "X448"
    public_size = SIZE

    def __init__(self, random: Randomness) -> None:
        self._private = X448PrivateKey.from_private_bytes(random(SIZE))

    def public(self) -> bytes:
        """See `Pair.public`."""
        return self._private.public_key().public_bytes_raw()

    def secret(self, peer: bytes, what: str) -> bytes:
        """See `Pair.secret`."""
        check_length(what, peer, SIZE)
        try:
            return self._private.exchange(X448PublicKey.from_public_bytes(peer))
        except ValueError:  # points of small order give an all-zero secret, RFC 8731 §3
            raise bad_value(what, "a public key that is not a point of small order") from None
