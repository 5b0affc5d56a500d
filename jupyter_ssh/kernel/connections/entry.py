"""One connection as the registry knows it: what was asked for, and the connection of the stack that answers it now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.client import Connection
from jupyter_ssh.ssh.client.pool.connection_pool import Lease
from jupyter_ssh.ssh.errors import ConnectionClosed, SSHError

Request: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A target and options as they were given: what is asked for again gets what is open."""

Lend: TypeAlias = Callable[[Any], Coroutine[Any, Any, Lease[Connection]]]
"""Gives a lease on a connection like the one that was lost; its argument is the `Prompts` to use, None for the usual
ones."""


class Entry:
    """A connection of the registry.

    What it does belongs to the engine's loop; what it is may be read from any thread.
    """

    def __init__(
        self, target: str, requests: set[Request], options: Mapping[str, Any], connection: Connection, lend: Lend
    ) -> None:
        self.target = target
        """The destination as it was typed."""
        self.requests = requests
        """What gets this connection; nothing where it is shared with nobody."""
        self.options = options
        """What it was asked for with; never a password."""
        self.connection = connection
        """The connection of the stack: another one once it has come back."""
        self.opened_at = time.time()
        self.by_magic = False
        """Whether a magic asked for it."""
        self.reconnect = bool(options.get("reconnect"))
        """Whether it comes back by itself when it was lost."""
        self.given_back = False
        """Whether the person has closed it; others may hold the connection still."""
        self.changes = Changes("entry", target)
        """What it tells, whichever connection it is."""
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
        """Whether it is of no more use to the person: closed, or lost."""
        return self.given_back or self.connection.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended it; None while it is open and when it was closed on purpose."""
        return None if self.given_back else self.connection.closed_because

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty where it was not."""
        because = self.closed_because
        if because is None:
            return ""
        return f"lost{self.when}: {because.message}" + (f" ({because.received})" if because.received else "")

    @property
    def when(self) -> str:
        """At what time it ended, for people; empty where it did not."""
        ended = self.connection.ended_at
        return f" at {time.strftime('%H:%M:%S', time.localtime(ended))}" if ended is not None else ""

    @property
    def can_revive(self) -> bool:
        """Whether it was lost and comes back by itself on the next use (``--reconnect``)."""
        return self.reconnect and self.closed_because is not None

    # --- what the person does with it ---------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """Whether the person holds it."""
        return self._lease is not None and not self._lease.released

    def hold(self, lease: Lease[Connection]) -> None:
        """Keep the connection for the person until `close`."""
        if self.held:
            lease.release()
        else:
            self._lease = lease

    async def usable(self, tell: Callable[[str], None], prompts: Any = None) -> Connection:
        """Return the open connection, made again where it `can_revive`; ``tell`` then gets a sentence about that.

        What ran before is not run again.  Raises `ConnectionClosed` where it is over, and what connecting raises.
        """
        if self.can_revive:
            async with self._reviving:  # of several that want it at once, the first connects
                if self.can_revive:
                    before = self.loss
                    await self._revive(prompts)
                    tell(f"Connected to {self.name} again; before, it was {before}")
        if self.closed:
            raise self.closed_error()
        return self.connection

    async def _revive(self, prompts: Any) -> None:
        lost, self._lease = self._lease, await self._lend(prompts)
        self.connection = self._lease.connection
        self.opened_at = time.time()
        self.changes.adopt(self.connection.changes)
        if lost is not None:
            lost.release()
        if self.given_back:  # while it was being made
            self._lease.release()

    def give_back(self) -> asyncio.Task[None] | None:
        """End the person's hold; the task that closes the connection where nobody else holds it.

        Nobody new gets it: who asks for the same again gets a new one.
        """
        self.given_back = True
        self.changes.release(self.connection.changes, "closed here")
        if self._lease is None:
            return None
        self._lease.withdraw()
        return self._lease.release()

    async def close(self) -> None:
        """Give the connection back; where nobody else holds it, say goodbye and close it.  Idempotent."""
        if (closing := self.give_back()) is not None:
            await asyncio.shield(closing)

    def closed_error(self) -> SSHError:
        """Return the error for using it when it has ended."""
        because = self.closed_because
        step = f"Connect again: %ssh {self.name} or jupyter_ssh.connect(...)."
        if because is None:
            return ConnectionClosed(f"the connection to {self.name} was closed", phase="session", next_step=step)
        return ConnectionClosed(
            f"the connection to {self.name} was lost{self.when}: {because.message}",
            phase="session",
            received=because.received,
            next_step=f"{step} With %ssh --reconnect that happens by itself.",
        )
