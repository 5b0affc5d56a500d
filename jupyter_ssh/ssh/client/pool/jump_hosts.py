"""Connections to jump hosts: shared by those that go through them, closed when nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client.connection import Connection


class _Shared:
    """One connection and how many go through it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.users = 0
        self.closing: asyncio.Task[None] | None = None


class Lease:
    """The right to use a shared connection until `release`."""

    def __init__(self, pool: JumpHosts, key: str, shared: _Shared) -> None:
        self._pool = pool
        self._key = key
        self._shared = shared
        self._released = False

    @property
    def connection(self) -> Connection:
        """The connection to the jump host."""
        return self._shared.connection

    def release(self) -> asyncio.Task[None] | None:
        """Gives it back; the task that closes the connection where this was the last use.  Again is nothing new."""
        if not self._released:
            self._released = True
            self._pool._release(self._key, self._shared)
        return self._shared.closing


class _Door:
    """One at a time connects; how many stand before it or in it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.entering = 0


class JumpHosts:
    """The open connections to jump hosts of one event loop, by all that decides about them."""

    def __init__(self) -> None:
        self._shared: dict[str, _Shared] = {}
        self._doors: dict[str, _Door] = {}

    async def lease(self, key: str, connect: Callable[[], Awaitable[Connection]]) -> Lease:
        """The open connection of that ``key``, or a new one by ``connect``, whose error is passed on.

        Of several that want the same one at once, the first connects and is asked what there is to ask; the others wait
        for it, and if it does not succeed or is stopped, the next one tries.
        """
        door = self._doors.setdefault(key, _Door())
        door.entering += 1
        try:
            async with door.lock:
                shared = self._shared.get(key)
                if shared is None or shared.connection.closed:
                    shared = self._shared[key] = _Shared(await connect())
                shared.users += 1
            return Lease(self, key, shared)
        finally:
            door.entering -= 1
            if not door.entering:
                del self._doors[key]

    def connections(self) -> list[Connection]:
        """Those that are open."""
        return [shared.connection for shared in self._shared.values() if not shared.connection.closed]

    def _release(self, key: str, shared: _Shared) -> None:
        shared.users -= 1
        if shared.users:
            return
        if self._shared.get(key) is shared:
            del self._shared[key]
        shared.closing = asyncio.ensure_future(shared.connection.close())
