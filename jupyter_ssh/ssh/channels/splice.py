"""Connect a socket and a channel: what arrives from one goes to the other, until both have ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from jupyter_ssh.ssh.channels.transport import HIGH_WATER, ChannelTransport
from jupyter_ssh.ssh.errors import DeadlineExceeded
from jupyter_ssh.ssh.net.addresses import plain_address

MAX_EARLY: Final = 64 * 1024
"""Bytes that a socket may send before its channel is open."""

SOCKET_HIGH_WATER: Final = 512 * 1024
"""Bytes for the socket that asyncio may buffer before the peer gets no more credit."""

LINGER_SECONDS: Final = 30.0
"""Seconds a socket has to accept what arrived before its connection ended."""

RESET: Final = struct.pack("HH" if os.name == "nt" else "ii", 1, 0)
"""The value of SO_LINGER that makes closing a TCP socket send a reset."""

NOBODY: Final = ("127.0.0.1", 0)
"""The originator for a channel without a socket, as RFC 4254 §7.2 requires an address and a port."""


def originator_of(transport: asyncio.BaseTransport) -> tuple[str, int]:
    """Return the numeric address and port of the other end of a socket (RFC 4254 §7.2)."""
    found = transport.get_extra_info("peername")
    if isinstance(found, tuple) and len(found) >= 2:
        return plain_address(str(found[0])), int(found[1])
    return NOBODY  # a Unix socket has no such address


class SpliceEnd(asyncio.Protocol):
    """One of two connected transports; ``far`` is the other one."""

    far: SpliceEnd

    def __init__(self, splice: Splice, high_water: int) -> None:
        self._splice = splice
        self._high_water = high_water
        self.transport: asyncio.Transport | None = None
        """None before the transport exists and after it is gone."""
        self.lost = False
        self.ended = False
        """Whether its other side sends nothing more."""
        self._early: deque[bytes] = deque()
        self._early_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self._high_water)
        self._splice.end_made(self, self.transport)
        self.far.catch_up()

    def catch_up(self) -> None:
        """Pass on what arrived before the other end existed."""
        out = self.far.transport
        if self.transport is not None:
            self.transport.resume_reading()
        while self._early and out is not None:
            out.write(self._early.popleft())
        if self.ended:
            self._hand_on_eof()
        if self.lost and out is not None:
            out.close()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: pass data to the other end."""
        out = self.far.transport
        if out is not None:
            out.write(data)
        elif not self.far.lost:
            self._early.append(data)
            self._early_size += len(data)
            if self._early_size > MAX_EARLY and self.transport is not None:
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        """See `asyncio.Protocol`: this end sends no more but may continue to receive."""
        self.ended = True
        self._hand_on_eof()
        return True

    def _hand_on_eof(self) -> None:
        out = self.far.transport
        if out is None or out.is_closing():
            return
        if out.can_write_eof():
            out.write_eof()
        if self.far.ended:  # both directions have ended; waiting data is still sent
            out.close()
            if self.transport is not None:
                self.transport.close()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: this end accepts no more for now."""
        if self.far.transport is not None:
            self.far.transport.pause_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`: this end accepts data again."""
        if self.far.transport is not None and not self.far.transport.is_closing():
            self.far.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`: this end is gone."""
        self.transport = None
        self.lost = True
        self._splice.end_lost(self, exc)


class Splice:
    """Connects a socket with a channel: give ``socket`` to asyncio as the socket's protocol, then call `run`.

    ``on_connected`` is called with the splice and the socket's transport once that exists; a listening server makes a
    splice for each socket: ``loop.create_server(lambda: Splice(self.connected).socket, ...)``.

    Each direction ends separately (half-close).  If the channel's connection is lost, the socket is reset, so that
    nobody mistakes a part of the data for the whole.
    """

    def __init__(self, on_connected: Callable[[Splice, asyncio.Transport], None] | None = None) -> None:
        self._on_connected = on_connected
        self.socket = SpliceEnd(self, SOCKET_HIGH_WATER)
        self.channel = SpliceEnd(self, HIGH_WATER)
        self.socket.far, self.channel.far = self.channel, self.socket
        self._tunnel: ChannelTransport | None = None
        self._socket_lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def delivered(self) -> bool:
        """Whether the channel is over, and the socket has accepted everything that came from it."""
        tunnel, out = self._tunnel, self.socket.transport
        if tunnel is None or not tunnel.over.done():
            return False
        return out is None or not (tunnel.unread or out.get_write_buffer_size())

    def end_made(self, end: SpliceEnd, transport: asyncio.Transport) -> None:
        """Note that the transport of an end exists."""
        if end is self.socket and self._on_connected is not None:
            self._on_connected(self, transport)

    def end_lost(self, end: SpliceEnd, error: Exception | None) -> None:
        """Note that the transport of an end is gone."""
        if end is self.socket and not self._socket_lost.done():
            self._socket_lost.set_result(None)
        out = end.far.transport
        if out is None:
            return
        if end is self.channel and error is not None:
            _reset(out)
        else:
            out.close()

    async def run(self, tunnel: ChannelTransport, seconds: float | None = None) -> None:
        """Wait until the channel is open, connect it with the socket, and return when both are gone.

        A channel that the peer requested is accepted.  The channel is closed if the socket is closed before it is open,
        and if this is cancelled.

        Raises:
            ChannelOpenError: The peer refused the channel.
            DeadlineExceeded: The peer did not answer within ``seconds``.
            SSHError: Why the connection ended while the channel was being opened, if it did.
        """
        self._tunnel = tunnel
        try:
            if tunnel.channel.awaits_answer:
                tunnel.accept()
            waits = [tunnel.opened, self._socket_lost]
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if tunnel.opened.done():
                tunnel.opened.result()
                tunnel.attach(self.channel)
                await asyncio.wait([self._socket_lost, tunnel.over])
            elif not self._socket_lost.done():
                raise DeadlineExceeded.after(seconds or 0.0, "opening a channel")
        finally:
            self._release(tunnel)

    def _release(self, tunnel: ChannelTransport) -> None:
        if tunnel.over.done() and tunnel.error is None and self.socket.transport is not None:
            # What the peer sent before it closed the channel is still delivered, if the socket accepts it in time.
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._abort, tunnel)
        else:
            self._abort(tunnel)

    def _abort(self, tunnel: ChannelTransport) -> None:
        tunnel.abort()
        if self.socket.transport is not None:
            _reset(self.socket.transport)


def _reset(transport: asyncio.Transport) -> None:
    """Reset a socket, so that its other end cannot mistake it for an end of file."""
    connected = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it may already be gone
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()
