"""One client's connection as its channels see it: the session and its driver, and what the server asks for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from jupyter_ssh.ssh.channels.changes import Changes, Counters
from jupyter_ssh.ssh.client.agent_forwarding import CHANNEL as AGENT_CHANNEL
from jupyter_ssh.ssh.client.agent_forwarding import AgentForwarding
from jupyter_ssh.ssh.client.login.host_key_updates import HostKeyUpdates
from jupyter_ssh.ssh.client.report.explaining import explain
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel, DataHandler, EventHandler
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.trust.rotation import ANNOUNCE
from jupyter_ssh.ssh.wire.numbers import SSH_OPEN_ADMINISTRATIVELY_PROHIBITED

log = logging.getLogger("jupyter_ssh.ssh")


class ClientChannelHost:
    """The `ChannelHost` of a client; ``on_handshake`` hears the session's events until `logged_in`."""

    def __init__(self, options: Options, settings: Settings, on_handshake: Callable[[e.Event], None]) -> None:
        self._options = options
        self._on_handshake: Callable[[e.Event], None] | None = on_handshake
        self.driver = SessionDriver(lambda on_event: ClientSession(settings, on_event), self._on_event)
        self.session = self.driver.session
        self.changes = Changes("connection", _name(options), count=self._counters)
        self.ended_at: float | None = None
        """When the connection ended (`time.time`)."""
        self.closed_here = False
        """Whether it ends because it is closed on this side."""
        self.agent_forwarding: AgentForwarding | None = None
        """What lets the remote side use the agent here; None unless somebody asked for it."""
        self.host_key_updates: HostKeyUpdates | None = None
        """Learns of other keys that the server has; None where it is not trusted enough."""

    def logged_in(self) -> None:
        """Say that somebody is logged in: from now on events belong to the connection."""
        self._on_handshake = None
        self.changes.opened()

    def _counters(self) -> Counters:
        return Counters(self.driver.bytes_received, self.driver.bytes_sent, len(self.session.connection.channels))

    def abandon(self) -> None:
        """End a connection that did not come to be, without waiting."""
        self.session.disconnect()
        self.driver.abandon()

    def _on_event(self, event: e.Event) -> None:
        if self._on_handshake is not None:
            self._on_handshake(event)
        if isinstance(event, e.Closed):
            self.ended_at = time.time()
            if self._on_handshake is None:
                explain(event.error, self._options, self.session)
            if self.closed_here:
                self.changes.ended("closed here")
            else:
                self.changes.ended(event.error.message, event.error)
        elif isinstance(event, e.GlobalRequested):
            if event.name == ANNOUNCE and self.host_key_updates is not None:
                self.host_key_updates.announced(event.details)
            event.answer(None)
        elif isinstance(event, e.ChannelOpenRequested) and event.kind == AGENT_CHANNEL and self.agent_forwarding:
            self.agent_forwarding.open_requested(event.channel)
        elif isinstance(event, e.ChannelOpenRequested):
            event.channel.refuse(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "nothing of that kind was asked for")
        elif isinstance(event, e.DebugMessage):
            log.debug("Remote: %s", printable(event.text))

    # --- for channels -------------------------------------------------------------------------------------------------

    @property
    def peer_version(self) -> str:
        """The server's identification string."""
        return self.session.info.peer_version

    def open_channel(self, kind: str, details: bytes, on_event: EventHandler, on_data: DataHandler) -> Channel:
        """Ask the server for a channel; see `ChannelHost`."""
        return self.session.open_channel(kind, details, on_event, on_data)

    def explain(self, error: SSHError) -> None:
        """Give an error the advice on what to do."""
        explain(error, self._options)

    def rest(self) -> None:
        """Say that nobody is in a hurry for what is being received."""
        self.driver.rest()

    def prepare_session(self, channel: Channel) -> None:
        """Ask for what a session has besides terminal and environment, before its command is started."""
        if self.agent_forwarding is not None:
            self.agent_forwarding.offer(channel)


def _name(options: Options) -> str:
    return f"{options.user}@{options.host}" + ("" if options.port == 22 else f":{options.port}")
