"""A channel as an asyncio transport, for any protocol."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, cast

from jupyter_ssh.ssh.channels.duplex import Duplex
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.protocol.channel import Channel

HIGH_WATER: Final = 1024 * 1024
"""Bytes that may wait for the peer's window before the protocol is told to pause."""


class ChannelTransport(Duplex, asyncio.Transport):
    """An asyncio transport on a channel: wait until it is open, then `attach` a protocol.

    Data that the protocol does not accept stays in the channel's window.  Unlike a socket's, this transport tells the
    protocol at once that it is closed, because closing a channel may take as long as its peer likes: see `Duplex.over`.
    """

    def __init__(self, host: ChannelHost, channel: Channel) -> None:
        Duplex.__init__(self, host, channel)
        asyncio.Transport.__init__(self)
        self._loop = asyncio.get_running_loop()
        self._protocol: asyncio.BaseProtocol | None = None
        self._held: deque[bytes] = deque()
        self._reading = False
        self._delivering = False
        self._eof = False
        """Whether the peer sends no more, and the protocol has not been told yet."""
        self._closing = False
        self._lost = False
        self._paused_writing = False
        self._high = HIGH_WATER

    def attach(self, protocol: asyncio.BaseProtocol) -> None:
        """Connect the protocol, which from now on gets the bytes, and hears of an end that came before."""
        self._protocol = protocol
        protocol.connection_made(self)
        if self._lost:
            self._loop.call_soon(protocol.connection_lost, self.error)
        self.resume_reading()

    # --- the channel's side -------------------------------------------------------------------------------------------

    def on_data(self, data: bytes, code: int | None) -> None:
        """Pass data to the protocol, or keep it."""
        if code is not None or self._closing:
            self.channel.credit(len(data))
        else:
            self._held.append(data)
            self._deliver()

    def on_eof(self) -> None:
        """Tell the protocol, once it has received everything."""
        self._eof = True
        self._deliver()

    def on_writable(self) -> None:
        """Let the protocol continue writing."""
        if self._paused_writing and self._protocol is not None:
            self._paused_writing = False
            self._protocol.resume_writing()

    def on_over(self, error: SSHError | None) -> None:
        """Tell the protocol: at once if the connection is over too, else once it has received everything."""
        if error is not None:
            self._end(error)
        else:
            self._eof = self._eof or not self.channel.eof_received
            self._deliver()

    def _deliver(self) -> None:
        """Pass on waiting data, as long as the protocol accepts it."""
        if self._protocol is None or self._delivering:
            return
        self._delivering = True
        try:
            while self._held and self._reading and not self._closing:
                data = self._held.popleft()
                self._hand_on(data)
                self.channel.credit(len(data))
            if not self._held and self._reading and not self._closing:
                self._deliver_end()
        finally:
            self._delivering = False

    def _hand_on(self, data: bytes) -> None:
        protocol = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            cast(asyncio.Protocol, protocol).data_received(data)
            return
        view = memoryview(data)
        while view and not self._closing:
            room = cast(memoryview, protocol.get_buffer(len(view)))
            count = min(len(room), len(view))
            room[:count] = view[:count]
            protocol.buffer_updated(count)
            view = view[count:]

    def _deliver_end(self) -> None:
        if self._eof:
            self._eof = False
            if not cast(asyncio.Protocol, self._protocol).eof_received():
                self.close()
        if self.over.done():
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        """End it, dropping waiting data."""
        self._closing = True
        self._held.clear()
        if not self._lost:
            self._lost = True
            if self._protocol is not None:
                self._loop.call_soon(self._protocol.connection_lost, error)

    # --- the protocol's side ------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send bytes, which must not change afterwards; they are dropped if the channel no longer accepts any."""
        channel = self.channel
        if self._closing or channel.close_sent or not data:
            return
        channel.write(data)
        if channel.unsent > self._high and not self._paused_writing and self._protocol is not None:
            self._paused_writing = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Send them as one piece."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Return true: there is SSH_MSG_CHANNEL_EOF."""
        return True

    def write_eof(self) -> None:
        """Send an end of file after what was written; data from the peer still arrives."""
        self.channel.eof()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes may wait before the protocol is told to pause; it resumes when none do."""
        self._high = HIGH_WATER if high is None else high

    def get_write_buffer_size(self) -> int:
        """Return the number of waiting bytes."""
        return self.channel.unsent

    @property
    def unread(self) -> bool:
        """Whether there is data that the protocol has not accepted."""
        return bool(self._held)

    def pause_reading(self) -> None:
        """Keep received data, up to the channel's window."""
        self._reading = False

    def resume_reading(self) -> None:
        """Pass on the data that was kept."""
        self._reading = True
        self._deliver()

    def is_reading(self) -> bool:
        """Return whether bytes are passed on."""
        return self._reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Pass bytes to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        assert self._protocol is not None
        return self._protocol

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing

    def close(self) -> None:
        """Close the channel once all data has been sent; the protocol is told at once."""
        if not self._lost:
            self.channel.close()
            self._end(None)

    def abort(self) -> None:
        """Close the channel now."""
        self.channel.abort()
        self._end(None)
