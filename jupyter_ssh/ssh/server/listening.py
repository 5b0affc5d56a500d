"""Listen for clients: `listen` and `Server`."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.errors import ConnectError
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.net.opening import Opening
from jupyter_ssh.ssh.server.connection import ServerConnection
from jupyter_ssh.ssh.server.logins.accounts import current_account
from jupyter_ssh.ssh.server.logins.file_memory import LoginFiles
from jupyter_ssh.ssh.server.logins.user_rules import UserRules
from jupyter_ssh.ssh.server.options import (
    ADDRESS_FAMILIES,
    PasswordCheck,
    PathLike,
    ServerOptions,
    load_host_keys,
)
from jupyter_ssh.ssh.server.processes.process import ServedProcess

log = logging.getLogger(__name__)

Hosts = str | Sequence[str | tuple[str, int]] | None
"""One address, several, of which each may have a port of its own, or None for all of this machine."""

CLOSING_SECONDS: Final = 5.0
"""How long `Server.close` waits for hung-up children to end."""


class Server:
    """A listening server; made by `listen`.  ``async with`` closes it."""

    def __init__(self, options: ServerOptions, host_keys: Sequence[PrivateKey]) -> None:
        self.options = options
        self.host_keys = tuple(host_keys)
        self.settings = options.settings(host_keys)
        self.account = current_account()
        self.user_rules = UserRules(options, self.account)
        self.login_files = LoginFiles()
        self._random = random.SystemRandom()
        self._listeners: list[asyncio.Server] = []
        self._closed = False
        self._connections: set[ServerConnection] = set()
        self._starting: set[ServerConnection] = set()
        self._children: set[ServedProcess] = set()
        self.changes = Changes("server", "connections")
        """The changes of the authenticated connections: see `Changes.listen`."""

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports listened on; empty once closed."""
        names = [bound.getsockname() for listener in self._listeners for bound in listener.sockets]
        return [(name[0], name[1]) for name in names]

    @property
    def port(self) -> int:
        """The port of the first address; 0 once closed."""
        return self.addresses[0][1] if self.addresses else 0

    @property
    def connections(self) -> int:
        """How many clients are connected, authenticated or not."""
        return len(self._connections)

    async def start(self, host: Hosts, port: int) -> None:
        """Start listening; raises `ConnectError` if that fails."""
        for number, hosts in _by_port(host, port).items():
            try:
                self._listeners.append(await self._listen(hosts, number))
            except (OSError, OverflowError, ValueError) as error:
                await self.close()
                raise ConnectError(
                    f"cannot listen on {hosts if hosts is None or isinstance(hosts, str) else ', '.join(hosts)}"
                    f" port {number}",
                    phase="listening",
                    received=_cause(error),
                    next_step=_advice(error),
                ) from None

    async def _listen(self, hosts: str | Sequence[str] | None, port: int) -> asyncio.Server:
        family = ADDRESS_FAMILIES[self.options.address_family]
        return await asyncio.get_running_loop().create_server(self._accept, hosts, port, family=family, backlog=128)

    async def close(self) -> None:
        """Stop listening, end all connections and hang up their children; idempotent."""
        self._closed = True
        while self._listeners:
            self._listeners.pop().close()
        await asyncio.gather(*(connection.close() for connection in list(self._connections)))
        self._children = {child for child in self._children if not child.reaped}
        if self._children:
            waits = [asyncio.ensure_future(child.wait_reaped()) for child in self._children]
            _, late = await asyncio.wait(waits, timeout=CLOSING_SECONDS)
            for wait in late:
                wait.cancel()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # --- connections --------------------------------------------------------------------------------------------------

    def _accept(self) -> asyncio.BaseProtocol:
        if self._closed:
            return _Refusal(b"")  # accepted just before we stopped listening
        if self._full():
            log.warning("dropped a connection: %d others are not authenticated yet", len(self._starting))
            return _Refusal(b"Exceeded MaxStartups\r\n")
        connection = ServerConnection(self)
        self._connections.add(connection)
        self._starting.add(connection)
        return connection.driver

    def _full(self) -> bool:
        # sshd_config(5), MaxStartups: random early drop, so that a flood cannot keep everybody else out.
        start, rate, full = self.options.max_startups
        waiting = len(self._starting)
        if waiting < start:
            return False
        if waiting >= full:
            return True
        chance = rate + (100 - rate) * (waiting - start) / (full - start)
        return self._random.uniform(0, 100) < chance

    def logged_in(self, connection: ServerConnection) -> None:
        """Count a client as authenticated."""
        self._starting.discard(connection)
        self.changes.adopt(connection.changes)

    def gone(self, connection: ServerConnection) -> None:
        """Forget a client whose transport is closed."""
        self._starting.discard(connection)
        self._connections.discard(connection)

    def left_behind(self, child: ServedProcess) -> None:
        """Remember a child that was hung up but has not ended yet."""
        self._children = {left for left in self._children if not left.reaped}
        if not child.reaped:
            self._children.add(child)


class _Refusal(asyncio.Protocol):
    """Sends the reason as sshd does before the protocol begins, and closes."""

    def __init__(self, reason: bytes) -> None:
        self._reason = reason

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._reason)
        transport.close()


def _cause(error: OSError | OverflowError | ValueError) -> str:
    if isinstance(error, ValueError):  # in Python's own words, about codecs
        return "what is neither an address nor a name"
    return getattr(error, "strerror", None) or str(error)


_ADDRESS_STEP: Final = "Name an address of this machine, of a family that is allowed."
_STEPS: Final = {
    errno.EADDRINUSE: "Choose another port, or 0 for any free one.",
    errno.EACCES: "Choose a port from 1024 on, or 0 for any free one.",
    errno.EADDRNOTAVAIL: _ADDRESS_STEP,
    errno.EAFNOSUPPORT: _ADDRESS_STEP,
}


def _advice(error: OSError | OverflowError | ValueError) -> str | None:
    """Return what to do when nothing can be listened on."""
    if isinstance(error, OverflowError):
        return "Choose a port of at most 65535, or 0 for any free one."
    # A ValueError is a name that cannot even be looked up.  The numbers of gaierror are others than those of the table.
    if isinstance(error, (ValueError, socket.gaierror)):
        return _ADDRESS_STEP
    return _STEPS.get(error.errno or 0)


def _by_port(host: Hosts, port: int) -> dict[int, str | list[str] | None]:
    if host is None or isinstance(host, str):
        return {port: host}
    found: dict[int, list[str]] = {}
    for item in host:
        address, number = (item, port) if isinstance(item, str) else item
        found.setdefault(number, []).append(address)
    return {**found}


def listen(
    host: Hosts = "127.0.0.1",
    port: int = 0,
    *,
    host_keys: Sequence[PrivateKey | PathLike],
    authorized_keys: PathLike | Sequence[PathLike] | None = None,
    passwords: PasswordCheck | None = None,
    **options: Any,
) -> Opening[Server]:
    """Start an SSH server: ``server = await listen(...)``, or ``async with listen(...) as server``, which closes it.

    Everybody who may log in (``authorized_keys``, ``passwords`` or ``keyboard_interactive``) gets the account that it
    runs under.

    Args:
        host: The address or addresses to listen on, or pairs of an address and its port; None for all.
        port: 0 for any free one; see `Server.port`.
        options: The fields of `ServerOptions`.

    Raises:
        ConfigError, KeyFileError: An option or a key is invalid.
        ConnectError: It cannot listen on the port.
    """

    async def start() -> Server:
        chosen = ServerOptions.of({"authorized_keys": authorized_keys, "passwords": passwords, **options})
        server = Server(chosen, load_host_keys(host_keys))
        await server.start(host, port)
        return server

    return Opening(start)
