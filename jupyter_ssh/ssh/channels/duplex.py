"""A channel connected to something on our side: opening, both directions, end (RFC 4254 §5).

Subclasses are `ChannelStreams`, for code that reads and writes, and `ChannelTransport`, for an asyncio protocol and,
with `Splice`, for a socket.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from jupyter_ssh.ssh.channels.host import ChannelHost, refusal
from jupyter_ssh.ssh.errors import ChannelClosed, SSHError
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel


class Duplex(ABC):
    """Both directions of one channel, from its opening to its end; subclasses handle the data.

    ``channel`` is one that was just requested (`ChannelHost.open_channel`), or one that the peer requested: `accept`
    it.
    """

    def __init__(self, host: ChannelHost, channel: Channel) -> None:
        loop = asyncio.get_running_loop()
        self.host = host
        self.channel = channel
        self.opened: asyncio.Future[None] = loop.create_future()
        """Done when the channel is open; raises why it will not be."""
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the channel is closed on both sides, or was refused."""
        self.error: SSHError | None = None
        """Why the channel was refused or the connection ended, if that ended the channel."""
        channel.on_event = self._on_event
        channel.on_data = self.on_data

    def accept(self, details: bytes = b"") -> None:
        """Confirm a channel that the peer requested.  Raises `ChannelClosed` if the connection is over."""
        self.channel.accept(details)
        self.opened.set_result(None)

    async def wait_opened(self, seconds: float | None, phase: str) -> None:
        """Wait until the channel is open; if the wait ends early, close it.

        Raises:
            ChannelOpenError: The peer refused it.
            DeadlineExceeded: The peer did not answer within ``seconds``; it names ``phase``.
            SSHError: Why the connection ended, if it did.
        """
        try:
            await within(asyncio.shield(self.opened), seconds, phase)
        except BaseException:
            self.channel.abort()
            raise

    # --- for subclasses -----------------------------------------------------------------------------------------------

    @abstractmethod
    def on_data(self, data: bytes, code: int | None) -> None:
        """Handle received data, and call `Channel.credit` when done; ``code`` is 1 for stderr (RFC 4254 §5.2)."""

    @abstractmethod
    def on_eof(self) -> None:
        """Handle the peer's end of file."""

    @abstractmethod
    def on_writable(self) -> None:
        """Handle that everything waiting has been sent."""

    def on_request(self, event: e.ChannelRequested) -> bool:
        """Handle a channel request; return whether it succeeded."""
        return False

    @abstractmethod
    def on_over(self, error: SSHError | None) -> None:
        """Handle the end of the channel: closed, refused, or ended with the connection by ``error``."""

    # --- what the channel tells ---------------------------------------------------------------------------------------

    def _on_event(self, event: e.ChannelEvent) -> None:
        _HANDLERS[type(event)](self, event)

    def _opened(self, event: e.ChannelOpened) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def _refused(self, event: e.ChannelRefused) -> None:
        self._finish(refusal(self.host, self.channel.kind, event))

    def _requested(self, event: e.ChannelRequested) -> None:
        done = self.on_request(event)
        if event.want_reply:
            self.channel.reply(done)

    def _eof_received(self, event: e.ChannelEofReceived) -> None:
        self.on_eof()

    def _writable(self, event: e.ChannelWritable) -> None:
        self.on_writable()

    def _closed(self, event: e.ChannelClosed) -> None:
        self._finish(event.error)

    def _finish(self, error: SSHError | None) -> None:
        self.error = error
        if not self.opened.done():
            self.opened.set_exception(error or ChannelClosed("the channel was closed", phase="opening a channel"))
            self.opened.exception()  # it need not be awaited
        if not self.over.done():
            self.over.set_result(None)
        self.on_over(error)


_HANDLERS: Final[Mapping[type[e.ChannelEvent], Callable[[Duplex, Any], None]]] = {
    e.ChannelOpened: Duplex._opened,
    e.ChannelRefused: Duplex._refused,
    e.ChannelRequested: Duplex._requested,
    e.ChannelEofReceived: Duplex._eof_received,
    e.ChannelWritable: Duplex._writable,
    e.ChannelClosed: Duplex._closed,
}
