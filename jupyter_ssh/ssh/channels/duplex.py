"""A channel and what it is tied to at our end: opening, both directions, end (RFC 4254 §5).

Three ends are made of it: `ChannelStreams` for code that reads and writes, `ChannelTransport` for a protocol of
asyncio's, and, by way of that, `Splice` for a socket.
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
    """Both directions of one channel, from its opening to its end; subclasses say what becomes of them.

    ``channel`` is one that was just asked for (`ChannelHost.open_channel`), or one that the peer wants: `accept` it.
    """

    def __init__(self, host: ChannelHost, channel: Channel) -> None:
        loop = asyncio.get_running_loop()
        self.host = host
        self.channel = channel
        self.opened: asyncio.Future[None] = loop.create_future()
        """Done when the channel is open; raises why it will not be."""
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the channel is closed on both sides, or will never be open."""
        self.error: SSHError | None = None
        """Why the channel was refused or the connection ended, where that is why it is over."""
        channel.on_event = self._on_event
        channel.on_data = self.on_data

    def accept(self, details: bytes = b"") -> None:
        """Confirm a channel that the peer wants; raises `ChannelClosed` when the connection is over."""
        self.channel.accept(details)
        self.opened.set_result(None)

    async def wait_opened(self, seconds: float | None, phase: str) -> None:
        """Wait until the channel is open; one that nobody waits for any more is closed.

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
        """Take what came, and say `Channel.credit` when it is dealt with; ``code`` is 1 for stderr (RFC 4254 §5.2)."""

    @abstractmethod
    def on_eof(self) -> None:
        """Hear that the peer sends nothing more."""

    @abstractmethod
    def on_writable(self) -> None:
        """Hear that all that was waiting to be sent has been sent."""

    def on_request(self, event: e.ChannelRequested) -> bool:
        """Do what the peer asks of the channel; return whether that could be done."""
        return False

    @abstractmethod
    def on_over(self, error: SSHError | None) -> None:
        """Hear that the channel is over: closed, refused, or ended with the connection by ``error``."""

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
            self.opened.exception()  # somebody may wait for it, but need not
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
