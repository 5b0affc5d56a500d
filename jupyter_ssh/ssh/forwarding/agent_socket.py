"""Agent forwarding, server side: a socket for programs of the client's sessions; each connection is a channel to it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Final

from jupyter_ssh.ssh.channels.host import ANSWER_SECONDS, ChannelHost
from jupyter_ssh.ssh.channels.splice import Splice
from jupyter_ssh.ssh.channels.transport import ChannelTransport
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private, is_owner
from jupyter_ssh.ssh.wire.requests import AGENT_CHANNEL

log = logging.getLogger("jupyter_ssh.ssh")

VARIABLE: Final = "SSH_AUTH_SOCK"
MAX_CHANNELS: Final = 64
"""The most programs that may use the agent at the same time."""


class AgentSocket:
    """The part of a connection that gives its sessions access to the client's agent: a Unix socket in a private folder.

    Raises OSError if it cannot be created.  It is removed with the connection.
    """

    def __init__(self, host: ChannelHost) -> None:
        self._host = host
        self._folder = PrivateFolder("jupyter-ssh-")
        self._channels = 0
        self.path = str(self._folder.path / f"agent.{os.getpid()}")
        try:
            self._listening = bind_private(self.path)
        except OSError:
            self._folder.remove()
            raise
        # As callbacks, because a connection that ends at once cancels tasks that have not started.
        host.start(self._serve()).add_done_callback(lambda task: self._gone())

    async def _serve(self) -> None:
        """Run until the connection ends, which cancels it."""
        if sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Splice(self._connected).socket, sock=self._listening)
        try:
            await loop.create_future()
        finally:
            server.close()

    def _gone(self) -> None:
        self._listening.close()
        self._folder.remove()

    def _connected(self, splice: Splice, transport: asyncio.Transport) -> None:
        host = self._host
        allowed = is_owner(transport.get_extra_info("socket"))
        if not allowed or self._channels >= MAX_CHANNELS or host.failure is not None:
            log.warning("a program was refused access to the forwarded agent of %s", host.peer)
            transport.abort()
            return
        self._channels += 1
        host.start(self._relay(splice)).add_done_callback(lambda task: self._left(transport))

    async def _relay(self, splice: Splice) -> None:
        try:
            await splice.run(ChannelTransport(self._host, self._host.open_channel(AGENT_CHANNEL)), ANSWER_SECONDS)
        except SSHError as error:
            log.info("the forwarded agent of %s: %s", self._host.peer, error)

    def _left(self, transport: asyncio.Transport) -> None:
        self._channels -= 1
        transport.abort()
