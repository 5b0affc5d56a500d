"""What channels need of the connection that they belong to, in either role."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar, cast

from jupyter_ssh.ssh.errors import ChannelOpenError, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.wire.numbers import OPEN_FAILURE_NAMES

P = TypeVar("P")

ANSWER_SECONDS: Final = 60.0
"""How long a peer may take to open a channel, to start a command, to answer a global request."""

MAX_DESCRIPTION: Final = 300
"""Characters of a peer's reason that an error quotes."""


class Parts:
    """What belongs to one connection and knows of it by its channels only, such as a forwarding: one of each type."""

    def __init__(self) -> None:
        self._parts: dict[type, object] = {}

    def add(self, part: object) -> None:
        """Take in the connection's part of this type."""
        self._parts[type(part)] = part

    def find(self, kind: type[P]) -> P | None:
        """Return the part of that type, None where there is none."""
        return cast("P | None", self._parts.get(kind))

    def of(self, kind: type[P]) -> P:
        """Return the part of that type, which is made, without arguments, at its first use."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        return cast(P, self._parts[kind])


class ChannelHost(Protocol):
    """A connection, as its channels see it."""

    @property
    def parts(self) -> Parts:
        """What else belongs to the connection."""

    @property
    def peer(self) -> str:
        """Who is at the other end, for logs and errors."""

    @property
    def peer_version(self) -> str:
        """The peer's identification string (RFC 4253 §4.2)."""

    @property
    def failure(self) -> SSHError | None:
        """Why the connection is over; None while it is not."""

    def open_channel(self, kind: str, details: bytes = b"") -> Channel:
        """Ask the peer for a channel; tie it to something before the loop turns, such as a `Duplex`.

        Raises:
            ConnectionClosed: The connection is over.
            ChannelOpenError: Too many channels are open.
        """

    async def ask(self, name: str, details: bytes = b"", *, timeout: float = ANSWER_SECONDS) -> bytes | None:
        """Make a global request and return the details of its answer, None where it was refused (RFC 4254 §4).

        Raises:
            DeadlineExceeded: There is no answer within ``timeout`` seconds.
            SSHError: Why the connection ended, if it did.
        """

    def explain(self, error: SSHError) -> None:
        """Give an error what is known of the connection: for a client, the advice on what to do."""

    def rest(self) -> None:
        """Say that nobody is in a hurry for what is being received: see `SessionDriver.rest`."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` as a task that ends with the connection at the latest, and is guarded: see `guard`."""

    def guard(self) -> AbstractContextManager[None]:
        """Surround what the network did not call: an error ends the connection, unless it is a `ChannelError`."""


def refusal(host: ChannelHost, kind: str, event: e.ChannelRefused) -> ChannelOpenError:
    """Make the error for a channel that the peer refused (RFC 4254 §5.1)."""
    error = ChannelOpenError(
        f"{host.peer} refused a {kind} channel",
        phase="opening a channel",
        received=f"{OPEN_FAILURE_NAMES.get(event.reason, 'unknown reason')}: {event.description[:MAX_DESCRIPTION]!r}",
    )
    error.kind, error.reason = kind, event.reason
    host.explain(error)
    return error
