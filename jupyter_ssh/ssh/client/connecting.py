"""`connect`: from a target and options to a `Connection`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from jupyter_ssh.ssh.client.channel_host import ClientChannelHost
from jupyter_ssh.ssh.client.connection import Connection
from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.keywords_acted_on import after_login, check_refusal
from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.client.login.agent import LoginAgent, forwarded_address
from jupyter_ssh.ssh.client.login.authentication import ClientLogin
from jupyter_ssh.ssh.client.login.handshake import Handshake
from jupyter_ssh.ssh.client.login.host_key import HostKeyCheck, Trusted
from jupyter_ssh.ssh.client.login.host_key_updates import HostKeyUpdates
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool
from jupyter_ssh.ssh.client.prompts import NamedPrompts, NoPrompts, Prompts
from jupyter_ssh.ssh.client.report.advice import advise
from jupyter_ssh.ssh.client.report.explaining import explain
from jupyter_ssh.ssh.client.report.failures import Failure
from jupyter_ssh.ssh.client.report.narration import Narration
from jupyter_ssh.ssh.client.report.progress import Progress, Step
from jupyter_ssh.ssh.client.route.opening import Route, RouteContext, open_route
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.resolving import resolve
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, chosen_files
from jupyter_ssh.ssh.config.target import Target
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.errors import ConfigError, SSHError
from jupyter_ssh.ssh.forwarding.agent import AgentForwarding
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.net.names import SystemNames, interface_addresses
from jupyter_ssh.ssh.net.opening import Opening
from jupyter_ssh.ssh.net.owner import home_folder, login_name
from jupyter_ssh.ssh.protocol.session import SessionInfo

CONNECT_SECONDS: Final = 30.0
"""The time limit of each phase before authentication, unless ConnectTimeout sets another."""

Config = str | os.PathLike[str] | Sequence[ConfigFile] | None
Keys = str | os.PathLike[str] | PrivateKey


def connect(
    target: str,
    *,
    config: Config = None,
    password: str | None = None,
    identity_file: Keys | Sequence[Keys] | None = None,
    prompts: Prompts | None = None,
    command_line: Sequence[str | tuple[str, str]] = (),
    pool: ConnectionPool[Connection] | None = None,
    sock: socket.socket | None = None,
    tunnel: Connection | str | None = None,
    progress: Progress | None = None,
    **options: object,
) -> Opening[Connection]:
    """Connect to ``target``: ``connection = await connect(...)``, or ``async with connect(...) as connection``.

    The key of an unknown host is refused unless ``prompts`` accepts it.

    Args:
        target: ``host``, ``user@host`` or ``ssh://user@host:port``.
        config: The ssh_config file to read instead of the user's and the system's; "none" for none.
        identity_file: Paths of private keys, or keys in memory.
        prompts: Answers questions; without it every question is declined.
        command_line: ``-o`` options as text.
        pool: Connections made with the same pool share their jump hosts.
        sock: A connected socket to use instead of opening one.  It is closed with the connection, and also if
            connecting fails.
        tunnel: An open connection to go through, which stays open afterwards, or jump hosts as for ``ssh -J``.
        progress: Is told of each step.
        options: Keywords of ssh_config in snake_case: ``port=2222``, ``strict_host_key_checking="accept-new"``,
            ``ciphers=["aes128-gcm@openssh.com"]``; and ``known_hosts=PATH`` to use only that file.

    Raises:
        ConfigError: An option is invalid.
        NameNotFound, ConnectError, ProxyError: The host cannot be reached.
        HostKeyError: The host key was not verified; no secret was sent.
        AuthenticationError: The host accepted none of the authentication methods.
        SSHError: Any other failure: `DeadlineExceeded`, `NegotiationError`, `ConnectionLost`, ...
    """

    async def make() -> Connection:
        with closing_on_error(sock):
            keys, identity_files = split_keys(identity_file)
            if identity_files is not None:
                options["identity_file"] = identity_files
            if isinstance(tunnel, str):
                options["proxy_jump"] = tunnel
            context = route_context_for(config, pool=pool, sock=sock, tunnel=tunnel)
            # In a thread, because a configuration file may run a command (Match exec); the loop serves all connections.
            resolved = await asyncio.to_thread(resolve_options, target, config, command_line, options)
            return await open_connection(
                resolved,
                prompts or NoPrompts(),
                password=password,
                keys=keys,
                route_context=context,
                progress=progress,
            )

    return Opening(make)


@contextlib.contextmanager
def closing_on_error(sock: socket.socket | None) -> Iterator[None]:
    """Close a socket that was passed in, if connecting fails."""
    try:
        yield
    except BaseException:
        if isinstance(sock, socket.socket):
            sock.close()
        raise


def resolve_options(
    target: str | Target,
    config: Config,
    command_line: Sequence[str | tuple[str, str]],
    keywords: Mapping[str, object],
    command: str | None = None,
) -> Options:
    """Return the options of a connection, from all their sources; raises `ConfigError`.

    Blocks while a configuration file runs a command (Match exec) or a name is canonicalized, each for a bounded time.
    ``command`` is the remote command, for Match command.
    """
    home = home_folder()
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
            user_name=login_name(),
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


def split_keys(given: Keys | Sequence[Keys] | None) -> tuple[list[PrivateKey], list[str] | None]:
    """Return the keys in memory, and the paths for IdentityFile; None if no keys were given."""
    if given is None:
        return [], None
    items: Sequence[Keys] = [given] if isinstance(given, (str, os.PathLike, PrivateKey)) else given
    keys = [item for item in items if isinstance(item, PrivateKey)]
    paths = [os.fspath(item) for item in items if not isinstance(item, PrivateKey)]
    return keys, paths or ["none"]


def route_context_for(
    config: Config = None,
    *,
    pool: ConnectionPool[Connection] | None = None,
    terminal: bool = False,
    sock: socket.socket | None = None,
    tunnel: Connection | str | None = None,
) -> RouteContext[Connection]:
    """Return what the route to a host depends on besides its options, for `open_connection`; arguments as for
    `connect`.

    Raises `ConfigError`.
    """

    def hop_options(hop: Target, command_line: Sequence[tuple[str, str]]) -> Options:
        return resolve_options(hop, config, command_line, {})

    for name, given, kinds in (("sock", sock, socket.socket), ("tunnel", tunnel, (Connection, str))):
        if given is not None and not isinstance(given, kinds):
            raise ConfigError(f"{name} is no {name}", phase="options", received=type(given).__name__)
    if sock is not None and tunnel is not None:
        raise ConfigError("sock and tunnel are both given", phase="options", expected="one of them")
    through = tunnel if isinstance(tunnel, Connection) else None
    return RouteContext(hop_options, pool or ConnectionPool(), repr(config), terminal, sock, through)


async def open_connection(
    options: Options,
    prompts: Prompts,
    *,
    password: str | None = None,
    keys: Sequence[PrivateKey] = (),
    route_context: RouteContext[Connection] | None = None,
    progress: Progress | None = None,
    examine: bool = False,
) -> Connection:
    """Connect and log in; see `connect`.  With ``examine``, query the server about each key before using one."""
    check_refusal(options)
    context = route_context or route_context_for()
    progress = progress or Progress(options.host)
    for line in options.notes:
        progress.note(line)
    seconds = options.connect_timeout or CONNECT_SECONDS
    if options.proxy_jump and context.sock is None and context.tunnel is None:
        prompts = NamedPrompts(prompts, f"{options.user}@{options.host}")
    host_key = HostKeyCheck(options, prompts)
    settings = await host_key.prepare()
    handshake = Handshake(prompts, seconds)
    try:
        route = await open_route(options, context, prompts, progress, seconds, open_connection)
    except SSHError as error:
        explain(error, options)
        progress.broke(error)
        raise
    handshake.messages += route.messages
    host: ClientChannelHost | None = None
    narration: Narration | None = None
    try:
        host = ClientChannelHost(options, settings, handshake.heard)
        session = host.session
        narration = Narration(session, options, progress)
        handshake.on_event = narration.look
        await route.attach(host.driver)
        address = route.address or None
        trusted = await host_key.check(session, handshake, address)
        narration.host_key(*host_key.known_as(session), trusted.dns)
        if trusted.updates_allowed:
            host.parts.add(HostKeyUpdates(host, session, options, prompts, host_key, address))
        agent = LoginAgent(options, session, os.environ)
        login = ClientLogin(
            session,
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
        if session.failure is not None:  # the server disconnected right after it had accepted the login
            raise session.failure
        host.logged_in()
        info = _info(options, route, session.info, trusted, login)
        _lend_agent(host, options, trusted, handshake.messages)
        progress.done(Step.LOGIN, f"{options.user}, by {info.method}")
        place = f"{options.host_name} ({f'[{address}]:{options.port}' if address else f'via {route.via}'})"
        progress.note(f'Authenticated to {place} using "{info.method}".', logging.INFO)
        await after_login(options, info, session.info.host_key, host.driver.tcp_socket, handshake.messages)
    except BaseException as error:
        session_made = None if host is None else host.session
        explained = await route.explained(error, session_made) if isinstance(error, SSHError) else None
        if explained is not None:
            if narration is not None:
                narration.look()
            explain(explained, options, session_made, handshake.said)
            explained.messages = handshake.messages
            progress.broke(explained)
        if host is not None:
            host.abandon()
        await route.close()
        if explained is not None and explained is not error:
            raise explained from error
        raise
    return Connection(options, host, route, info, handshake.messages)


def _info(options: Options, route: Route, session: SessionInfo, trusted: Trusted, login: ClientLogin) -> ConnectionInfo:
    return ConnectionInfo(
        host=options.host,
        port=options.port,
        user=options.user,
        address=route.address,
        via=route.via,
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


def _lend_agent(host: ClientChannelHost, options: Options, trusted: Trusted, messages: list[str]) -> None:
    """ForwardAgent."""
    address = forwarded_address(options, os.environ)
    if address is not None and not trusted.secrets_allowed:
        # As in OpenSSH: a host that is impersonated must not be able to use the agent.
        messages.append("WARNING: Agent forwarding is disabled to avoid man-in-the-middle attacks.")
    elif address is not None:
        host.parts.add(AgentForwarding(host.session, address))
