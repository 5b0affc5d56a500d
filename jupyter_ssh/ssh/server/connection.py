"""One client's connection: authentication, channels and cleanup."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from jupyter_ssh.ssh.channels.base_host import BaseHost
from jupyter_ssh.ssh.config.patterns import matches_any
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.net.addresses import plain_address
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.session import ServerSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.server.banner import read_banner
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.logins.authentication import Authenticator
from jupyter_ssh.ssh.server.logins.file_memory import LoginFiles
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.logins.user_rules import UserRules
from jupyter_ssh.ssh.server.options import ServerOptions
from jupyter_ssh.ssh.server.processes.process import ServedProcess
from jupyter_ssh.ssh.server.registry import SERVER
from jupyter_ssh.ssh.trust import rotation
from jupyter_ssh.ssh.wire import numbers as n

log = logging.getLogger(__name__)


class ServerOfConnections(Protocol):
    """What a client's connection needs of the server."""

    options: ServerOptions
    settings: Settings
    account: Account
    user_rules: UserRules
    login_files: LoginFiles
    host_keys: tuple[PrivateKey, ...]

    def logged_in(self, connection: ServerConnection) -> None:
        """Note that the client has authenticated."""

    def gone(self, connection: ServerConnection) -> None:
        """Note that the transport is closed."""

    def left_behind(self, process: ServedProcess) -> None:
        """Take over a process that was hung up but has not ended yet."""


class ServerConnection(BaseHost[ServerSession]):
    """The connection of one client; the `ServerHost` of its channels until the transport is closed."""

    def __init__(self, server: ServerOfConnections) -> None:
        self._server = server
        self.options = server.options
        self.account = server.account
        self.user: str | None = None
        self.key_options = KeyOptions()
        self.client_address = ("", 0)
        self.server_address = ("", 0)
        self._authenticator: Authenticator | None = None
        self._grace: asyncio.TimerHandle | None = None
        super().__init__(_Driver(self, self._settings()))
        self.handlers |= {
            e.AuthenticationRequested: self._authentication_requested,
            e.QuestionsAnswered: self._questions_answered,
            e.Authenticated: self._login_told,
            e.ChannelOpenRequested: self._open_requested,
            e.GlobalRequested: self._global_requested,
        }
        self.driver.lost.add_done_callback(lambda lost: server.gone(self))

    @property
    def peer(self) -> str:
        """The client's address and port, for the log."""
        return f"{self.client_address[0] or 'somebody'} port {self.client_address[1]}"

    @property
    def host_keys(self) -> Sequence[PrivateKey]:
        """The server's host keys."""
        return self._server.host_keys

    @property
    def forced_command(self) -> str | None:
        """The command that runs instead of the one the client requests; the server's own one precedes the key's."""
        return self.key_options.command if self.options.force_command is None else self.options.force_command

    @property
    def extra_environment(self) -> dict[str, str]:
        """Environment variables set by the server: those of the key, if permitted, and of SetEnv."""
        permitted = self.options.permit_user_environment
        patterns = [permitted] if isinstance(permitted, str) else [] if isinstance(permitted, bool) else permitted
        of_key = {
            name: value
            for name, value in reversed(self.key_options.environment)
            if permitted is True or matches_any(name, patterns)
        }
        return {**of_key, **self.options.set_env}

    def _settings(self) -> Settings:
        settings, banner = self._server.settings, self.options.banner
        return settings if isinstance(banner, str) else replace(settings, banner=read_banner(banner))

    def connected(self) -> None:
        """Begin, now that the transport is connected."""
        host, port = self.driver.address("peername")
        self.client_address = (plain_address(host), port)
        host, port = self.driver.address("sockname")
        self.server_address = (plain_address(host), port)
        self._authenticator = Authenticator(
            self.session,
            self.options,
            self.account,
            self._server.user_rules,
            self._server.login_files,
            self.client_address[0],
            self.start,
            self._authenticated,
        )
        if self.options.login_grace_time:  # 0 is no limit: sshd_config(5)
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(self.options.login_grace_time, self._grace_over)

    def left_behind(self, process: ServedProcess) -> None:
        """Take over a process that was hung up but has not ended yet."""
        self._server.left_behind(process)

    async def close(self) -> None:
        """Disconnect, hang up all children, and wait until the transport is closed."""
        self.closed_here = True
        self.session.disconnect(n.SSH_DISCONNECT_BY_APPLICATION, "the server is shutting down")
        await self.driver.close()

    # --- events of the session ----------------------------------------------------------------------------------------

    def _authentication_requested(self, event: e.AuthenticationRequested) -> None:
        if self._authenticator is not None:
            self._authenticator.requested(event)

    def _questions_answered(self, event: e.QuestionsAnswered) -> None:
        if self._authenticator is not None:
            self._authenticator.answered(event)

    def _authenticated(self, user: str, key_options: KeyOptions) -> None:
        self.user = user
        self.key_options = key_options
        self._end_grace()
        self.changes.opened(f"{user} at {self.peer}")
        self._server.logged_in(self)

    def _login_told(self, event: e.Authenticated) -> None:
        if self.options.announce_host_keys:
            keys = [key.public for key in self.host_keys]
            self.session.connection.request_global(rotation.ANNOUNCE, rotation.encode_keys(keys))

    def _grace_over(self) -> None:
        log.info("authentication timed out for %s after %g s", self.peer, self.options.login_grace_time)
        self.session.disconnect(n.SSH_DISCONNECT_BY_APPLICATION, "authentication timed out")
        self.driver.abandon()

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _open_requested(self, event: e.ChannelOpenRequested) -> None:
        SERVER.open_requested(self, event)

    def _global_requested(self, event: e.GlobalRequested) -> None:
        SERVER.global_requested(self, event)

    def _closed(self, event: e.Closed) -> None:
        self._end_grace()
        log.info("%s disconnected: %s", self.peer, event.error)
        super()._closed(event)


class _Driver(SessionDriver[ServerSession]):
    def __init__(self, connection: ServerConnection, settings: Settings) -> None:
        super().__init__(lambda on_event: ServerSession(settings, on_event), connection.on_event)
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._connection.options.tcp_keep_alive:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().connection_made(transport)
        self._connection.connected()
