"""Definitions shared by all key exchanges (RFC 4253 §7 and §8): transcript, steps, the verified host key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from jupyter_ssh.ssh.errors import KeyExchangeError, SignatureError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import CERTIFICATE_ALGORITHMS, parse_key_or_certificate
from jupyter_ssh.ssh.keys.types.rsa import host_key_blob
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed
from jupyter_ssh.ssh.protocol.roles import Stage
from jupyter_ssh.ssh.wire import types as t


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides sent before the exchange, for the exchange hash (RFC 4253 §8)."""

    client_version: bytes
    server_version: bytes
    client_kexinit: bytes
    server_kexinit: bytes

    def hash(
        self,
        name: str,
        host_key: bytes,
        client_public: bytes,
        server_public: bytes,
        secret: bytes,
        group: bytes = b"",
    ) -> bytes:
        """Return the exchange hash H; ``secret`` is K in its wire form, ``group`` what a group exchange adds."""
        before = (self.client_version, self.server_version, self.client_kexinit, self.server_kexinit, host_key)
        publics = t.string(client_public) + t.string(server_public)
        return hashlib.new(name, b"".join(map(t.string, before)) + group + publics + secret).digest()


@dataclass(frozen=True, slots=True)
class Secrets:
    """The shared secret K in its wire form, and the exchange hash H."""

    hash_name: str
    secret: bytes = field(repr=False)
    exchange_hash: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a message from the peer: the messages to send.

    After the peer's last message also the secrets, and for the client the server's host key and its signature over
    the exchange hash.
    """

    answers: tuple[bytes, ...] = ()
    secrets: Secrets | None = None
    host_key: PublicKey | None = None
    signature: bytes = b""
    test: SlowTest | None = None


@dataclass(frozen=True, slots=True)
class SlowTest:
    """What has to be found out before the exchange goes on, and takes long."""

    run: Callable[[], bool]
    """It may run in any thread."""
    then: Callable[[bool], Step]
    """Continue with the outcome.  Raises `KeyExchangeError` if the test was not passed."""


class Exchange(Protocol):
    """One run of a key exchange, in either role."""

    @property
    def stage(self) -> Stage:
        """What the peer has to send next."""

    def first(self) -> bytes | None:
        """Return the message that begins it; None for the server, which waits for one."""

    def receive(self, message: bytes) -> Step:
        """Handle a message from the peer, beginning with its number, that GATE allows at this stage.

        Raises `WireError` and `KeyExchangeError`.  Does not check whether the host key is trusted.
        """


def agreed_host_key(agreed: Agreed, host_keys: Sequence[PrivateKey]) -> PrivateKey:
    """Return the server's key for the agreed algorithm."""
    return next(key for key in host_keys if agreed.host_key in key.public.signature_algorithms)


_TAMPERING: Final = "Somebody may be tampering with the connection; do not continue over this network."


def verified_host_key(
    blob: bytes, signature: bytes, exchange_hash: bytes, algorithm: str, required_rsa_size: int | None = None
) -> PublicKey:
    """Return the server's host key or certificate after verifying its signature over the exchange hash.

    Raises `KeyExchangeError`, and `KeyFormatError` for a malformed key or certificate.
    """
    host_key = parse_key_or_certificate(host_key_blob(blob), required_rsa_size)
    if algorithm not in host_key.signature_algorithms:
        raise KeyExchangeError(
            "the server's host key is of another type than agreed on",
            phase="key exchange",
            expected=f"a {'certificate' if algorithm in CERTIFICATE_ALGORITHMS else 'key'} for {algorithm}",
            received=host_key.key_type,
            next_step=_TAMPERING,
        )
    try:
        # Nobody touches a server's security key at each connection, so the touch is not required.
        host_key.verify(signature, exchange_hash, (algorithm,), no_touch_required=True)
    except SignatureError as error:
        raise KeyExchangeError(
            "the server's signature over the key exchange is invalid",
            phase="key exchange",
            expected=f"a valid {algorithm} signature",
            received=str(error),
            next_step=_TAMPERING,
        ) from error
    return host_key
