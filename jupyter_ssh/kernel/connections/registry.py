"""The registry of this kernel's connections: finding, sharing and closing them, and the current one.

All of them are connections of one pool, including those to jump hosts, and one rule determines how long they live: a
connection is open as long as somebody holds a lease on it.  Holders are the user (through a magic or `connect`), a
terminal, a command in the background, or another connection that goes through it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from jupyter_ssh.kernel.cells.desk import say_in_cell
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.entry import Entry, Request
from jupyter_ssh.kernel.connections.listening import Listening
from jupyter_ssh.kernel.connections.telling import wants_errors_only
from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.kernel.hosts import config_file
from jupyter_ssh.kernel.prompts.choice import KernelPrompts
from jupyter_ssh.kernel.prompts.tab import say_to_user
from jupyter_ssh.ssh import client
from jupyter_ssh.ssh.channels.changes import Changes, Listener
from jupyter_ssh.ssh.client.connection import leave_further_open
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool, Lease
from jupyter_ssh.ssh.client.pool.leasing import Overflow, lease_connection
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import ConfigError, ConnectionClosed, SSHError

T = TypeVar("T")

ENDED_SHOWN: Final = 10
"""How many lost connections `%ssh_hosts` still shows, so that users see why they ended.

Those that reconnect on their next use are all kept."""

CELL: Final = "a cell"
"""The name of the user's hold on a connection (`Lease.holder`)."""

Tell = Callable[[Sequence[str]], None]
"""A function for the messages about a new connection, if no cell shows them."""

# Options that do not make a request a different one.
_NOT_ASKED: Final = ("password", "reconnect")


@dataclass(frozen=True)
class Opening:
    """The result of `Connections.open`.

    ``new`` is whether the connection was made now; ``lost`` says when and why the previous one was lost, if it was.
    """

    connection: Connection
    new: bool
    lost: str = ""


class Connections:
    """The registry, which finds connections by their names and by the requests that opened them.

    Methods whose names end in ``on_engine`` are called in the engine's loop, the others from threads that may block.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._pool: ConnectionPool[client.Connection] = ConnectionPool()
        self._changes = Changes("kernel", "connections")
        self._known: dict[Entry, Connection] = {}
        self._current: Entry | None = None

    # --- opening ------------------------------------------------------------------------------------------------------

    def open(self, target: str, options: Mapping[str, Any]) -> Opening:
        """Return an open connection to ``target`` with these options, or open one; it becomes the current one.

        For magics, which share their connections with terminals and jumps.
        """
        return self._ready().call(lambda: self._open(target, options))

    def open_current(self) -> Opening:
        """Return the current connection; if it was lost, one to the same host in its place, as `open` does for a name.

        Raises what `current` raises for any other connection that has ended, and if the name means another host now.
        """
        return self._ready().call(self._open_current)

    def open_own(self, target: str, options: Mapping[str, Any]) -> Connection:
        """Open a new connection to ``target``, shared with nobody else; blocks."""
        return self._ready().call(lambda: self._open_own(target, options))

    async def open_own_async(self, target: str, options: Mapping[str, Any]) -> Connection:
        """Open a new connection to ``target``, shared with nobody else; for any loop but the engine's."""
        return await self._ready().wait(lambda: self._open_own(target, options))

    async def lend_on_engine(
        self,
        target: str,
        options: Mapping[str, Any],
        holder: str,
        *,
        prompts: Any = None,
        tell: Tell = lambda messages: None,
        fresh: bool = False,
    ) -> Lease[client.Connection]:
        """Lease a connection to ``target``: one that is open, unless there is none or ``fresh`` asks for a new one.

        For objects that live on the engine, such as a terminal; ``holder`` names them for users.
        """
        self._ready()
        request = _request(target, options)
        try:
            for entry in [] if fresh else self._asked_before(request):
                if entry.can_revive:
                    await entry.usable(lambda text: tell([text]), prompts)
                if (lease := self._pool.share(entry.connection, holder)) is not None:
                    return lease
            lease = await self._lease(target, options, holder, prompts=prompts, fresh=fresh)
        except SSHError as error:
            tell(error.messages)
            raise
        if lease.opened and not wants_errors_only(lease.connection.options):
            tell(lease.connection.messages)
        self._register(target, options, lease.connection)
        return lease

    def share_on_engine(self, connection: Connection, holder: str) -> Lease[client.Connection] | None:
        """Return another lease on a connection of the registry; None if it has ended."""
        entry = self.entry(connection)
        return None if entry is None or entry.closed else self._pool.share(entry.connection, holder)

    async def _open(self, target: str, options: Mapping[str, Any]) -> Opening:
        request = _request(target, options)
        lost: Entry | None = None
        for entry in self._asked_before(request):
            entry.reconnect = entry.reconnect or bool(options.get("reconnect"))
            if entry.can_revive:
                await entry.usable(say_in_cell)
            if entry.held and not entry.closed:
                return self._use(entry, new=False)
            if (lease := self._pool.share(entry.connection, CELL)) is not None:
                entry.hold(lease)
                return self._use(entry, new=False)
            if lost is None and entry.closed_because is not None:
                lost = entry
        lease = await self._lease(target, options, CELL)
        entry = self._register(target, options, lease.connection)
        entry.reconnect = entry.reconnect or bool(options.get("reconnect"))
        entry.hold(lease)
        opening = self._use(entry, new=lease.opened, lost=lost)
        if lost is not None:
            self._drop(lost)
        return opening

    async def _open_current(self) -> Opening:
        entry = self._current
        if entry is None or entry.closed_because is None or entry.can_revive or "sock" in entry.options:
            return Opening(await self._find_current(), new=False)
        before, lost_error = entry.connection.options, entry.closed_error()
        opening = await self._open(entry.target, entry.options)
        after = self._current
        assert after is not None
        if _place(after.connection.options) != _place(before):  # the files have changed: never silently another machine
            if opening.new:
                self._drop(after)
            self._current = entry
            lost_error.next_step = (
                f"{entry.target} now means {after.connection.options.host_name}: to use that, %ssh {entry.target}."
            )
            raise lost_error
        return opening

    def _use(self, entry: Entry, *, new: bool, lost: Entry | None = None) -> Opening:
        entry.by_magic = True
        self._current = entry
        return Opening(self._known[entry], new, "" if lost is None else lost.loss)

    async def _open_own(self, target: str, options: Mapping[str, Any]) -> Connection:
        lease = await self._lease(target, options, CELL, shared=False)
        entry = self._register(target, options, lease.connection, shared=False)
        entry.hold(lease)
        return self._known[entry]

    async def _lease(
        self,
        target: str,
        options: Mapping[str, Any],
        holder: str,
        *,
        prompts: Any = None,
        fresh: bool = False,
        shared: bool = True,
    ) -> Lease[client.Connection]:
        options = {name: value for name, value in options.items() if name != "reconnect"}
        overflow = self._overflow(options.get("prompts"))
        if prompts is not None:
            options["prompts"] = prompts
        options.setdefault("prompts", KernelPrompts())
        if (config := config_file()) is not None:
            options.setdefault("config", config)
        if isinstance(tunnel := options.get("tunnel"), Entry):
            options["tunnel"] = await tunnel.usable(say_in_cell, prompts)
        return await lease_connection(
            self._pool, target, holder, fresh=fresh, shared=shared, overflow=overflow, **options
        )

    def _overflow(self, prompts: Prompts | None) -> Overflow:
        """Return how the further connections of a new one are made; ``prompts`` are those of its owner.

        To users they are part of that one: nothing else finds them, and what is new about them is said once, where the
        session was started that needs one.  Without prompts of its owner, questions are asked there too.
        """
        said: set[str] = set()

        def opened(connection: client.Connection, further: client.Connection) -> None:
            for entry in self._known:
                if entry.connection is connection:
                    entry.changes.adopt(further.changes)
            full = f"{connection.name} allows no more sessions on one connection; another connection was made"
            new = [text for text in (*further.messages, full) if text not in said.union(connection.messages)]
            said.update(new)
            if not wants_errors_only(further.options):
                say_to_user(new)

        return Overflow(KernelPrompts if prompts is None else lambda: prompts, opened)

    def _ready(self) -> Engine:
        engine = get_engine()
        with self._lock:
            if self._engine is not engine:  # the first use, or the first after a fork or a stop
                self._engine = engine
                self._known = {}
                self._current = None
                self._changes = Changes("kernel", "connections")
                self._pool = ConnectionPool(self._holders_changed)
                engine.add_closer(self._close_all)
        return engine

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _register(
        self,
        target: str,
        options: Mapping[str, Any],
        connection: client.Connection,
        *,
        shared: bool = True,
    ) -> Entry:
        """Return the entry of ``connection``: the one it has, if another request led to the same one, or a new one."""
        requests = {_request(target, options)} if shared else set()
        for entry in self._known:
            if entry.connection is connection and not entry.given_back:
                entry.requests |= requests
                return entry
        kept = {name: value for name, value in options.items() if name not in ("password", "prompts")}

        async def lend(prompts: Any) -> Lease[client.Connection]:
            return await self._lease(target, kept, CELL, prompts=prompts, shared=shared)

        entry = Entry(target, requests, kept, connection, lend)
        assert self._engine is not None
        self._known = {**self._known, entry: Connection(self._engine, entry)}
        ended = [entry for entry in self._known if entry.connection.closed and not entry.can_revive]
        for old in ended[:-ENDED_SHOWN]:
            self._drop(old)
        return entry

    def _drop(self, entry: Entry) -> None:
        """Stop showing a lost connection."""
        self._known = _without(self._known, entry)
        leave_further_open(entry.connection)
        entry.give_back()

    def _holders_changed(self, connection: client.Connection, holders: list[str]) -> None:
        if holders:
            self._changes.adopt(connection.changes)
            connection.changes.state_changed("open", f"held by {', '.join(holders)}")
        else:
            # The current one is remembered: using it then fails as closed, and does not silently use another one.
            self._known = {entry: own for entry, own in self._known.items() if entry.connection is not connection}

    # --- telling ------------------------------------------------------------------------------------------------------

    def listen(self, listener: Listener, connection: Connection | None = None) -> Listening:
        """Call ``listener`` in this thread with each `Change` of everything that lives on the engine.

        It is first told what exists: connections, including those to jump hosts, their processes, and terminals.  With
        ``connection``, it is only told the changes of that one, also after a reconnect.  Changes are plain values, and
        nothing waits for the listener.  Raises `ConfigError` if no event loop runs in this thread, as it does in cells.
        """
        engine = self._ready()
        entry = None if connection is None else self.entry(connection)
        if connection is not None and entry is None:
            raise ConnectionClosed(f"the connection to {connection.name} was closed", phase="listening")
        return Listening(listener, engine, self._changes if entry is None else entry.changes)

    def changes_on_engine(self) -> Changes:
        """Return the changes of everything on the engine; other objects that live there add theirs with `adopt`."""
        self._ready()
        return self._changes

    # --- finding ------------------------------------------------------------------------------------------------------

    def entries(self) -> dict[Entry, Connection]:
        """Return all connections, including lost ones, in the order in which they were opened."""
        return self._known

    def opened(self) -> list[Connection]:
        """Return the connections that are open."""
        return [connection for entry, connection in self._known.items() if not entry.closed]

    def current(self) -> Connection:
        """Return the connection that a magic used last, or the only open one.

        Raises `ConnectionClosed` if it was closed or lost, `ConfigError` if there is none.
        """
        return self._ready().call(self._find_current)

    async def _find_current(self) -> Connection:
        entry = self._current
        if entry is None:
            opened = [entry for entry in self._known if not entry.closed]
            if len(opened) != 1:
                raise ConfigError(
                    "there is no current connection",
                    phase="options",
                    expected="a host",
                    next_step="Connect first: %ssh user@host.",
                )
            entry = opened[0]
        await entry.usable(say_in_cell)
        if not entry.held and (lease := self._pool.share(entry.connection, CELL)) is not None:
            entry.hold(lease)
        return self._known[entry]

    def is_current(self, connection: Connection) -> bool:
        """Return whether a command without a host goes to ``connection``."""
        return self._current is not None and self._current is self.entry(connection)

    def find(self, name: str) -> list[Connection]:
        """Return the open connections that match ``name``: the target they were opened with, user@host:port, user@host
        or host."""
        return [
            connection
            for entry, connection in self._known.items()
            if not entry.closed and name in {entry.target, *_names(connection)}
        ]

    def entry(self, connection: Connection) -> Entry | None:
        """Return the entry of ``connection``; None if the registry no longer has it."""
        return next((entry for entry, known in self._known.items() if known is connection), None)

    def holders(self, connection: Connection) -> list[str]:
        """Return who holds ``connection`` besides the user, in words."""
        entry = self.entry(connection)
        return [] if entry is None else [name for name in self._pool.holders(entry.connection) if name != CELL]

    def _asked_before(self, request: Request) -> list[Entry]:
        return [entry for entry in reversed(self._known) if request in entry.requests and not entry.given_back]

    # --- using --------------------------------------------------------------------------------------------------------

    def call(self, connection: Connection, work: Callable[[client.Connection], Coroutine[Any, Any, T]]) -> T:
        """Call ``work`` on the engine with the open connection of the stack, and return its value.

        Blocks as `Engine.call` does.  Raises `ConnectionClosed` if the connection has ended, and what reconnecting
        raises.
        """
        entry = self.entry(connection)
        if entry is None:
            raise ConnectionClosed(f"the connection to {connection.name} was closed", phase="session")

        async def on_engine() -> T:
            return await work(await entry.usable(say_in_cell))

        return self._ready().call(on_engine)

    # --- closing ------------------------------------------------------------------------------------------------------

    def close(self, connections: Sequence[Connection], *, for_all: bool = False) -> None:
        """Give these connections back; blocks until those that nobody else holds are closed.

        With ``for_all``, they are closed even if others hold them.
        """
        self._ready().call(lambda: self._close(connections, for_all))

    async def _close(self, connections: Sequence[Connection], for_all: bool) -> None:
        chosen = [entry for entry, connection in self._known.items() if connection in connections]
        closing: list[Awaitable[None]] = []
        for entry in chosen:
            if (given_back := entry.give_back()) is not None:
                closing.append(asyncio.shield(given_back))
            if for_all:
                closing.append(entry.connection.close())
            if for_all or entry.connection.closed:
                self._known = _without(self._known, entry)
        if self._current in chosen:
            magic = [entry for entry in self._known if entry.by_magic and not entry.closed]
            self._current = magic[-1] if magic else None
        await asyncio.gather(*closing, return_exceptions=True)

    async def _close_all(self) -> None:
        connections = self._pool.connections()
        await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)


def _without(known: dict[Entry, Connection], entry: Entry) -> dict[Entry, Connection]:
    return {other: connection for other, connection in known.items() if other is not entry}


def _names(connection: Connection) -> set[str]:
    info = connection.info
    return {connection.name, f"{info.user}@{info.host}:{info.port}", f"{info.user}@{info.host}", info.host}


def _request(target: str, options: Mapping[str, Any]) -> Request:
    return target, tuple(sorted((name, repr(value)) for name, value in options.items() if name not in _NOT_ASKED))


_connections = Connections()


def get_connections() -> Connections:
    """Return the registry of this kernel."""
    return _connections


def _place(options: Options) -> tuple[str, int, str]:
    """Return where a connection leads, and to whose account."""
    return options.host_name, options.port, options.user
