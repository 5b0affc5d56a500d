"""The route to a host: direct, through a proxy, a ProxyCommand or jump hosts (ssh_config(5)).

`open_route` finds and opens it; the `Route` then carries a session and releases what it held when the session ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.transport import ChannelTransport
from jupyter_ssh.ssh.client.pool.connection_key import connection_key
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool, Lease, Poolable
from jupyter_ssh.ssh.client.prompts import NamedPrompts, Prompts
from jupyter_ssh.ssh.client.report.progress import Progress, Step
from jupyter_ssh.ssh.client.route.loops import behind, jump_text, name_of, refuse_loop, refuse_own_jump_host
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.proxy_address import FROM_ENVIRONMENT, ProxyAddress, parse_proxy
from jupyter_ssh.ssh.config.target import Target
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    ChannelOpenError,
    ConfigError,
    ConnectError,
    DeadlineExceeded,
    HostKeyError,
    NameNotFound,
    NegotiationError,
    PromptUnavailable,
    ProxyError,
    SSHError,
)
from jupyter_ssh.ssh.forwarding.direct_tcpip import ask_for_tcp
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.dial import dial, resolve
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.net.proxy import RESOLVES_HERE, ask_proxy
from jupyter_ssh.ssh.net.proxy_command import ProxyCommand
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.wire.numbers import SSH_OPEN_ADMINISTRATIVELY_PROHIBITED

# Errors that are not consequences of a route that ended: rather the route ends because of them.
OF_THEIR_OWN: Final = (
    AuthenticationError,
    ConfigError,
    DeadlineExceeded,
    HostKeyError,
    NegotiationError,
    PromptUnavailable,
)

Driver = SessionDriver[ClientSession]


class JumpHost(Poolable, Protocol):
    """An open connection to a jump host."""

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""

    @property
    def messages(self) -> list[str]:
        """What the person should be told about how it came to be."""

    @property
    def channel_host(self) -> ChannelHost:
        """Where channels are opened on it."""


J = TypeVar("J", bound=JumpHost)


@dataclasses.dataclass(frozen=True)
class RouteContext(Generic[J]):
    """What the way to a host depends on besides its options.

    ``hop_options`` resolves the options of a jump host as a command line of its own would, with the same files.
    ``terminal``: a ProxyCommand may use this process's terminal.
    """

    hop_options: Callable[[Target, Sequence[tuple[str, str]]], Options]
    pool: ConnectionPool[J]
    files: str
    """Stands for the configuration that ``hop_options`` reads."""
    terminal: bool = False
    sock: socket.socket | None = None
    """The way itself, given by the caller."""
    tunnel: J | None = None
    """A connection of the caller's that the way leads through; if it is in the pool, it stays open that long."""
    trail: tuple[Options, ...] = ()
    """The hosts that are being reached through this one."""


class Route:
    """An open route; ``address`` is the host's own if the route is direct, ``via`` names what lies in between."""

    def __init__(self, *, via: str = "", address: str = "") -> None:
        self.via = via
        self.address = address
        self.messages: list[str] = []
        """What the user should be told about the jump hosts that were connected to for it."""
        self._socket: socket.socket | None = None
        self._command: ProxyCommand | None = None
        self._tunnel: ChannelTransport | None = None
        self._lease: Lease[Any] | None = None

    async def attach(self, driver: Driver) -> None:
        """Connect a session's driver to it."""
        if self._tunnel is not None:
            self._tunnel.attach(driver)
        elif self._command is not None:
            await self._command.attach(driver)
        else:
            await asyncio.get_running_loop().create_connection(lambda: driver, sock=self._socket)
        driver.lost.add_done_callback(lambda lost: self.release())

    def release(self) -> list[asyncio.Task[None]]:
        """Release the program and the jump hosts, and return the tasks that do so."""
        tasks = [self._command.stop()] if self._command is not None else []
        closing = self._lease.release() if self._lease is not None else None
        return [*tasks, closing] if closing is not None else tasks

    async def close(self) -> None:
        """Close the route, release what it holds and wait for that, for a bounded time."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        if self._tunnel is not None:
            self._tunnel.abort()
        await self.released()

    async def released(self) -> None:
        """Release what it holds and wait until that is done."""
        if tasks := self.release():
            await asyncio.gather(*(asyncio.shield(task) for task in tasks), return_exceptions=True)

    async def explained(self, error: SSHError, session: ClientSession | None) -> SSHError:
        """Why a connection over it ended before anybody was logged in: a ProxyCommand that ended is the reason.

        A ProxyCommand that succeeded after it had carried something explains nothing: it ended because the server did.
        """
        if self._command is None or isinstance(error, OF_THEIR_OWN):
            return error
        ending = await self._command.ended(0.5)
        transport = None if session is None else session.transport
        heard = transport is not None and (transport.peer_version or transport.banner_lines)
        if ending is None or (heard and ending.startswith("exit status 0")):
            return error
        failure = ProxyError("the ProxyCommand ended", phase=error.phase, received=ending)
        failure.reason = "command"
        return failure


async def open_route(
    options: Options,
    context: RouteContext[J],
    prompts: Prompts,
    progress: Progress,
    seconds: float,
    connect: Callable[..., Awaitable[J]],
) -> Route:
    """Open the route that the options describe.  Raises `ConnectError` and what connecting to a jump host
    raises."""
    if context.sock is not None:
        return _over_socket(context.sock, progress)
    if context.tunnel is not None:
        return await _through_tunnel(context.tunnel, options, context, progress, seconds)
    if options.proxy_jump:
        return await _through_jump_hosts(options, context, prompts, progress, seconds, connect)
    if options.proxy_command is not None:
        return await _through_command(options.proxy_command, context, prompts, progress)
    proxy = await _proxy(options, prompts)
    if proxy is not None:
        return await _through_proxy(proxy, options, progress, seconds)
    route = Route()
    progress.done(Step.ROUTE, "direct")
    route._socket = await _dial(options, options.host_name, options.port, seconds, progress)
    with contextlib.suppress(OSError):  # it may have been reset already; reading will report that
        route.address = str(route._socket.getpeername()[0])
    return route


def _over_socket(given: socket.socket, progress: Progress) -> Route:
    """The socket of the caller, wherever it leads: its other end need not be the host itself."""
    route = Route(via="a given socket")
    route._socket = given
    try:
        connected = given.type == socket.SOCK_STREAM and given.getpeername() is not None
    except OSError:
        connected = False
    if not connected:
        raise ConfigError("the given socket is not connected", phase="options", expected="a connected stream socket")
    given.setblocking(False)
    if given.family in (socket.AF_INET, socket.AF_INET6):
        given.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    progress.done(Step.ROUTE, "over a given socket")
    return route


async def _through_tunnel(
    tunnel: J, options: Options, context: RouteContext[J], progress: Progress, seconds: float
) -> Route:
    """Open the route through a connection of the caller's, with a lease on it if it is one of the pool's."""
    route = Route(via=f"jump host {tunnel.name}")
    route._lease = context.pool.share(tunnel, _jump_to(options))
    try:
        await _lead_through(tunnel, route, options, seconds, progress)
    except BaseException:
        await route.close()
        raise
    return route


async def _dial(options: Options, host: str, port: int, seconds: float, progress: Progress) -> socket.socket:
    def on_step(name: str, detail: str) -> None:
        if name == "name":
            progress.done(Step.NAME, detail)
        elif name == "TCP":
            progress.done(Step.TCP, detail)
            progress.note("Connection established.")
        elif name == "address":
            address, _, rest = detail.partition(" ")
            progress.note(f"Connecting to {host} [{address}] {rest}.")
        else:
            progress.note(f"connect to address {detail}")

    for attempt in range(max(1, options.connection_attempts)):
        if attempt:
            await asyncio.sleep(1)  # as OpenSSH between ConnectionAttempts
        try:
            return await dial(
                host,
                port,
                family=options.address_family,
                bind_address=options.bind_address,
                bind_interface=options.bind_interface,
                timeout=seconds,
                keepalive=options.tcp_keep_alive,
                on_step=on_step,
            )
        except NameNotFound:
            raise
        except (ConnectError, DeadlineExceeded):
            if attempt + 1 >= options.connection_attempts:
                raise
    raise AssertionError("unreachable")


# --- a program --------------------------------------------------------------------------------------------------------


async def _through_command(command: str, context: RouteContext[Any], prompts: Prompts, progress: Progress) -> Route:
    progress.done(Step.ROUTE, "through a ProxyCommand")
    progress.note(f"Executing proxy command: exec {command}")
    on_line = None if context.terminal else lambda line: prompts.show_banner(f"ProxyCommand: {line}\n")
    route = Route(via="ProxyCommand")
    route._command = await ProxyCommand.start(command, on_line=on_line, terminal=context.terminal)
    return route


# --- a proxy ----------------------------------------------------------------------------------------------------------


async def _proxy(options: Options, prompts: Prompts) -> ProxyAddress | None:
    """Return the proxy to use, if any; its password is asked for if only a user name is configured."""
    proxy = options.proxy
    if proxy is not None and proxy.scheme == FROM_ENVIRONMENT:
        proxy = from_environment(options.host_name, options.port)
    if proxy is not None and proxy.user is not None and proxy.password is None and proxy.scheme[:6] != "socks4":
        password = None if options.batch_mode else await prompts.ask_secret(f"Password for the proxy {proxy}: ")
        proxy = dataclasses.replace(proxy, password=password or "")
    return proxy


def from_environment(host: str, port: int) -> ProxyAddress | None:
    """Return the proxy that ALL_PROXY, or else HTTPS_PROXY, names; None where NO_PROXY excepts the host."""
    from urllib import request  # large, and rarely needed

    proxies = request.getproxies_environment()
    text = proxies.get("all") or proxies.get("https")
    if not text or request.proxy_bypass_environment(f"{host}:{port}", proxies):  # type: ignore[attr-defined]
        return None
    try:
        return parse_proxy(text if "://" in text else f"http://{text}")
    except ValueError as error:
        raise ConfigError(f"ALL_PROXY or HTTPS_PROXY: {error}", phase="options") from None


async def _through_proxy(proxy: ProxyAddress, options: Options, progress: Progress, seconds: float) -> Route:
    progress.done(Step.ROUTE, f"through the proxy {proxy}")
    progress.note(f"Connecting through the proxy {proxy}")
    route = Route(via=f"proxy {proxy}")
    try:
        connection = await _dial(options, proxy.host, proxy.port, seconds, progress)
    except (ConnectError, DeadlineExceeded) as error:
        error.message = f"proxy {proxy}: {error.message}"
        error.via = str(proxy)
        raise
    route._socket = connection
    try:
        host = options.host_name
        if proxy.scheme in RESOLVES_HERE:
            host = str((await resolve(host, options.port, "inet"))[0][1][0])
        await within(ask_proxy(connection, proxy, host, options.port), seconds, "asking the proxy")
    except BaseException as error:
        connection.close()
        if isinstance(error, SSHError):
            error.via = str(proxy)
        raise
    progress.note(f"the proxy connected to {options.host_name} port {options.port}")
    return route


# --- jump hosts -------------------------------------------------------------------------------------------------------


async def _through_jump_hosts(
    options: Options,
    context: RouteContext[J],
    prompts: Prompts,
    progress: Progress,
    seconds: float,
    connect: Callable[..., Awaitable[J]],
) -> Route:
    """Open the route through jump hosts as OpenSSH does: the last one is reached, through the others, like a
    destination.

    So each jump host has its own blocks of ssh_config and its own key check, and none of the destination's options.
    """
    refuse_own_jump_host(options)
    *before, last = options.proxy_jump
    more = [("ProxyJump", ",".join(map(jump_text, before)))] if before else []
    # In a thread, because a configuration file may run a command (Match exec); the loop serves all connections.
    hop = await asyncio.to_thread(context.hop_options, last, more)
    hop = behind(options, hop) if before else hop
    trail = (*context.trail, options)
    refuse_loop(trail, hop)
    progress.done(Step.ROUTE, f"through the jump host {name_of(hop)}")
    progress.note(f"Connecting through the jump host {name_of(hop)}")
    deeper = dataclasses.replace(context, trail=trail)

    route = Route(via=f"jump host {name_of(hop)}")

    async def open_hop() -> J:
        named = NamedPrompts(prompts, name_of(hop))
        connection = await connect(hop, named, route_context=deeper, progress=progress.hop(name_of(hop)))
        route.messages += connection.messages
        return connection

    try:
        route._lease = await context.pool.lease(connection_key(hop, context.files), open_hop, _jump_to(options))
    except SSHError as error:
        if error.via is None:
            error.via = name_of(hop)
            error.message = f"jump host {name_of(hop)}: {error.message}"
        raise
    try:
        await _lead_through(route._lease.connection, route, options, seconds, progress)
    except BaseException as error:
        if isinstance(error, SSHError):
            error.messages = route.messages
        await route.close()
        raise
    return route


async def _lead_through(jump: JumpHost, route: Route, options: Options, seconds: float, progress: Progress) -> None:
    route._tunnel = await _tunnel(jump.channel_host, jump.name, options, seconds)
    progress.done(Step.TCP, f"{jump.name} connected to {options.host_name} port {options.port}")


async def _tunnel(jump: ChannelHost, name: str, options: Options, seconds: float) -> ChannelTransport:
    place = f"{options.host_name} port {options.port}"
    try:
        tunnel = ChannelTransport(jump, ask_for_tcp(jump, options.host_name, options.port))
        await tunnel.wait_opened(seconds, f"connecting to {place} from the jump host {name}")
        return tunnel
    except ChannelOpenError as refused:
        forbidden = refused.reason == SSH_OPEN_ADMINISTRATIVELY_PROHIBITED
        error = ProxyError(
            f"jump host {name}: {'not allowed to connect to' if forbidden else 'cannot reach'} {place}",
            phase="connecting from the jump host",
            received=refused.received,
        )
        error.reason, error.via = ("forbidden" if forbidden else "refused"), name
        raise error from None
    except SSHError as error:
        error.via = name
        raise


def _jump_to(options: Options) -> str:
    """The holder of a lease on a jump host."""
    return f"a jump to {name_of(options)}"
