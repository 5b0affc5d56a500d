"""Connections that are shared by their holders, and closed when nobody holds them.

Every user of a connection holds a `Lease`: a person, a terminal, a background command, or another connection that uses
it as a jump host.  There is no other owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Poolable(Protocol):
    """What a pool requires of a connection."""

    @property
    def closed(self) -> bool:
        """Whether it has ended, closed by either side."""

    async def close(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Poolable)


class _Shared(Generic[C]):
    """One connection and its leases."""

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
        """The holder as shown to people: "a terminal"."""
        self.opened = opened
        """Whether the connection was made for this lease; otherwise it was already open."""
        shared.leases.append(self)
        pool.changed(shared)

    @property
    def connection(self) -> C:
        """The connection."""
        return self._shared.connection

    @property
    def released(self) -> bool:
        """Whether it has been released."""
        return self not in self._shared.leases

    def withdraw(self) -> None:
        """Stop sharing the connection: its holders keep it, and later requests for it get a new one."""
        self._shared.withdrawn = True

    def release(self) -> asyncio.Task[None] | None:
        """Release the connection; idempotent.

        Returns the task that closes the connection if this was its last lease, else None.
        """
        if not self.released:
            self._shared.leases.remove(self)
            self._pool.changed(self._shared)
        return self._shared.closing


class _Turn:
    """A lock so that one caller at a time connects for a key; ``waiting`` counts its holder and those waiting."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class ConnectionPool(Generic[C]):
    """The shared connections of one event loop, by key (see `connection_key`).

    ``on_change`` is called with a connection and its holders: when it is new, at each lease taken or released, and with
    no holders when it is being closed.
    """

    def __init__(self, on_change: Callable[[C, list[str]], None] = lambda connection, holders: None) -> None:
        self._shared: list[_Shared[C]] = []
        self._on_change = on_change
        self._turns: dict[Hashable, _Turn] = {}

    async def lease(
        self, key: Hashable, connect: Callable[[], Awaitable[C]], holder: str = "", *, fresh: bool = False
    ) -> Lease[C]:
        """Lease the open connection of that ``key``, or a new one from ``connect``, whose error is passed on.

        If several callers want the same connection at once, the first one connects and is asked any questions; the
        others wait, and if it fails or is cancelled, the next one tries.  With ``fresh`` a new connection is made in
        any case, which later leases share.
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
        """Return the newest open connection of that ``key``; withdrawn ones are left out."""
        for shared in reversed(self._shared):
            if shared.key == key and not shared.withdrawn and not shared.connection.closed:
                return shared.connection
        return None

    def share(self, connection: C, holder: str = "") -> Lease[C] | None:
        """Lease ``connection`` too; None if it has ended or was withdrawn."""
        shared = self._of(connection)
        if shared is None or shared.withdrawn or connection.closed:
            return None
        return Lease(self, shared, holder, opened=False)

    def holders(self, connection: C) -> list[str]:
        """Return the holders of ``connection``, oldest first."""
        shared = self._of(connection)
        return [] if shared is None else [lease.holder for lease in shared.leases]

    def connections(self) -> list[C]:
        """Return the open connections, oldest first."""
        return [shared.connection for shared in self._shared if not shared.connection.closed]

    def _of(self, connection: C) -> _Shared[C] | None:
        return next((shared for shared in self._shared if shared.connection is connection), None)

    def changed(self, shared: _Shared[C]) -> None:
        """Handle a lease taken or released; the connection is closed with the last one."""
        if not shared.leases:
            self._shared.remove(shared)
            shared.closing = asyncio.get_running_loop().create_task(shared.connection.close())
        self._on_change(shared.connection, [lease.holder for lease in shared.leases])
