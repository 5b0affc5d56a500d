"""Connection sources, from which sessions get their SSH connections: ones that the kernel has open, or new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.ssh.client.pool.connection_pool import Lease

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.connection import Connection as KernelConnection
    from jupyter_ssh.ssh.client import Connection
    from jupyter_ssh.ssh.client.prompts import Prompts

TERMINAL: Final = "a terminal"
"""The name of its hold on a connection (`Lease.holder`)."""


class ConnectionSource(Protocol):
    """A source from which a session gets its SSH connection, and to which it gives it back."""

    host: str
    """The host as it was typed."""

    async def connect(self, prompts: Prompts, tell: Callable[[Sequence[str]], None]) -> Connection:
        """Return an open connection: one that is open already, or a new one.

        ``tell`` is called with the messages about a new connection, even if connecting fails.
        """

    async def release(self) -> None:
        """Give the connection back, as the session no longer needs it."""


class RegistrySource:
    """Connections of the kernel's registry, shared with cells and other sessions; leased while the session uses them.

    The first connection is ``given``, if that is not None and still open.
    """

    def __init__(self, target: str, options: Mapping[str, Any], *, given: KernelConnection | None = None) -> None:
        self.host = target
        self._options = dict(options)
        self._given = given
        self._lease: Lease[Connection] | None = None

    async def connect(self, prompts: Prompts, tell: Callable[[Sequence[str]], None]) -> Connection:
        """See `ConnectionSource.connect`."""
        await self.release()
        connections = get_connections()
        given, self._given = self._given, None
        if given is not None:
            self._lease = connections.share_on_engine(given, TERMINAL)
        if self._lease is None:
            self._lease = await connections.lend_on_engine(
                self.host, self._options, TERMINAL, prompts=prompts, tell=tell
            )
        return self._lease.connection

    async def release(self) -> None:
        """See `ConnectionSource.release`."""
        lease, self._lease = self._lease, None
        if lease is not None and (closing := lease.release()) is not None:
            await asyncio.shield(closing)
