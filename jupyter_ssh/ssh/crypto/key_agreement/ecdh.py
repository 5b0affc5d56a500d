"""Elliptic-curve Diffie-Hellman in SSH: RFC 5656 §4, and RFC 8731 for Curve25519 and Curve448."""

from __future__ import annotations

from typing import Protocol

from jupyter_ssh.ssh.wire.types import mpint_from_bytes


class Pair(Protocol):
    """A key pair on some curve."""

    @property
    def name(self) -> str:
        """The name of the curve in errors."""

    @property
    def public_size(self) -> int:
        """Bytes of a public key."""

    def public(self) -> bytes:
        """Return the public key in its SSH encoding."""

    def secret(self, peer: bytes, what: str) -> bytes:
        """Return the secret shared with ``peer``, in the curve's fixed size.

        Raises `KeyExchangeError`, which calls the peer's value ``what``.
        """


class Ecdh:
    """See `KeyAgreement`; the secret is encoded as an mpint, its bytes taken as a big-endian number."""

    __slots__ = ("_pair",)

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def client_public(self) -> bytes:
        """See `KeyAgreement.client_public`."""
        return self._pair.public()

    def client_secret(self, server_public: bytes) -> bytes:
        """See `KeyAgreement.client_secret`."""
        return mpint_from_bytes(self._pair.secret(server_public, f"the server's {self._pair.name} public key"))

    def server_reply(self, client_public: bytes) -> tuple[bytes, bytes]:
        """See `KeyAgreement.server_reply`."""
        secret = self._pair.secret(client_public, f"the client's {self._pair.name} public key")
        return self._pair.public(), mpint_from_bytes(secret)
