"""Where sessions get their SSH connections: from those that the kernel has open, or anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_ssh.kernel.sessions import Sessions, get_sessions

if TYPE_CHECKING:
    from jupyter_ssh.kernel.facade import Connection as Facade
    from jupyter_ssh.ssh.client import Connection
    from jupyter_ssh.ssh.client.prompts import Prompts


class ConnectionSource(Protocol):
    """Where a session gets its SSH connection from, and gives it back to."""

    host: str
    """As it was typed."""

    async def connect(
        self, prompts: Prompts, tell: Callable[[Sequence[str]], None], *, fresh: bool = False
    ) -> Connection:
        """Return an open connection: one that is open already, or a new one; with ``fresh`` a new one in any case.

        ``tell`` gets what is to be said of one that is made, also where that fails.
        """

    async def release(self) -> None:
        """Give the connection back: the session needs it no more."""


class RegistrySource:
    """A connection of the kernel's registry, shared with the cells and with other sessions.

    One that was opened for a terminal is closed when the last session that uses it is gone; one that a cell has
    opened stays.
    """

    def __init__(self, target: str, options: Mapping[str, Any], *, given: Facade | None = None) -> None:
        self.host = target
        self._options = dict(options)
        self._sessions: Sessions = get_sessions()
        self._given = given
        self._used: Facade | None = None

    async def connect(
        self, prompts: Prompts, tell: Callable[[Sequence[str]], None], *, fresh: bool = False
    ) -> Connection:
        """See `ConnectionSource.connect`."""
        await self.release()
        given, self._given = self._given, None
        if fresh or given is None or given.closed:
            given = await self._sessions.open_on_engine(self.host, self._options, prompts, tell, fresh=fresh)
        self._used = given
        self._sessions.hold(given)
        return given.inner

    async def release(self) -> None:
        """See `ConnectionSource.release`."""
        used, self._used = self._used, None
        if used is not None and self._sessions.let_go(used):
            await used.inner.close()
