"""X25519 of RFC 7748."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from jupyter_ssh.ssh.crypto.key_agreement.checks import bad_value, check_length
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness

SIZE = 32
"""Bytes of a private key, a public key and a secret."""


class X25519:
    """One X25519 key pair, see `Pair`."""

    __slots__ = ("_private",)

    name = "X25519"
    public_size = SIZE

    def __init__(self, random: Randomness) -> None:
        self._private = X25519PrivateKey.from_private_bytes(random(SIZE))

    def public(self) -> bytes:
        """See `Pair.public`."""
        return self._private.public_key().public_bytes_raw()

    def secret(self, peer: bytes, what: str) -> bytes:
        """See `Pair.secret`."""
        check_length(what, peer, SIZE)
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError:  # points of small order give an all-zero secret, RFC 8731 §3
            raise bad_value(what, "a public key that is not a point of small order") from None
