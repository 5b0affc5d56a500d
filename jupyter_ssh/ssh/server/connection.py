"""One client's connection: its authentication, its channels, and what is left of it when it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_ssh.ssh.config.patterns import matches_any
from jupyter_ssh.ssh.errors import ChannelClosed, SSHError
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.session import ServerSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.server.channels.agent_forwarding import AgentSocket
from jupyter_ssh.ssh.server.channels.direct_tcpip import DirectTcpipChannel
from jupyter_ssh.ssh.server.channels.session import SessionChannel
from jupyter_ssh.ssh.server.logins.addresses import plain_address
from jupyter_ssh.ssh.server.logins.authentication import Authenticator
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.trust import rotation
from jupyter_ssh.ssh.wire import numbers as n

if TYPE_CHECKING:
    from jupyter_ssh.ssh.server.listening import Server

log = logging.getLogger(__name__)


class ServerConnection:
    """Made for each client that connects; lives until the transport is gone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.options = server.options
        self.account = server.account
        self.user: str | None = None
        self.key_options = KeyOptions()
        self.client_address = ("", 0)
        self.server_address = ("", 0)
        self._sessions: set[SessionChannel] = set()
        self._forwards: set[DirectTcpipChannel] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._no_more_sessions = False
        self.agent_socket: AgentSocket | None = None
        """What the sessions use the client's agent through."""
        self._authenticator: Authenticator | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._events: dict[type[e.Event], Callable[..., None]] = {
            e.AuthenticationRequested: self._authentication_requested,
            e.QuestionsAnswered: self._questions_answered,
            e.Authenticated: self._login_told,
            e.ChannelOpenRequested: self._open_requested,
            e.GlobalRequested: self._global_requested,
            e.Closed: self._closed,
        }
        self._opens: dict[str, Callable[[e.ChannelOpenRequested], None]] = {
            "session": self._open_session,
            "direct-tcpip": self._open_direct_tcpip,
        }
        self.driver = _Driver(self, server.settings)
        self.session = self.driver.session
        self.driver.lost.add_done_callback(lambda lost: server.gone(self))

    @property
    def peer(self) -> str:
        """Who this is, for the log."""
        return f"{self.client_address[0] or 'somebody'} port {self.client_address[1]}"

    @property
    def forced_command(self) -> str | None:
        """What runs in the place of what the client asks for; the server's own choice goes before the key's."""
        return self.key_options.command if self.options.force_command is None else self.options.force_command

    @property
    def extra_environment(self) -> dict[str, str]:
        """Variables of the server's own choice: those of the key, where they are permitted, and of SetEnv."""
        permitted = self.options.permit_user_environment
        patterns = [permitted] if isinstance(permitted, str) else [] if isinstance(permitted, bool) else permitted
        of_key = {
            name: value
            for name, value in reversed(self.key_options.environment)
            if permitted is True or matches_any(name, patterns)
        }
        return {**of_key, **self.options.set_env}

    def connected(self) -> None:
        """The transport is there."""
        host, port = self.driver.address("peername")
        self.client_address = (plain_address(host), port)
        host, port = self.driver.address("sockname")
        self.server_address = (plain_address(host), port)
        self._authenticator = Authenticator(
            self.session, self.options, self.account, self.client_address[0], self.start, self._authenticated
        )
        loop = asyncio.get_running_loop()
        self._grace = loop.call_later(self.options.login_grace_time, self._grace_over)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs ``work`` as a task that ends with the connection at the latest."""

        async def guarded() -> None:
            with self.guard():
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around calls into the session that come from elsewhere than the network: an error ends the session."""
        try:
            yield
        except ChannelClosed:
            # The client closed the channel; whoever writes to it hears of that in a moment.
            pass
        except SSHError as error:
            self.session.transport.fail(error)
            self.driver.abandon()

    def forward_agent(self) -> bool:
        """Lets the programs of this connection use the client's agent; whether they may."""
        if not (self.options.allow_agent_forwarding and self.key_options.agent_forwarding) or sys.platform == "win32":
            return False
        if self.agent_socket is None:
            try:
                self.agent_socket = AgentSocket(self)
            except OSError as error:
                log.warning("no socket for the agent of %s: %s", self.peer, error)
                return False
        return True

    async def close(self) -> None:
        """Says goodbye, hangs up all children, and waits until the transport is gone."""
        self.session.disconnect(n.SSH_DISCONNECT_BY_APPLICATION, "the server shuts down")
        await self.driver.close()

    # --- what the session tells ---------------------------------------------------------------------------------------

    def on_event(self, event: e.Event) -> None:
        """The session tells something."""
        handler = self._events.get(type(event))
        if handler is not None:
            handler(event)

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
        self._server.logged_in(self)

    def _login_told(self, event: e.Authenticated) -> None:
        if self.options.announce_host_keys:
            keys = [key.public for key in self._server.host_keys]
            self.session.connection.request_global(rotation.ANNOUNCE, rotation.encode_keys(keys))

    def _grace_over(self) -> None:
        log.info("%s was not logged in after %g s", self.peer, self.options.login_grace_time)
        self.session.disconnect(n.SSH_DISCONNECT_BY_APPLICATION, "login took too long")
        self.driver.abandon()

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _open_requested(self, event: e.ChannelOpenRequested) -> None:
        handler = self._opens.get(event.kind)
        if handler is None:
            event.channel.refuse(n.SSH_OPEN_UNKNOWN_CHANNEL_TYPE, "unknown channel type")
        else:
            handler(event)

    def _open_session(self, event: e.ChannelOpenRequested) -> None:
        if self._no_more_sessions:
            event.channel.refuse(n.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "the client wanted no more sessions")
        elif len(self._sessions) >= self.options.max_sessions:
            event.channel.refuse(n.SSH_OPEN_RESOURCE_SHORTAGE, f"at most {self.options.max_sessions} sessions")
        else:
            self._sessions.add(SessionChannel(self, event.channel))

    def _open_direct_tcpip(self, event: e.ChannelOpenRequested) -> None:
        if len(self._forwards) >= self.options.max_forwards:
            event.channel.refuse(n.SSH_OPEN_RESOURCE_SHORTAGE, f"at most {self.options.max_forwards} forwards")
            return
        forward = DirectTcpipChannel(self, event.channel, event.details)
        if forward.begin():
            self._forwards.add(forward)

    def _global_requested(self, event: e.GlobalRequested) -> None:
        # OpenSSH PROTOCOL §2.2: the client promises to open no more sessions; nobody who takes it over can.
        if event.name == "no-more-sessions@openssh.com":
            self._no_more_sessions = True
        reply = None
        if event.name == rotation.PROVE and event.want_reply:
            session = self.session
            with self.guard():
                reply = rotation.prove(
                    event.details,
                    session.transport.session_id,
                    self._server.host_keys,
                    session.info.host_key_algorithm,
                )
        event.answer(reply)

    def _closed(self, event: e.Closed) -> None:
        self._end_grace()
        log.info("%s is gone: %s", self.peer, event.error)
        # Every channel was told before: children are hung up, connections to elsewhere closed.
        for task in self._tasks:
            task.cancel()

    # --- what the channels tell ---------------------------------------------------------------------------------------

    def session_over(self, session: SessionChannel) -> None:
        """A session channel is closed on both sides, its child hung up."""
        self._sessions.discard(session)
        if session.process is not None:
            self._server.left_behind(session.process)

    def forward_over(self, forward: DirectTcpipChannel) -> None:
        """A direct-tcpip channel is closed or was never opened."""
        self._forwards.discard(forward)


class _Driver(SessionDriver[ServerSession]):
    def __init__(self, connection: ServerConnection, settings: Settings) -> None:
        super().__init__(lambda on_event: ServerSession(settings, on_event), connection.on_event)
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._connection.options.tcp_keep_alive:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().connection_made(transport)
        self._connection.connected()
