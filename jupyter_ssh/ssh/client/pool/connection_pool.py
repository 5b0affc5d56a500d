"""Connections that are shared by those who hold them, and closed when nobody does.

Whoever needs a connection holds a `Lease`: a person, a terminal, a command in the background, another connection that
leads through it as a jump host.  There is no other owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Poolable(Protocol):
    """What a pool needs of a connection."""

    @property
    def closed(self) -> bool:
        """Whether it has ended, on whichever side."""

    async def close(self) -> None:
        """End it."""


C = TypeVar("C", bound=Poolable)


class _Shared(Generic[C]):
    """One connection and who holds it."""

    def __init__(self, key: Hashable, connection: C) -> None:
        self.key = key
        self.connection = connection
        self.leases: list[Lease[C]] = []
        self.withdrawn = False
        self.closing: asyncio.Task[None] | None = None


class Lease(Generic[C]):
    """The right to use a shared connection until `release`."""

    def __init__(self, pool: ConnectionPool[C], shared: _Shared[C], holder: str, *, opened: bool) -> None:
        self._pool = pool
        self._shared = shared
        self.holder = holder
        """Who holds it, for people: "a terminal"."""
        self.opened = opened
        """Whether the connection was made for this lease; else it was open already."""
        shared.leases.append(self)
        pool.changed(shared)

    @property
    def connection(self) -> C:
        """The connection."""
        return self._shared.connection

    @property
    def released(self) -> bool:
        """Whether it was given back."""
        return self not in self._shared.leases

    def withdraw(self) -> None:
        """Let nobody else have the connection: those who hold it go on, and whoever wants such a one gets a new one."""
        self._shared.withdrawn = True

    def release(self) -> asyncio.Task[None] | None:
        """Give the connection back; idempotent.

        Returns the task that closes it where this was the last lease, else None.
        """
        if not self.released:
            self._shared.leases.remove(self)
            self._pool.changed(self._shared)
        return self._shared.closing


class _Turn:
    """One at a time connects for a key; ``waiting`` counts those who do or want to."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class ConnectionPool(Generic[C]):
    """The shared connections of one event loop; a key stands for all that decides about one.

    ``on_change`` hears who holds a connection from now on: when it is new, at each lease that comes or goes, and with
    nobody left when it is being closed.
    """

    def __init__(self, on_change: Callable[[C, list[str]], None] = lambda connection, holders: None) -> None:
        self._shared: list[_Shared[C]] = []
        self._on_change = on_change
        self._turns: dict[Hashable, _Turn] = {}

    async def lease(
        self, key: Hashable, connect: Callable[[], Awaitable[C]], holder: str = "", *, fresh: bool = False
    ) -> Lease[C]:
        """Hold the open connection of that ``key``, or a new one by ``connect``, whose error is passed on.

        Of several that want the same one at once, the first connects and is asked what there is to ask; the others wait
        for it, and if it does not succeed or is stopped, the next one tries.  With ``fresh`` it is a new one in any
        case, which later leases share.
        """
        if fresh:
            return self._opened(key, await connect(), holder)
        turn = self._turns.setdefault(key, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                found = self.find(key)
                lease = None if found is None else self.share(found, holder)
                return lease or self._opened(key, await connect(), holder)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[key]

    def _opened(self, key: Hashable, connection: C, holder: str) -> Lease[C]:
        shared = _Shared(key, connection)
        self._shared.append(shared)
        return Lease(self, shared, holder, opened=True)

    def find(self, key: Hashable) -> C | None:
        """Return the newest open connection of that ``key``, unless it was withdrawn."""
        for shared in reversed(self._shared):
            if shared.key == key and not shared.withdrawn and not shared.connection.closed:
                return shared.connection
        return None

    def share(self, connection: C, holder: str = "") -> Lease[C] | None:
        """Hold ``connection`` too; None where it is open no more or was withdrawn."""
        shared = self._of(connection)
        if shared is None or shared.withdrawn or connection.closed:
            return None
        return Lease(self, shared, holder, opened=False)

    def holders(self, connection: C) -> list[str]:
        """Return who holds ``connection``, in the order of coming."""
        shared = self._of(connection)
        return [] if shared is None else [lease.holder for lease in shared.leases]

    def connections(self) -> list[C]:
        """Return the connections that are open, in the order of opening."""
        return [shared.connection for shared in self._shared if not shared.connection.closed]

    def _of(self, connection: C) -> _Shared[C] | None:
        return next((shared for shared in self._shared if shared.connection is connection), None)

    def changed(self, shared: _Shared[C]) -> None:
        """A lease of ``shared`` has come or gone; the connection is closed with the last one."""
        if not shared.leases:
            self._shared.remove(shared)
            shared.closing = asyncio.get_running_loop().create_task(shared.connection.close())
        self._on_change(shared.connection, [lease.holder for lease in shared.leases])
