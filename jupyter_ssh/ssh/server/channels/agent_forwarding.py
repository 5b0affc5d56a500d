"""The server's half of agent forwarding: a socket for the client's programs here, each connection a channel to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.client.agent_forwarding import CHANNEL
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private, is_owner
from jupyter_ssh.ssh.protocol import events as e

if TYPE_CHECKING:
    from jupyter_ssh.ssh.server.connection import ServerConnection

log = logging.getLogger(__name__)

VARIABLE: Final = "SSH_AUTH_SOCK"
CHUNK: Final = 32768
MAX_CHANNELS: Final = 64
"""Programs that may use the agent at the same time."""


class AgentSocket:
    """A Unix socket in a private folder, for the sessions of one connection; gone with it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._folder = PrivateFolder("jupyter-ssh-")
        self._channels = 0
        self.path = str(self._folder.path / f"agent.{os.getpid()}")
        try:
            self._listening = bind_private(self.path)
        except OSError:
            self._folder.remove()
            raise
        # As callbacks, for a connection that ends at once cancels what has not begun.
        connection.start(self._serve()).add_done_callback(lambda task: self._gone())

    async def _serve(self) -> None:
        """Runs until the connection ends, which cancels it."""
        if sys.platform == "win32":
            raise NotImplementedError("the request for agent forwarding is refused on Windows")
        server = await asyncio.start_unix_server(self._accepted, sock=self._listening)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()

    def _gone(self) -> None:
        self._listening.close()
        self._folder.remove()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._connection
        session = connection.session
        allowed = sys.platform != "win32" and is_owner(writer.get_extra_info("socket"))
        if not allowed or self._channels >= MAX_CHANNELS or session.failure is not None:
            log.warning("a program was not let at the forwarded agent of %s", connection.peer)
            writer.close()
            return
        connection.start(self._relay(reader, writer)).add_done_callback(lambda task: writer.close())

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._channels += 1
        channel = None
        try:
            channel = _AgentChannel(self._connection)
            await channel.opened
            outward = asyncio.ensure_future(channel.send(reader))
            try:
                await channel.receive(writer)
            finally:
                outward.cancel()
        except (SSHError, OSError) as error:
            log.info("the forwarded agent of %s: %s", self._connection.peer, error)
        finally:
            self._channels -= 1
            if channel is not None:
                channel.close()


class _AgentChannel:
    """A channel that the server opens to the client's agent (PROTOCOL.agent; OpenSSH's name for it)."""

    def __init__(self, connection: ServerConnection) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channel = connection.session.open_channel(CHANNEL, b"", self._on_event, self._on_data)
        self._reader = ByteReader(self._channel.credit)
        self._writer = ByteWriter(self._channel, self._reader.written)

    async def send(self, reader: asyncio.StreamReader) -> None:
        """What the program says, to the agent."""
        with contextlib.suppress(SSHError, OSError):
            while data := await reader.read(CHUNK):
                self._writer.write(data)
                await self._writer.drain()
            self._writer.write_eof()

    async def receive(self, writer: asyncio.StreamWriter) -> None:
        """What the agent says, to the program, until one of them closes."""
        while data := await self._reader.read(CHUNK):
            writer.write(data)
            await writer.drain()

    def close(self) -> None:
        """Closes the channel."""
        self._channel.abort()

    def _on_data(self, data: bytes, code: int | None) -> None:
        if code is None:
            self._reader.feed(data)
        else:
            self._channel.credit(len(data))

    def _on_event(self, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelWritable):
            self._writer.drained()
        elif isinstance(event, e.ChannelEofReceived):
            self._reader.feed_eof()
        elif isinstance(event, e.ChannelOpened):
            self.opened.set_result(None)
        elif isinstance(event, (e.ChannelClosed, e.ChannelRefused)):
            self._writer.closed(None)
            self._reader.feed_eof()
            if not self.opened.done():
                self.opened.cancel()
        elif isinstance(event, e.ChannelRequested) and event.want_reply:
            self._channel.reply(False)
