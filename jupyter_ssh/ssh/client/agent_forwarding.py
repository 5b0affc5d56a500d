"""Agent forwarding: the remote side's programs use the agent here, for as long as the connection lasts.

Each channel that the server opens gets a connection to the agent of its own, which is first told that it is used from
that host (session-bind): keys limited to destinations are then neither shown nor used elsewhere.  Messages, not bytes,
are passed on, so that the server can send the agent nothing that is no message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from jupyter_ssh.ssh.agent.frames import LENGTH_SIZE, check_length, frame
from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.client.login.agent import open_bound
from jupyter_ssh.ssh.errors import DeadlineExceeded, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.wire.numbers import (
    SSH_OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSH_OPEN_CONNECT_FAILED,
    SSH_OPEN_RESOURCE_SHORTAGE,
)

if TYPE_CHECKING:
    from jupyter_ssh.ssh.protocol.session import ClientSession

log = logging.getLogger("jupyter_ssh.ssh")

REQUEST: Final = "auth-agent-req@openssh.com"
CHANNEL: Final = "auth-agent@openssh.com"

MAX_CHANNELS: Final = 64
"""Remote programs that may use the agent at the same time."""


class AgentForwarding:
    """The forwarding of one connection, to the agent at ``address``."""

    def __init__(self, session: ClientSession, address: str) -> None:
        self.address = address
        self.offered = False
        """Whether a session has told the server of it: before that the server may not use it."""
        self._session = session
        self._channels: set[_AgentChannel] = set()

    def offer(self, channel: Channel) -> None:
        """Tell the server of it, on a session that is about to start."""
        self.offered = True
        log.debug("Requesting authentication agent forwarding.")
        channel.request(REQUEST)  # without an answer: who may not have it goes without, as OpenSSH

    def open_requested(self, channel: Channel) -> None:
        """The server wants a channel to the agent."""
        if not self.offered:
            channel.refuse(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "no session was lent the agent")
            return
        if len(self._channels) >= MAX_CHANNELS:
            channel.refuse(SSH_OPEN_RESOURCE_SHORTAGE, f"at most {MAX_CHANNELS} connections to the agent")
            return
        self._channels.add(_AgentChannel(self._session, channel, self.address, self._channels))


class _AgentChannel:
    """One channel and one connection to the agent."""

    def __init__(self, session: ClientSession, channel: Channel, address: str, channels: set[_AgentChannel]) -> None:
        self._session = session
        self._channel = channel
        self._channels = channels
        self._reader = ByteReader(channel.credit)
        self._writer = ByteWriter(channel, self._reader.written)
        channel.on_event = self._on_event
        channel.on_data = self._on_data
        self._task = asyncio.get_running_loop().create_task(self._run(address))

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
        elif isinstance(event, e.ChannelClosed):
            self._channels.discard(self)
            self._task.cancel()  # a question that waits for a person is of no interest any more
        elif isinstance(event, e.ChannelRequested) and event.want_reply:
            self._channel.reply(False)

    async def _run(self, address: str) -> None:
        try:
            agent = await open_bound(address, self._session, forwarded=True)
        except (SSHError, OSError) as error:
            log.info("the agent at %s was not lent: %s", address, error)
            self._channels.discard(self)
            if self._session.failure is None:
                # Not why: that names a path of this machine.
                self._channel.refuse(SSH_OPEN_CONNECT_FAILED, "the agent does not answer")
            return
        try:
            if self._session.failure is None:
                self._channel.accept()
            while True:
                size = int.from_bytes(await self._reader.readexactly(LENGTH_SIZE), "big")
                check_length(size)
                # No deadline: the agent may ask a person, and the remote program may leave at any time.
                answer = await agent.ask(await self._reader.readexactly(size), None)
                self._writer.write(frame(answer))
                await self._writer.drain()
        except (SSHError, DeadlineExceeded, asyncio.IncompleteReadError):
            pass  # the program is done, or it or the agent spoke nonsense: either way it is over
        finally:
            agent.close()
            with contextlib.suppress(SSHError):
                self._channel.close()
