"""The interfaces between the transport, the layers above it (authentication and connection) and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

Handler = Callable[[bytes], None]
"""Takes the body of a packet: padding length, message number, fields, padding."""

Handlers = Mapping[int, Handler]
"""Handlers by message number."""

Clock = Callable[[], float]
"""Returns seconds of a monotonic clock, which the driver of a session passes in."""


def stopped() -> float:
    """Stand in for the clock of a session that has none."""
    return 0.0


def payload_end(body: bytes) -> int:
    """Return where the padding of a packet's body begins."""
    return len(body) - body[0]


class Peer(Protocol):
    """What the transport knows of the peer."""

    @property
    def peer_version(self) -> bytes:
        """Its identification string."""

    @property
    def extensions(self) -> Mapping[str, bytes]:
        """What it announced in EXT_INFO (RFC 8308)."""


class MessageSender(Protocol):
    """Sends the messages of a layer."""

    @property
    def congested(self) -> bool:
        """Whether channels must hold their data back: keys are changing, or the network is slow."""

    @property
    def closed(self) -> bool:
        """Whether the session is over: nothing is sent any more."""

    def send(self, payload: bytes) -> None:
        """Queue one message; it waits while keys change (RFC 4253 §7.1)."""

    def send_data(self, payload: bytes) -> None:
        """Do the same for a message that carries data or adjusts a window: the packet ring leaves those out."""
