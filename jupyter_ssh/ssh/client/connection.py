"""`connect` and the `Connection` it gives."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import os
import socket
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from jupyter_ssh.ssh.channels.streams import Reader, Writer
from jupyter_ssh.ssh.client.agent_forwarding import CHANNEL as AGENT_CHANNEL
from jupyter_ssh.ssh.client.agent_forwarding import AgentForwarding
from jupyter_ssh.ssh.client.keywords_acted_on import after_login, check_refusal, set_quality
from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.client.login.agent import LoginAgent, forwarded_address
from jupyter_ssh.ssh.client.login.authentication import ClientLogin
from jupyter_ssh.ssh.client.login.handshake import Handshake
from jupyter_ssh.ssh.client.login.host_key import HostKeyCheck, Trusted
from jupyter_ssh.ssh.client.login.host_key_updates import HostKeyUpdates
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool
from jupyter_ssh.ssh.client.process import Process, Pty, Result
from jupyter_ssh.ssh.client.prompts import NamedPrompts, NoPrompts, Prompts
from jupyter_ssh.ssh.client.report.advice import advise
from jupyter_ssh.ssh.client.report.failures import Failure
from jupyter_ssh.ssh.client.report.narration import Narration
from jupyter_ssh.ssh.client.report.progress import Progress, Step
from jupyter_ssh.ssh.client.route.opening import Route, Surroundings, open_route
from jupyter_ssh.ssh.client.tcp import TcpStream
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.resolving import resolve
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, chosen_files
from jupyter_ssh.ssh.config.target import Target
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.errors import (
    ChannelOpenError,
    ChannelRequestDenied,
    ConfigError,
    ConnectionClosed,
    ConnectionLost,
    DeadlineExceeded,
    DisconnectedByPeer,
    SSHError,
)
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.net.names import SystemNames, interface_addresses
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.trust.rotation import ANNOUNCE
from jupyter_ssh.ssh.wire.numbers import OPEN_FAILURE_NAMES, SSH_OPEN_ADMINISTRATIVELY_PROHIBITED

log = logging.getLogger("jupyter_ssh.ssh")

CONNECT_SECONDS: Final = 30.0
"""Each phase before authentication may take so long, unless ConnectTimeout says otherwise."""

ANSWER_SECONDS: Final = 60.0
"""How long a server may take to open a channel or to start a command."""

Config = str | os.PathLike[str] | Sequence[ConfigFile] | None
Keys = str | os.PathLike[str] | PrivateKey


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """How a connection is made up; ``host`` is the name as it was typed."""

    host: str
    port: int
    user: str
    address: str
    """Empty where only a proxy or a jump host knows it."""
    server_version: str
    client_version: str
    exchange: str
    host_key_algorithm: str
    host_key_fingerprint: str
    cipher_out: str
    cipher_in: str
    mac_out: str
    mac_in: str
    method: str
    key_fingerprint: str | None
    """The key that was used to log in, if one was."""
    post_quantum: bool
    via: str = ""
    """The proxy, the ProxyCommand or the jump host that the way leads through; empty where it leads straight."""
    host_key_dns: str = ""
    """What DNS says of the host key, in a few words; empty where it was not asked (VerifyHostKeyDNS)."""


class Connecting:
    """A connection being made: ``await`` it, or use it with ``async with``, which also closes it."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._connection: Connection | None = None

    def __await__(self) -> Generator[Any, None, Connection]:
        made: Generator[Any, None, Connection] = self._make().__await__()
        return made

    async def __aenter__(self) -> Connection:
        self._connection = await self
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()


def connect(
    target: str,
    *,
    config: Config = None,
    password: str | None = None,
    identity_file: Keys | Sequence[Keys] | None = None,
    prompts: Prompts | None = None,
    command_line: Sequence[str | tuple[str, str]] = (),
    pool: ConnectionPool[Connection] | None = None,
    progress: Progress | None = None,
    **options: object,
) -> Connecting:
    """Connects to ``target``: ``host``, ``user@host`` or ``ssh://user@host:port``.

    ``options`` are ssh_config keywords in snake_case (``port=2222``, ``strict_host_key_checking="accept-new"``,
    ``ciphers=["aes128-gcm@openssh.com"]``), and ``known_hosts=PATH`` for that file and no other.  ``command_line`` are
    ``-o`` options as text.  ``config`` is the ssh_config file to read in place of the person's and the system's, "none"
    to read none.  ``identity_file`` may also be a key in memory.  ``prompts`` answers questions; without it none is
    answered, and the key of an unknown host is refused.  Connections made with the same ``pool`` share their jump
    hosts.  ``progress`` hears of each step.

    Raises `ConfigError`, `NameNotFound`, `ConnectError`, `DeadlineExceeded`, `HostKeyError`, `AuthenticationError`,
    `NegotiationError` and other `SSHError`.
    """

    async def make() -> Connection:
        keys, paths = _split_keys(identity_file)
        if identity_file is not None:
            options["identity_file"] = paths or ["none"]
        # In a thread, for a file may have a command run; the loop belongs to all connections.
        resolved = await asyncio.to_thread(resolve_options, target, config, command_line, options)
        surroundings = surroundings_for(config, pool=pool)
        return await open_connection(
            *(resolved, prompts or NoPrompts()),
            password=password,
            keys=keys,
            surroundings=surroundings,
            progress=progress,
        )

    return Connecting(make)


def resolve_options(
    target: str | Target,
    config: Config,
    command_line: Sequence[str | tuple[str, str]],
    keywords: Mapping[str, object],
    command: str | None = None,
) -> Options:
    """The options of a connection from everything that speaks of them; raises `ConfigError`.

    Blocks while a file has a command run (Match exec) or a name made canonical, each for a bounded time.  ``command``
    is what is going to be run, for Match command.
    """
    home = Path.home()
    files: Sequence[ConfigFile]
    if config is None or isinstance(config, (str, os.PathLike)):
        files = chosen_files(config, home)
    else:
        files = config
    try:
        return resolve(
            target,
            command_line=command_line,
            keywords=keywords,
            files=files,
            user_name=getpass.getuser(),
            home=home,
            environment=os.environ,
            uid=os.getuid() if hasattr(os, "getuid") else None,
            local_host=socket.gethostname(),
            run=shell_status,
            names=SystemNames(),
            addresses=interface_addresses,
            command=command,
        )
    except ConfigError as error:
        advise(Failure(error, None))
        raise


def _split_keys(given: Keys | Sequence[Keys] | None) -> tuple[list[PrivateKey], list[str]]:
    items: Sequence[Keys] = [given] if isinstance(given, (str, os.PathLike, PrivateKey)) else given or []
    keys = [item for item in items if isinstance(item, PrivateKey)]
    paths = [os.fspath(item) for item in items if not isinstance(item, PrivateKey)]
    return keys, paths


def surroundings_for(
    config: Config = None, *, pool: ConnectionPool[Connection] | None = None, terminal: bool = False
) -> Surroundings:
    """What the way to a host depends on besides its options, for `open_connection`; ``config`` as for `connect`."""

    def hop_options(hop: Target, command_line: Sequence[tuple[str, str]]) -> Options:
        return resolve_options(hop, config, command_line, {})

    return Surroundings(hop_options, pool or ConnectionPool(), terminal)


async def open_connection(
    options: Options,
    prompts: Prompts,
    *,
    password: str | None = None,
    keys: Sequence[PrivateKey] = (),
    surroundings: Surroundings | None = None,
    progress: Progress | None = None,
    examine: bool = False,
) -> Connection:
    """Connects and logs in; see `connect`.  With ``examine`` the server is asked about each key before one is used."""
    check_refusal(options)
    surroundings = surroundings or surroundings_for()
    progress = progress or Progress(options.host)
    for line in options.notes:
        progress.note(line)
    seconds = options.connect_timeout or CONNECT_SECONDS
    if options.proxy_jump:
        prompts = NamedPrompts(prompts, f"{options.user}@{options.host}")
    host_key = HostKeyCheck(options, prompts)
    settings = await host_key.prepare()
    handshake = Handshake(prompts, seconds)
    try:
        route = await open_route(options, surroundings, prompts, progress, seconds, open_connection)
    except SSHError as error:
        explain(error, options)
        progress.broke(error)
        raise
    handshake.messages += route.messages
    connection: Connection | None = None
    narration: Narration | None = None
    try:
        connection = Connection(options, settings, handshake, route)
        narration = Narration(connection.session, options, progress)
        handshake.on_event = narration.look
        await route.attach(connection.driver)
        address = route.address or None
        trusted = await host_key.check(connection.session, handshake, address)
        narration.host_key(*host_key.known_as(connection.session), trusted.dns)
        if trusted.updates_allowed:
            connection.host_key_updates = HostKeyUpdates(connection.session, options, prompts, host_key, address)
        agent = LoginAgent(options, connection.session, os.environ)
        login = ClientLogin(
            connection.session,
            handshake,
            options,
            prompts,
            password=password,
            keys=keys,
            secrets_allowed=trusted.secrets_allowed,
            agent=agent,
            progress=progress,
            examine=examine,
        )
        try:
            await login.run()
        finally:
            agent.close()
            handshake.messages += (f"Warning: {text}" for text in agent.warnings)
        connection.logged_in(login, trusted)
        progress.done(Step.LOGIN, f"{options.user}, by {connection.info.method}")
        place = f"{options.host_name} ({f'[{address}]:{options.port}' if address else f'via {route.via}'})"
        progress.note(f'Authenticated to {place} using "{connection.info.method}".', logging.INFO)
        await after_login(connection)
    except BaseException as error:
        explained = await route.explained(error, connection) if isinstance(error, SSHError) else None
        if explained is not None:
            if narration is not None:
                narration.look()
            explain(explained, options, connection, handshake.said)
            explained.messages = handshake.messages
            progress.broke(explained)
        if connection is not None:
            connection.abandon()
        await route.close()
        if explained is not None and explained is not error:
            raise explained from error
        raise
    return connection


def explain(error: SSHError, options: Options, connection: Connection | None = None, said: str = "") -> None:
    """Gives an error what is known only here: how far the connection was, what the server said last, and the advice."""
    phase = next((phase for phase in Phase if phase.value == error.phase), None)
    if connection is not None:
        error.packets = connection.session.transport.packets.lines()
    if connection is not None and isinstance(error, (ConnectionLost, DisconnectedByPeer, DeadlineExceeded)):
        transport = connection.session.transport
        if isinstance(error, DeadlineExceeded) and transport.phase is Phase.VERSION:
            error.phase = Phase.VERSION.value
        lines = [printable(line.decode("utf-8", "replace")) for line in transport.banner_lines[-1:]]
        if said or lines:
            error.received = "; ".join(filter(None, (error.received, f"the server said last: {said or lines[-1]!r}")))
    advise(Failure(error, options, phase))


class Connection:
    """An open connection; use `connect` to get one.  All methods belong to the event loop it was made in."""

    def __init__(self, options: Options, settings: Settings, handshake: Handshake, route: Route) -> None:
        self.options = options
        self._route = route
        self._handshake: Handshake | None = handshake
        self._info: ConnectionInfo | None = None
        self.ended_at: float | None = None
        """When it ended (`time.time`)."""
        self._closing = False
        self.driver = SessionDriver(lambda on_event: ClientSession(settings, on_event), self._on_event)
        self.session = self.driver.session
        self.messages = handshake.messages
        """What the person should be told about how the connection came to be."""
        self.agent_forwarding: AgentForwarding | None = None
        """What lets the remote side use the agent here; None unless somebody asked for it."""
        self.host_key_updates: HostKeyUpdates | None = None
        """Learns of other keys that the server has; None where it is not trusted enough."""

    def _on_event(self, event: e.Event) -> None:
        if self._handshake is not None:
            self._handshake.heard(event)
        if isinstance(event, e.Closed):
            self.ended_at = time.time()
            if self._handshake is None:
                explain(event.error, self.options, self)
        elif isinstance(event, e.GlobalRequested):
            if event.name == ANNOUNCE and self.host_key_updates is not None:
                self.host_key_updates.announced(event.details)
            if event.want_reply:
                self.session.connection.reply_global(None)
        elif isinstance(event, e.ChannelOpenRequested) and event.kind == AGENT_CHANNEL and self.agent_forwarding:
            self.agent_forwarding.open_requested(event.channel)
        elif isinstance(event, e.ChannelOpenRequested):
            event.channel.refuse(SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "nothing of that kind was asked for")
        elif isinstance(event, e.DebugMessage):
            log.debug("Remote: %s", printable(event.text))

    def logged_in(self, login: ClientLogin, trusted: Trusted) -> None:
        """Somebody is logged in: from now on events belong to the connection."""
        self._handshake = None
        agent = forwarded_address(self.options, os.environ)
        if agent is not None and not trusted.secrets_allowed:
            # As OpenSSH: whoever answers in the place of the host would sign with it.
            self.messages.append("WARNING: the agent is not forwarded, for the key of the host is not the right one")
        elif agent is not None:
            self.agent_forwarding = AgentForwarding(self.session, agent)
        session = self.session.info
        self._info = ConnectionInfo(
            host=self.options.host,
            port=self.options.port,
            user=self.options.user,
            address=self._route.address,
            via=self._route.via,
            server_version=session.peer_version,
            client_version=session.local_version,
            exchange=session.kex,
            host_key_algorithm=session.host_key_algorithm,
            host_key_fingerprint=session.host_key.fingerprint if session.host_key else "",
            host_key_dns=trusted.dns,
            cipher_out=session.sending.cipher,
            cipher_in=session.receiving.cipher,
            mac_out=session.sending.mac,
            mac_in=session.receiving.mac,
            method=", ".join(login.methods),
            key_fingerprint=login.key_fingerprint if "publickey" in login.methods else None,
            post_quantum=EXCHANGES[session.kex].post_quantum,
        )

    def abandon(self) -> None:
        """Ends a connection that did not come to be, without waiting."""
        self.session.disconnect()
        self.driver.abandon()

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def info(self) -> ConnectionInfo:
        """How the connection is made up."""
        if self._info is None:
            raise ConnectionClosed("nobody is logged in", phase="connecting")
        return self._info

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on whichever side."""
        return self.session.failure is not None

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open and when it was closed here."""
        return None if self._closing else self.session.failure

    # --- what it does -------------------------------------------------------------------------------------------------

    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Process:
        """Starts a command (None: the login shell) or a subsystem, in a terminal if ``pty`` is given.

        Raises `ChannelOpenError`, `ChannelRequestDenied`, `DeadlineExceeded`, or why the connection ended.
        """
        if pty is not None:
            set_quality(self.driver.tcp_socket, self.options, interactive=True)
        process = Process(self, command)
        try:
            await within(process.begin(pty, env or {}, subsystem), timeout, "starting a process")
        except BaseException as error:
            process.close()
            if isinstance(error, (DeadlineExceeded, ChannelRequestDenied)):
                explain(error, self.options)
            raise
        return process

    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Runs a command to its end, with ``input`` on its stdin, and returns its `Result`.

        Raises `DeadlineExceeded` after ``timeout`` seconds (the process gets SIGHUP and the channel is closed),
        `RemoteCommandError` with ``check`` when the command failed, and what `start` raises.
        """
        running = self._run(command, input, pty, env)
        result = await within(running, timeout, "waiting for the command", next_step="Give it more time with timeout=.")
        return result.check() if check else result

    async def _run(
        self, command: str, input: bytes | str | None, pty: Pty | None, env: Mapping[str, str] | None
    ) -> Result:
        process = await self.start(command, pty=pty, env=env)
        writing = asyncio.ensure_future(_write_all(process, input))
        try:
            return await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(SSHError):
                process.signal("HUP")
            raise
        finally:
            writing.cancel()
            process.close()

    async def open_tcp(self, host: str, port: int, *, timeout: float | None = ANSWER_SECONDS) -> tuple[Reader, Writer]:
        """A TCP connection from the server to ``host`` and ``port``; raises `ChannelOpenError`, `DeadlineExceeded`."""
        stream = TcpStream(self, host, port)
        try:
            await within(asyncio.shield(stream.opened), timeout, f"opening {host} port {port} from the server")
        except BaseException:
            stream.close()
            raise
        return stream.reader, stream.writer

    def open_error(self, kind: str, event: e.ChannelRefused) -> ChannelOpenError:
        """The error for a channel that the server refused."""
        error = ChannelOpenError(
            f"the server refused a {kind} channel",
            phase="opening a channel",
            received=f"{OPEN_FAILURE_NAMES.get(event.reason, 'unknown reason')}: {event.description[:300]!r}",
        )
        error.kind, error.reason = kind, event.reason
        explain(error, self.options)
        return error

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Says goodbye and closes the connection; processes on it end.  Takes a bounded time; again is nothing."""
        self._closing = self._closing or not self.closed
        if self.host_key_updates is not None:
            await self.host_key_updates.settle()
        await self.driver.close()
        await self._route.released()

    async def wait_closed(self) -> None:
        """Waits until the connection has ended."""
        await asyncio.shield(self.driver.lost)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


async def _write_all(process: Process, data: bytes | str | None) -> None:
    """Writes the input; a process may end without reading all of it."""
    if isinstance(data, str):
        data = data.encode()
    with contextlib.suppress(SSHError):
        if data:
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()
