"""The client's `ChannelHost`: the protocol session and its driver, and the server's requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.channels.base_host import BaseHost
from jupyter_ssh.ssh.client.registry import CLIENT, OFFERED
from jupyter_ssh.ssh.client.report.explaining import explain
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.text import printable, shortened

log = logging.getLogger("jupyter_ssh.ssh")

MAX_LOGGED: Final = 1024
"""Characters of a server's debug message that are logged."""


class ClientChannelHost(BaseHost[ClientSession]):
    """The `ChannelHost` of a client; ``on_handshake`` receives the session's events until `logged_in`."""

    def __init__(self, options: Options, settings: Settings, on_handshake: Callable[[e.Event], None]) -> None:
        super().__init__(SessionDriver(lambda on_event: ClientSession(settings, on_event), self.on_event))
        self._options = options
        self._on_handshake: Callable[[e.Event], None] | None = on_handshake
        self.ended_at: float | None = None
        """When the connection ended (`time.time`)."""
        self.handlers[e.ChannelOpenRequested] = self._open_requested
        self.handlers[e.GlobalRequested] = self._global_requested
        self.handlers[e.DebugMessage] = self._debug_message

    def logged_in(self) -> None:
        """Note that authentication succeeded: from now on events belong to the connection."""
        self._on_handshake = None
        self.changes.opened(_name(self._options))

    def abandon(self) -> None:
        """End a connection that was not established, without waiting."""
        self.session.disconnect()
        self.driver.abandon()

    def on_event(self, event: e.Event) -> None:
        """Handle an event of the session."""
        if self._on_handshake is not None:
            self._on_handshake(event)
        super().on_event(event)

    def _closed(self, event: e.Closed) -> None:
        self.ended_at = time.time()
        if self._on_handshake is None:
            explain(event.error, self._options, self.session)
        super()._closed(event)

    def _open_requested(self, event: e.ChannelOpenRequested) -> None:
        CLIENT.open_requested(self, event)

    def _global_requested(self, event: e.GlobalRequested) -> None:
        CLIENT.global_requested(self, event)

    def _debug_message(self, event: e.DebugMessage) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Remote: %s", printable(shortened(event.text, MAX_LOGGED)))

    # --- for channels -------------------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """Return "the server", for messages."""
        return "the server"

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open, and if it was closed deliberately."""
        return None if self.closed_here else self.session.failure

    def explain(self, error: SSHError) -> None:
        """Attach advice on what to do to ``error``."""
        explain(error, self._options)

    def prepare_session(self, channel: Channel) -> None:
        """Send the requests of a session besides pty-req and env, before its command is started."""
        for kind in OFFERED:
            part = self.parts.find(kind)
            if part is not None:
                part.offer(channel)


def _name(options: Options) -> str:
    return f"{options.user}@{options.host}" + ("" if options.port == 22 else f":{options.port}")
