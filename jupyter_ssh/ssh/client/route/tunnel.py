"""A channel of one connection as the transport of another, through a jump host (RFC 4254 §7.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from jupyter_ssh.ssh.channels.host import ChannelHost, refusal
from jupyter_ssh.ssh.errors import ChannelClosed, SSHError
from jupyter_ssh.ssh.net.driver import WRITE_HIGH_WATER
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire.requests import DirectTcpip


class ChannelTransport(asyncio.Transport):
    """An asyncio transport on a direct-tcpip channel; the server at its end connects to ``destination`` and ``port``.

    Wait for `opened`, then `attach` a protocol.  What the protocol has not asked for stays in the channel's window.
    """

    def __init__(self, host: ChannelHost, destination: str, port: int) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._protocol: asyncio.BufferedProtocol | None = None
        self._held: deque[bytes] = deque()
        self._reading = False
        self._delivering = False
        self._eof = False
        self._closing = False
        self._lost = False
        self._paused_writing = False
        self._high = WRITE_HIGH_WATER
        self.opened: asyncio.Future[None] = self._loop.create_future()
        details = DirectTcpip(destination, port, "127.0.0.1", 0).encode()
        self._channel = host.open_channel("direct-tcpip", details, self._on_event, self._on_data)

    def attach(self, protocol: asyncio.BufferedProtocol) -> None:
        """Tie the protocol to it; from here on it gets the bytes."""
        self._protocol = protocol
        protocol.connection_made(self)
        self.resume_reading()

    # --- the channel's side -------------------------------------------------------------------------------------------

    def _on_data(self, data: bytes, code: int | None) -> None:
        if code is not None or self._closing:
            self._channel.credit(len(data))
        else:
            self._held.append(data)
            self._deliver()

    def _on_event(self, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelWritable):
            self._written()
        elif isinstance(event, e.ChannelEofReceived):
            self._eof = True
            self._deliver()
        elif isinstance(event, e.ChannelClosed):
            self._refused(event.error or ChannelClosed("the channel was closed", phase="connection"))
            if event.error is not None:
                self._end(event.error)
            else:
                self._eof = True
                self._deliver()
        elif isinstance(event, e.ChannelOpened):
            self.opened.set_result(None)
        elif isinstance(event, e.ChannelRefused):
            self._refused(refusal(self._host, "direct-tcpip", event))
        elif isinstance(event, e.ChannelRequested) and event.want_reply:
            self._channel.reply(False)

    def _refused(self, error: SSHError) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()

    def _deliver(self) -> None:
        """Hand on what waits, as long as the protocol wants it."""
        protocol = self._protocol
        if protocol is None or self._delivering:
            return
        self._delivering = True
        try:
            while self._held and self._reading and not self._closing:
                data = self._held.popleft()
                view = memoryview(data)
                while view and not self._closing:
                    room = cast(memoryview, protocol.get_buffer(len(view)))
                    count = min(len(room), len(view))
                    room[:count] = view[:count]
                    protocol.buffer_updated(count)
                    view = view[count:]
                self._channel.credit(len(data))
            if self._eof and not self._held and self._reading and not self._closing:
                self._eof = False
                protocol.eof_received()
                self.close()
        finally:
            self._delivering = False

    def _written(self) -> None:
        if self._paused_writing and self._protocol is not None:
            self._paused_writing = False
            self._protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        """The channel is over; what it brought before is dropped with it, as a session cannot go on."""
        self._closing = True
        self._held.clear()
        if not self._lost:
            self._lost = True
            if self._protocol is not None:
                self._loop.call_soon(self._protocol.connection_lost, error)

    # --- the protocol's side ------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send bytes; they must not change afterwards."""
        if self._closing or not data:
            return
        self._channel.write(data)
        if self._channel.unsent > self._high and not self._paused_writing and self._protocol is not None:
            self._paused_writing = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Send them as one piece."""
        self.write(b"".join(list_of_data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Bytes that may wait before the protocol is told to pause."""
        self._high = WRITE_HIGH_WATER if high is None else high

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return self._channel.unsent

    def pause_reading(self) -> None:
        """Keep what comes, up to the channel's window."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand on what was kept."""
        self._reading = True
        self._deliver()

    def is_reading(self) -> bool:
        """Return whether bytes are handed on."""
        return self._reading

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing

    def close(self) -> None:
        """Close the channel once all is sent that its window takes; the protocol is told at once."""
        if not self._lost:
            self._channel.close()
            self._end(None)

    def abort(self) -> None:
        """Close the channel now."""
        self._channel.abort()
        self._end(None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing is known of the network behind it."""
        return default
