"""A TCP connection that the server opens for us (direct-tcpip, RFC 4254 §7.2)."""

from __future__ import annotations

import asyncio

from jupyter_ssh.ssh.channels.host import ChannelHost, refusal
from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire.requests import DirectTcpip


class TcpStream:
    """The two streams of one direct-tcpip channel."""

    def __init__(self, host: ChannelHost, destination: str, port: int) -> None:
        self._host = host
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        details = DirectTcpip(destination, port, "127.0.0.1", 0).encode()
        self._channel = host.open_channel("direct-tcpip", details, self._on_event, self._on_data)
        self.reader = ByteReader(self._channel.credit)
        self.reader.on_flood = host.rest
        self.writer = ByteWriter(self._channel, self.reader.written, self._channel.close)

    def _on_data(self, data: bytes, code: int | None) -> None:
        if code is None:
            self.reader.feed(data)
        else:
            self._channel.credit(len(data))

    def _on_event(self, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelWritable):
            self.writer.drained()
        elif isinstance(event, e.ChannelEofReceived):
            self.reader.feed_eof()
        elif isinstance(event, e.ChannelClosed):
            self._ended(event.error)
        elif isinstance(event, e.ChannelOpened):
            self.opened.set_result(None)
        elif isinstance(event, e.ChannelRefused):
            self._ended(refusal(self._host, "direct-tcpip", event))
        elif isinstance(event, e.ChannelRequested) and event.want_reply:
            self._channel.reply(False)

    def _ended(self, error: SSHError | None) -> None:
        self.writer.closed(error)
        self.reader.feed_eof(error)
        if not self.opened.done() and error is not None:
            self.opened.set_exception(error)
            self.opened.exception()

    def close(self) -> None:
        """Closes the channel now."""
        self._channel.abort()
