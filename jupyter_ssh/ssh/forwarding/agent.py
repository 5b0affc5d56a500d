"""Agent forwarding, client side: programs on the server use the local agent, as long as the connection lasts.

Each channel that the server opens gets its own connection to the agent, which is first bound to that host
(session-bind), so that keys limited to destinations are neither listed nor used elsewhere.  Messages rather than bytes
are forwarded, so that the server can send the agent nothing but messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from jupyter_ssh.ssh.agent.frames import LENGTH_SIZE, check_length, frame
from jupyter_ssh.ssh.channels.channel_streams import ChannelStreams
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.errors import DeadlineExceeded, SSHError
from jupyter_ssh.ssh.net.agent import Agent, open_bound
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.wire.numbers import (
    SSH_OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSH_OPEN_CONNECT_FAILED,
    SSH_OPEN_RESOURCE_SHORTAGE,
)
from jupyter_ssh.ssh.wire.requests import AGENT_REQUEST

log = logging.getLogger("jupyter_ssh.ssh")

MAX_CHANNELS: Final = 64
"""The most remote programs that may use the agent at the same time."""


class AgentForwarding:
    """The part of a connection that forwards the agent at ``address``; without it nothing is forwarded."""

    def __init__(self, session: ClientSession, address: str) -> None:
        self.session = session
        self.address = address
        self.offered = False
        """Whether a session has offered it to the server, which may not use it before that."""
        self.channels = 0
        """The number of open channels."""

    def offer(self, channel: Channel) -> None:
        """Offer it to the server, on a session that is about to start."""
        self.offered = True
        log.debug("Requesting authentication agent forwarding.")
        # Without waiting for an answer, as in OpenSSH: the session starts even if forwarding is refused.
        channel.request(AGENT_REQUEST)

    def gone(self) -> None:
        """Note that a channel is over."""
        self.channels -= 1


def open_agent_channel(host: ChannelHost, event: ChannelOpenRequested) -> None:
    """Handle auth-agent@openssh.com: the server requests a channel to the agent."""
    forwarding = host.parts.find(AgentForwarding)
    if forwarding is None or not forwarding.offered:
        event.channel.refuse(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "agent forwarding was not requested")
    elif forwarding.channels >= MAX_CHANNELS:
        event.channel.refuse(SSH_OPEN_RESOURCE_SHORTAGE, f"at most {MAX_CHANNELS} connections to the agent")
    else:
        streams = ChannelStreams(host, event.channel)
        forwarding.channels += 1
        task = host.start(_lend(forwarding, streams))
        task.add_done_callback(lambda task: forwarding.gone())
        # Once the channel is closed, a pending question to a person is obsolete.
        streams.over.add_done_callback(lambda over: task.cancel())


async def _lend(forwarding: AgentForwarding, streams: ChannelStreams) -> None:
    agent = await _open(forwarding, streams)
    if agent is not None:
        try:
            await _relay(agent, streams)
        finally:
            agent.close()


async def _open(forwarding: AgentForwarding, streams: ChannelStreams) -> Agent | None:
    try:
        return await open_bound(forwarding.address, forwarding.session, forwarded=True)
    except (SSHError, OSError) as error:
        log.info("the agent at %s was not forwarded: %s", forwarding.address, error)
        if streams.channel.awaits_answer and streams.host.failure is None:
            # Not the reason, which contains a path on this machine.
            streams.channel.refuse(SSH_OPEN_CONNECT_FAILED, "the agent does not answer")
        return None


async def _relay(agent: Agent, streams: ChannelStreams) -> None:
    try:
        streams.accept()
        while True:
            size = int.from_bytes(await streams.reader.readexactly(LENGTH_SIZE), "big")
            check_length(size)
            # No deadline: the agent may ask a person, and the remote program may leave at any time.
            answer = await agent.ask(await streams.reader.readexactly(size), None)
            streams.writer.write(frame(answer))
            await streams.writer.drain()
    except (SSHError, DeadlineExceeded, asyncio.IncompleteReadError):
        pass  # the program is done, or it or the agent sent something invalid: it is over in any case
    finally:
        with contextlib.suppress(SSHError):
            streams.channel.close()
