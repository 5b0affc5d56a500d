"""An entry of the registry: what was asked for, and the connection of the stack that serves it now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.client import Connection
from jupyter_ssh.ssh.client.connection import leave_further_open
from jupyter_ssh.ssh.client.pool.connection_pool import Lease
from jupyter_ssh.ssh.errors import ConnectionClosed, SSHError

Request: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A target and options as they were given; the same request again gets the same open connection."""

Lend: TypeAlias = Callable[[Any], Coroutine[Any, Any, Lease[Connection]]]
"""A function that returns a lease on a connection in place of one that was lost; its argument is the `Prompts` to use,
or None for the usual ones."""


class Entry:
    """A connection of the registry.

    Its methods belong to the engine's loop; its attributes and properties may be read from any thread.
    """

    def __init__(
        self, target: str, requests: set[Request], options: Mapping[str, Any], connection: Connection, lend: Lend
    ) -> None:
        self.target = target
        """The destination as it was typed."""
        self.requests = requests
        """The requests that get this connection; empty if it is not shared."""
        self.options = options
        """The options that were given, without any password."""
        self.connection = connection
        """The connection of the stack; another one after a reconnect."""
        self.opened_at = time.time()
        self.by_magic = False
        """Whether a magic asked for it."""
        self.reconnect = bool(options.get("reconnect"))
        """Whether to reconnect automatically, on the next use, if the connection is lost."""
        self.given_back = False
        """Whether the user has closed it; others may still hold the connection."""
        self.changes = Changes("entry", target)
        """Its changes, also after a reconnect."""
        self.changes.adopt(connection.changes)
        self._lend = lend
        self._lease: Lease[Connection] | None = None
        self._reviving = asyncio.Lock()

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return self.connection.name

    @property
    def closed(self) -> bool:
        """Whether the user can no longer use it: it was closed, or lost."""
        return self.given_back or self.connection.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended it; None while it is open, and if it was closed deliberately."""
        return None if self.given_back else self.connection.closed_because

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty if it was not lost."""
        because = self.closed_because
        if because is None:
            return ""
        return f"lost{self.when}: {because.message}" + (f" ({because.received})" if because.received else "")

    @property
    def when(self) -> str:
        """The time at which it ended, such as " at 12:34:56"; empty if it has not ended."""
        ended = self.connection.ended_at
        return f" at {time.strftime('%H:%M:%S', time.localtime(ended))}" if ended is not None else ""

    @property
    def can_revive(self) -> bool:
        """Whether it was lost and reconnects automatically on its next use (``--reconnect``)."""
        return self.reconnect and self.closed_because is not None

    # --- what the user does with it -----------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """Whether the user holds it."""
        return self._lease is not None and not self._lease.released

    def hold(self, lease: Lease[Connection]) -> None:
        """Keep ``lease`` for the user until `close`; release it if the user holds the connection already."""
        if self.held:
            lease.release()
        else:
            self._lease = lease

    async def usable(self, tell: Callable[[str], None], prompts: Any = None) -> Connection:
        """Return the open connection; reconnect first if it `can_revive`, and pass a sentence about that to ``tell``.

        Nothing is run again.  Raises `ConnectionClosed` if the connection has ended, and what connecting raises.
        """
        if self.can_revive:
            async with self._reviving:  # if several tasks want it at once, the first one connects
                if self.can_revive:
                    before = self.loss
                    await self._revive(prompts)
                    tell(f"Reconnected to {self.name}; the previous connection was {before}")
        if self.closed:
            raise self.closed_error()
        return self.connection

    async def _revive(self, prompts: Any) -> None:
        lost, self._lease = self._lease, await self._lend(prompts)
        leave_further_open(self.connection)
        self.connection = self._lease.connection
        self.opened_at = time.time()
        self.changes.adopt(self.connection.changes)
        if lost is not None:
            lost.release()
        if self.given_back:  # closed while it was being made
            self._lease.release()

    def give_back(self) -> asyncio.Task[None] | None:
        """End the user's hold; return the task that closes the connection if nobody else holds it.

        Later requests no longer get this connection, but a new one.
        """
        self.given_back = True
        self.changes.release(self.connection.changes, "closed here")
        if self._lease is None:
            return None
        self._lease.withdraw()
        return self._lease.release()

    async def close(self) -> None:
        """Give the connection back; if nobody else holds it, disconnect.  Idempotent."""
        if (closing := self.give_back()) is not None:
            await asyncio.shield(closing)

    def closed_error(self) -> SSHError:
        """Return the error for using it after it has ended."""
        because = self.closed_because
        step = f"Connect again: %ssh {self.name} or jupyter_ssh.connect(...)."
        if because is None:
            return ConnectionClosed(f"the connection to {self.name} was closed", phase="session", next_step=step)
        return ConnectionClosed(
            f"the connection to {self.name} was lost{self.when}: {because.message}",
            phase="session",
            received=because.received,
            next_step=f"{step} %ssh --reconnect does so automatically.",
        )
