"""curve25519-sha256, RFC 8731: X25519 of RFC 7748, the secret as an mpint."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ...wire.types import mpint_from_bytes
from ..packet_protection.framing import Randomness
from .checks import bad_value, check_length

SIZE = 32
"""Bytes of a private key, a public key and a secret."""


class X25519:
    """One X25519 key pair."""

    __slots__ = ("_private",)

    def __init__(self, random: Randomness) -> None:
        self._private = X25519PrivateKey.from_private_bytes(random(SIZE))

    def public(self) -> bytes:
        """The public key."""
        return self._private.public_key().public_bytes_raw()

    def secret(self, peer: bytes, what: str) -> bytes:
        """The 32 bytes shared with ``peer``; raises `KeyExchangeError`, which calls the peer's value ``what``."""
        check_length(what, peer, SIZE)
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError:  # the all-zero secret that points of small order give, RFC 8731 §3
            raise bad_value(what, "a public key that is no point of small order") from None


class Curve25519:
    """See `KeyAgreement`."""

    __slots__ = ("_pair",)

    def __init__(self, random: Randomness = os.urandom) -> None:
        self._pair = X25519(random)

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        return self._pair.public()

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        return mpint_from_bytes(self._pair.secret(server_public, "the server's X25519 public key"))

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        secret = self._pair.secret(client_public, "the client's X25519 public key")
        return self._pair.public(), mpint_from_bytes(secret)
