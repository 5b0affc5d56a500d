"""A channel as a `ByteReader` and a `ByteWriter`."""

from __future__ import annotations

from jupyter_ssh.ssh.channels.duplex import Duplex
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.protocol.channel import Channel


class ChannelStreams(Duplex):
    """The two streams of one channel, which `Writer.close` closes; stderr data is ignored."""

    def __init__(self, host: ChannelHost, channel: Channel) -> None:
        super().__init__(host, channel)
        self.reader = ByteReader(channel.credit)
        self.reader.on_flood = host.rest
        self.writer = ByteWriter(channel, self.reader.written, channel.close)

    def on_data(self, data: bytes, code: int | None) -> None:
        """Pass data to the reader."""
        if code is None:
            self.reader.feed(data)
        else:
            self.channel.credit(len(data))

    def on_eof(self) -> None:
        """End the reader."""
        self.reader.feed_eof()

    def on_writable(self) -> None:
        """Wake a task in `drain`."""
        self.writer.drained()

    def on_over(self, error: SSHError | None) -> None:
        """End both streams."""
        self.writer.closed(error)
        self.reader.feed_eof(error)
