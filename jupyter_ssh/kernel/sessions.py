"""The open connections of this kernel: which there are, which is the current one, and which can be used again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.kernel.facade import Connection, closed_error
from jupyter_ssh.ssh.errors import ConfigError, SSHError

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import Connection as AsyncioConnection
    from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool

ENDED_SHOWN = 10
"""Ended connections that `%ssh_hosts` still shows, so that one sees why they ended."""

Request = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Entry:
    """A connection with what was asked for when it was opened, and whether a magic did so."""

    request: Request
    connection: Connection
    by_magic: bool
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What to connect with again; never a password."""

    @property
    def target(self) -> str:
        """The destination as it was typed."""
        return self.request[0]


class Sessions:
    """The registry. Connections are known by ``user@host:port`` and by what was asked for when they were opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._current: Connection | None = None
        self._engine: Engine | None = None
        self._pool: ConnectionPool[AsyncioConnection] | None = None
        self._held: dict[Connection, int] = {}
        """Connections that were opened for terminals, and how many use them."""

    # --- opening ------------------------------------------------------------------------------------------------------

    def open(self, target: str, options: Mapping[str, Any]) -> tuple[Connection, Connection | None]:
        """A connection to ``target`` with these options, an open one if there is one; it becomes the current one.

        The second value is the dropped connection it replaces, if any.
        """
        request = _request(target, options)
        dropped: Connection | None = None
        for entry in reversed(self.entries()):
            if entry.request == request:
                if options.get("reconnect"):
                    entry.connection.reopen = entry.connection.reopen or self._reopener(target, options)
                if entry.connection.can_revive:
                    entry.connection.revive()
                if not entry.connection.closed:
                    self._current = entry.connection
                    return entry.connection, None
                if dropped is None and entry.connection.closed_because is not None:
                    dropped = entry.connection
        connection = self.open_new(target, options, by_magic=True)
        self._current = connection
        if dropped is not None:
            self.forget([dropped])
        return connection, dropped

    def open_new(self, target: str, options: Mapping[str, Any], *, by_magic: bool = False) -> Connection:
        """A new connection to ``target``; blocks."""
        engine = self._prepared_engine()
        inner = engine.call(self._opener(target, options))
        connection = Connection(engine, inner, self._reopener(target, options))
        return self._register(Entry(_request(target, options), connection, by_magic, _kept(options)))

    async def open_new_async(self, target: str, options: Mapping[str, Any]) -> Connection:
        """A new connection to ``target``, awaited from any loop."""
        engine = self._prepared_engine()
        inner = await engine.wait(self._opener(target, options))
        connection = Connection(engine, inner, self._reopener(target, options))
        return self._register(Entry(_request(target, options), connection, False, _kept(options)))

    def _opener(self, target: str, options: Mapping[str, Any]) -> Callable[[], Coroutine[Any, Any, Any]]:
        """What connects, on the engine; jump hosts are shared by all that go through them, and end with the last."""
        return lambda: _connect(target, options, self._pool)

    def _reopener(self, target: str, options: Mapping[str, Any]) -> Callable[[], Coroutine[Any, Any, Any]] | None:
        """What connects again where that was asked for; a password is asked for anew."""
        return self._opener(target, _kept(options)) if options.get("reconnect") else None

    async def open_on_engine(
        self,
        target: str,
        options: Mapping[str, Any],
        prompts: Any,
        tell: Callable[[Sequence[str]], None],
        *,
        fresh: bool = False,
    ) -> Connection:
        """A connection to ``target``, an open one if there is one and none ``fresh`` is wanted, for what lives on the
        engine itself.

        ``tell`` gets what was said while it was made: there is no cell that would show it.

        A new one belongs to those that `hold` it: a magic that finds it open does not keep it open.
        """
        request = _request(target, options)
        for entry in reversed(self.entries()):
            if entry.request == request and not entry.connection.closed and not fresh:
                return entry.connection
        engine = self._prepared_engine()
        try:
            inner = await _connect(target, {**options, "prompts": prompts}, self._pool)
        except SSHError as error:
            tell(error.messages)
            raise
        tell(inner.messages)
        connection = self._register(Entry(request, Connection(engine, inner), False, _kept(options)))
        self._held[connection] = 0
        return connection

    def hold(self, connection: Connection) -> None:
        """A terminal uses ``connection``."""
        if connection in self._held:
            self._held[connection] += 1

    def let_go(self, connection: Connection) -> bool:
        """A terminal uses it no more; true if it was opened for terminals and none is left."""
        if connection not in self._held:
            return False
        self._held[connection] -= 1
        if self._held[connection] > 0 or connection is self._current:
            return False
        del self._held[connection]
        self.forget([connection])
        return True

    def _prepared_engine(self) -> Engine:
        from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool

        engine = get_engine()
        with self._lock:
            if self._engine is not engine:  # the first use, or the first after a fork or a stop
                self._engine = engine
                self._entries = []
                self._held = {}
                self._pool = ConnectionPool()
                self._current = None
                engine.add_closer(self._close_inner)
        return engine

    def _register(self, entry: Entry) -> Connection:
        with self._lock:
            self._entries.append(entry)
            ended = [entry for entry in self._entries if entry.connection.closed]
            for old in ended[:-ENDED_SHOWN]:
                self._entries.remove(old)
        return entry.connection

    # --- finding ------------------------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All connections, those that dropped included, in the order of opening."""
        with self._lock:
            return list(self._entries)

    def opened(self) -> list[Connection]:
        """The connections that are open."""
        return [entry.connection for entry in self.entries() if not entry.connection.closed]

    def current(self) -> Connection:
        """The connection that a magic used last, or the only open one.

        Raises `ConnectionClosed` if it dropped, `ConfigError` if there is none.
        """
        connection = self._current
        if connection is None:
            connections = self.opened()
            if len(connections) == 1:
                return connections[0]
            raise ConfigError(
                "there is no current connection",
                phase="options",
                expected="a host",
                next_step="Connect first: %ssh user@host.",
            )
        connection.revive()
        if connection.closed:
            raise closed_error(connection.inner)
        return connection

    def is_current(self, connection: Connection) -> bool:
        """Whether a command without a host goes to ``connection``."""
        return connection is self._current

    def find(self, name: str) -> list[Connection]:
        """The open connections that ``name`` means: what was typed to open them, user@host:port, user@host or host."""
        return [
            entry.connection
            for entry in self.entries()
            if not entry.connection.closed and name in {entry.target, *_names(entry.connection)}
        ]

    def entry(self, connection: Connection) -> Entry | None:
        """What ``connection`` was opened with."""
        return next((entry for entry in self.entries() if entry.connection is connection), None)

    # --- closing ------------------------------------------------------------------------------------------------------

    def close(self, connections: list[Connection]) -> None:
        """Close these connections and forget them; blocks until they have said goodbye."""
        for connection in connections:
            connection.close()
        self.forget(connections)

    def forget(self, connections: list[Connection]) -> None:
        """Show these connections no longer."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.connection not in connections]
            if self._current in connections:
                magic = [entry.connection for entry in self._entries if entry.by_magic and not entry.connection.closed]
                self._current = magic[-1] if magic else None

    async def _close_inner(self) -> None:
        inner = [connection.inner for connection in self.opened()]
        await asyncio.gather(*(connection.close() for connection in inner), return_exceptions=True)


def _names(connection: Connection) -> set[str]:
    info = connection.info
    return {connection.name, f"{info.user}@{info.host}:{info.port}", f"{info.user}@{info.host}", info.host}


# What does not make it another connection.
_NOT_ASKED = ("password", "reconnect")


def _request(target: str, options: Mapping[str, Any]) -> Request:
    return target, tuple(sorted((name, repr(value)) for name, value in options.items() if name not in _NOT_ASKED))


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("password", "prompts")}


async def _connect(target: str, options: Mapping[str, Any], pool: ConnectionPool[AsyncioConnection] | None) -> Any:
    from jupyter_ssh.kernel.hosts import config_file
    from jupyter_ssh.kernel.prompts import StdinPrompts
    from jupyter_ssh.ssh.client import connect

    options = {name: value for name, value in options.items() if name != "reconnect"}
    options.setdefault("prompts", StdinPrompts())
    options.setdefault("pool", pool)
    if (config := config_file()) is not None:
        options.setdefault("config", config)
    return await connect(target, **options)


_sessions = Sessions()


def get_sessions() -> Sessions:
    """The registry of this kernel."""
    return _sessions
