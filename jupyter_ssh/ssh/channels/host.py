"""What channels need of their connection, in either role."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar, cast

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.errors import ChannelOpenError, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.wire.numbers import OPEN_FAILURE_NAMES

P = TypeVar("P")

ANSWER_SECONDS: Final = 60.0
"""Seconds a peer may take to open a channel, to start a command, or to answer a global request."""

MAX_DESCRIPTION: Final = 300
"""Characters of a peer's reason that an error quotes."""


class Parts:
    """Objects that belong to a connection and use only its channels, such as agent forwarding: one of each type."""

    def __init__(self) -> None:
        self._parts: dict[type, object] = {}

    def add(self, part: object) -> None:
        """Add the connection's part of this type."""
        self._parts[type(part)] = part

    def find(self, kind: type[P]) -> P | None:
        """Return the part of that type; None if there is none."""
        return cast("P | None", self._parts.get(kind))

    def of(self, kind: type[P]) -> P:
        """Return the part of that type, creating it, without arguments, at first use."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        return cast(P, self._parts[kind])


class ChannelHost(Protocol):
    """A connection, as its channels see it."""

    @property
    def changes(self) -> Changes:
        """The changes of the connection and of its channels."""

    @property
    def parts(self) -> Parts:
        """Other objects that belong to the connection."""

    @property
    def peer(self) -> str:
        """The peer, as text for logs and errors."""

    @property
    def peer_version(self) -> str:
        """The peer's identification string (RFC 4253 §4.2)."""

    @property
    def failure(self) -> SSHError | None:
        """Why the connection is over; None while it is not."""

    def open_channel(self, kind: str, details: bytes = b"") -> Channel:
        """Request a channel from the peer; connect it to something, such as a `Duplex`, before the loop runs again.

        Raises:
            ConnectionClosed: The connection is over.
            ChannelOpenError: Too many channels are open.
        """

    async def ask(self, name: str, details: bytes = b"", *, timeout: float = ANSWER_SECONDS) -> bytes | None:
        """Send a global request and return the payload of the answer; None if it was refused (RFC 4254 §4).

        Raises:
            DeadlineExceeded: There is no answer within ``timeout`` seconds.
            SSHError: Why the connection ended, if it did.
        """

    def explain(self, error: SSHError) -> None:
        """Add what is known about the connection to an error: for a client, advice on what to do."""

    def rest(self) -> None:
        """Allow data to arrive in larger pieces, because nobody is waiting for an answer; see `SessionDriver.rest`."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` as a task that ends with the connection at the latest and is guarded, see `guard`."""

    def guard(self) -> AbstractContextManager[None]:
        """Guard code that is not called by the network: an error ends the connection, unless it is a `ChannelError`."""


def refusal(host: ChannelHost, kind: str, event: e.ChannelRefused) -> ChannelOpenError:
    """Return the error for a channel that the peer refused (RFC 4254 §5.1)."""
    error = ChannelOpenError(
        f"{host.peer} refused a {kind} channel",
        phase="opening a channel",
        received=f"{OPEN_FAILURE_NAMES.get(event.reason, 'unknown reason')}: {event.description[:MAX_DESCRIPTION]!r}",
    )
    error.kind, error.reason = kind, event.reason
    host.explain(error)
    return error
