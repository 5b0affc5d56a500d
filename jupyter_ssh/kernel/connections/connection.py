"""A connection for people who do not write asyncio: what ``jupyter_ssh.connect`` returns.

    conn = jupyter_ssh.connect("alice@host")       blocks; ■ breaks it
    result = conn.run("uname -a")                  blocks
    result = await conn.aio.run("uname -a")        the same on the same connection, without blocking the kernel's loop
    conn = await jupyter_ssh.connect_async("alice@host")

The connection lives on the engine, so it goes on while cells run.  `jupyter_ssh.ssh.connect` is the stack itself,
bound to the loop it is awaited in.  What a connection does stands in its generated faces; here is what those of the
kernel's registry have besides.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from jupyter_ssh.kernel.cards.connections import connection_html, connection_text
from jupyter_ssh.kernel.cards.results import show_results
from jupyter_ssh.kernel.cells.desk import say_in_cell
from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.faces import awaitable, blocking
from jupyter_ssh.kernel.faces.face import Face
from jupyter_ssh.ssh.client.connection import Connection as StackConnection
from jupyter_ssh.ssh.errors import SSHError

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.entry import Entry

__all__ = ["AsyncConnection", "Connection"]


class _Registered(Face[StackConnection]):
    """A connection of the registry, which may come back as another one of the stack."""

    def __init__(self, engine: Engine, entry: Entry) -> None:
        super().__init__(engine, entry.connection)
        self._entry = entry
        show_results()

    @property
    def _inner(self) -> StackConnection:
        return self._entry.connection

    async def _ready(self) -> StackConnection:
        return await self._entry.usable(say_in_cell)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on whichever side."""
        return self._entry.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open and when it was closed on purpose."""
        return self._entry.closed_because

    @property
    def opened_at(self) -> float:
        """When it was made (`time.time`)."""
        return self._entry.opened_at

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty where it was not."""
        return self._entry.loss

    @property
    def state(self) -> str:
        """Return "connected", "closed", or why it dropped."""
        if not self.closed:
            return "connected"
        return f"dropped{self._entry.when}: {self.closed_because}" if self.closed_because is not None else "closed"

    def __repr__(self) -> str:
        return f"<Connection {self._entry.name}, {self.state}>"


class Connection(_Registered, blocking.Connection):
    """An open SSH connection; a notebook shows it as a card.  Made by `connect`."""

    @property
    def aio(self) -> AsyncConnection:
        """The same for ``await``, from any event loop: several commands at once with asyncio.gather, for instance."""
        return AsyncConnection(self._engine, self._entry)

    @hides_own_frames
    def close(self) -> None:
        """Say goodbye and close the connection, unless a terminal or another connection uses it too; idempotent."""
        self._engine.call(self._entry.close)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {
            "text/plain": connection_text(self.info, self.name, self.state),
            "text/html": connection_html(self.info, self.name, self.state, open=not self.closed),
        }


class AsyncConnection(_Registered, awaitable.AsyncConnection):
    """A `Connection` for ``await``."""

    async def close(self) -> None:
        """Say goodbye and close the connection, unless a terminal or another connection uses it too; idempotent."""
        await self._engine.wait(self._entry.close)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
