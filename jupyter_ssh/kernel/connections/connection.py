"""A connection for users who do not write asyncio code, as `jupyter_ssh.connect` returns it.

    conn = jupyter_ssh.connect("alice@host")       blocks; ■ interrupts it
    result = conn.run("uname -a")                  blocks
    result = await conn.aio.run("uname -a")        the same on the same connection, without blocking the kernel's loop
    conn = await jupyter_ssh.connect_async("alice@host")

The connection lives on the engine, so it keeps working while cells run.  `jupyter_ssh.ssh.connect`, in contrast, is the
stack itself, bound to the loop in which it is awaited.  Most methods of a connection are in its generated faces; this
module adds what is specific to connections of the kernel's registry.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

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
    """A connection of the registry; after a reconnect, another connection of the stack is behind it."""

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
        """Whether it was closed here, or has ended."""
        return self._entry.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open, and if it was closed deliberately."""
        return self._entry.closed_because

    @property
    def opened_at(self) -> float:
        """When it was opened (`time.time`)."""
        return self._entry.opened_at

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty if it was not lost."""
        return self._entry.loss

    @property
    def state(self) -> str:
        """The state in words: "connected", "closed", or when and why the connection dropped."""
        if not self.closed:
            return "connected"
        return f"dropped{self._entry.when}: {self.closed_because}" if self.closed_because is not None else "closed"

    def __repr__(self) -> str:
        return f"<Connection {self._entry.name}, {self.state}>"


def entry_behind(value: Any) -> Any:
    """Return the entry of a connection of the registry; return other values as they are."""
    return value._entry if isinstance(value, _Registered) else value


class Connection(_Registered, blocking.Connection):
    """An SSH connection, made by `connect`; a notebook shows it as a card."""

    @property
    def aio(self) -> AsyncConnection:
        """The same for ``await``, from any event loop; for example, to run several commands with asyncio.gather."""
        return AsyncConnection(self._engine, self._entry)

    @hides_own_frames
    def close(self) -> None:
        """Disconnect, unless others, such as a terminal, still use the connection; idempotent."""
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
        """Disconnect, unless others, such as a terminal, still use the connection; idempotent."""
        await self._engine.wait(self._entry.close)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
