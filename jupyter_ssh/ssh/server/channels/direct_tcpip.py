"""Connections to elsewhere through the server: direct-tcpip channels (RFC 4254 §7.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.dial import dial
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.requests import DirectTcpip

if TYPE_CHECKING:
    from jupyter_ssh.ssh.server.connection import ServerConnection

log = logging.getLogger(__name__)

MAX_UNSENT: Final = 1024 * 1024
"""Bytes from the socket that may wait for the client's window before we stop reading."""

HIGH_WATER: Final = 512 * 1024
"""Bytes for the socket that asyncio may hold before the client gets no more window."""


def may_open(destinations: Iterable[str] | None, host: str, port: int) -> bool:
    """Whether ``host:port`` is among ``HOST:PORT``, either of them perhaps ``*`` (sshd_config(5), PermitOpen); None is
    anywhere."""
    if destinations is None:
        return True
    for destination in destinations:
        pattern, _, number = destination.rpartition(":")
        if pattern.startswith("[") and pattern.endswith("]"):
            pattern = pattern[1:-1]
        # No other patterns: a name that is resolved later is not for us to compare.
        if number in ("*", str(port)) and pattern.lower() in ("*", host.lower()):
            return True
    return False


class DirectTcpipChannel(asyncio.Protocol):
    """One channel and one socket; the end of one direction leaves the other open."""

    def __init__(self, connection: ServerConnection, channel: Channel, details: bytes) -> None:
        self._connection = connection
        self._channel = channel
        self._transport: asyncio.Transport | None = None
        self._congested = False
        self._owed = 0
        self._eof_from_socket = False
        self._dialling: asyncio.Task[None] | None = None
        channel.on_event = self._on_event
        channel.on_data = self._on_data
        self._request = DirectTcpip.decode(details)

    def begin(self) -> bool:
        """Begins to connect; false when the channel was refused at once."""
        if not self._allowed(self._request):
            self._channel.refuse(n.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "not allowed")
            return False
        self._dialling = self._connection.start(self._dial(self._request))
        return True

    def _allowed(self, request: DirectTcpip) -> bool:
        options, key = self._connection.options, self._connection.key_options
        return (
            options.allow_tcp_forwarding
            and key.port_forwarding
            and 0 < request.port < 65536
            and may_open(options.permit_open, request.host, request.port)
            and may_open(key.permit_open, request.host, request.port)
        )

    async def _dial(self, request: DirectTcpip) -> None:
        loop = asyncio.get_running_loop()
        try:
            socket = await dial(request.host, request.port, timeout=self._connection.options.connect_timeout)
            try:
                await loop.create_connection(lambda: self, sock=socket)
            except BaseException:
                socket.close()
                raise
        except (SSHError, OSError) as error:
            log.info(
                "cannot connect %s to %s port %d: %s", self._connection.peer, ascii(request.host), request.port, error
            )
            if self._channel.awaits_answer and self._connection.session.failure is None:
                with self._connection.guard():
                    self._channel.refuse(n.SSH_OPEN_CONNECT_FAILED, getattr(error, "message", str(error))[:200])
            self._connection.forward_over(self)

    def hang_up(self) -> None:
        """Ends the connection to elsewhere, whatever becomes of the channel."""
        if self._dialling is not None:
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.abort()

    # --- the channel's side -------------------------------------------------------------------------------------------

    def _on_event(self, event: e.ChannelEvent) -> None:
        transport = self._transport
        if isinstance(event, e.ChannelWritable):
            if transport is not None:
                transport.resume_reading()
        elif isinstance(event, e.ChannelEofReceived):
            if transport is not None and transport.can_write_eof():
                transport.write_eof()
                self._close_when_both_ended()
        elif isinstance(event, e.ChannelClosed):
            if event.error is None and transport is not None:
                # What the client sent before it closed is still delivered.
                transport.close()
            else:
                self.hang_up()
            self._connection.forward_over(self)
        elif isinstance(event, e.ChannelRequested) and event.want_reply:
            self._channel.reply(False)

    def _on_data(self, data: bytes, code: int | None) -> None:
        transport = self._transport
        if transport is None or code is not None:
            self._channel.credit(len(data))
            return
        transport.write(data)
        if self._congested:
            self._owed += len(data)
        else:
            self._channel.credit(len(data))

    def _close_when_both_ended(self) -> None:
        if self._transport is not None and self._channel.eof_received and self._eof_from_socket:
            self._transport.close()

    # --- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: there is a connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        if not self._channel.awaits_answer or self._connection.session.failure is not None:
            self._transport.abort()
            return
        with self._connection.guard():
            self._channel.accept()

    def data_received(self, data: bytes) -> None:
        """asyncio: something to give to the client."""
        with self._connection.guard():
            if self._channel.close_sent:
                return
            self._channel.write(data)
            if self._channel.unsent > MAX_UNSENT and self._transport is not None:
                self._transport.pause_reading()

    def eof_received(self) -> bool:
        """asyncio: the other end sends nothing more, but may go on receiving."""
        self._eof_from_socket = True
        with self._connection.guard():
            self._channel.eof()
        self._close_when_both_ended()
        return True

    def pause_writing(self) -> None:
        """asyncio: the other end is slow."""
        self._congested = True

    def resume_writing(self) -> None:
        """asyncio: the other end takes data again."""
        self._congested = False
        owed, self._owed = self._owed, 0
        with self._connection.guard():
            self._channel.credit(owed)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._transport = None
        with self._connection.guard():
            self._channel.credit(self._owed)
            self._channel.close()
