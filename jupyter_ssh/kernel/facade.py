"""``jupyter_ssh.connect``: a connection for people who do not write asyncio.

    conn = jupyter_ssh.connect("alice@host")       blocks; ■ breaks it
    result = conn.run("uname -a")                  blocks
    result = await conn.aio.run("uname -a")        the same on the same connection, without blocking the kernel's loop
    conn = await jupyter_ssh.connect_async("alice@host")

The connection lives on the engine, so it goes on while cells run.  `jupyter_ssh.ssh.connect` is the stack itself,
bound to the loop it is awaited in.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_ssh.kernel.door import door
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.execution import destination, execute, start
from jupyter_ssh.kernel.results import Result
from jupyter_ssh.kernel.streams import AsyncReader, AsyncWriter, Process, Reader, TcpStream, Writer
from jupyter_ssh.ssh.errors import ConnectionClosed, SSHError

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import Connection as AsyncioConnection
    from jupyter_ssh.ssh.client import ConnectionInfo, Pty
    from jupyter_ssh.ssh.client import Process as AsyncioProcess

    Reopen: TypeAlias = Callable[[], Coroutine[Any, Any, AsyncioConnection]]

__all__ = [
    "AsyncConnection",
    "AsyncReader",
    "AsyncWriter",
    "Connection",
    "Process",
    "Reader",
    "Result",
    "TcpStream",
    "Writer",
    "connect",
    "connect_async",
]


class Connection:
    """An open SSH connection; a notebook shows it as a card. Make one with `connect`."""

    def __init__(self, engine: Engine, inner: AsyncioConnection, reopen: Reopen | None = None) -> None:
        self._engine = engine
        self.reopen = reopen
        """Connects again in the place of a connection that was lost; None unless somebody asked for that."""
        self._reopening = threading.Lock()
        self.inner = inner
        """The asyncio connection of `jupyter_ssh.ssh`, to be touched on the engine only."""
        self.opened_at = time.time()

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def info(self) -> ConnectionInfo:
        """Host, address, versions, algorithms and how the person signed in."""
        return self.inner.info

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return destination(self.info)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on whichever side."""
        return self.inner.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open or when it was closed on purpose."""
        return self.inner.closed_because

    @property
    def state(self) -> str:
        """ "connected", "closed", or why it dropped."""
        if not self.closed:
            return "connected"
        return f"dropped{_when(self.inner)}: {self.closed_because}" if self.closed_because is not None else "closed"

    @property
    def aio(self) -> AsyncConnection:
        """The same connection for ``await``, from any loop."""
        return AsyncConnection(self)

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty where it was not."""
        because = self.closed_because
        if because is None:
            return ""
        return f"lost{_when(self.inner)}: {because.message}" + (f" ({because.received})" if because.received else "")

    @property
    def can_revive(self) -> bool:
        """Whether it was lost and comes back by itself on the next use (``--reconnect``)."""
        return self.reopen is not None and self.closed_because is not None

    def revive(self) -> None:
        """Connects again where `can_revive`, and says so.  What ran before is not run again.

        Blocks; raises what connecting raises.
        """
        if not self.can_revive:
            return
        with self._reopening:  # of two cells that want it at once, the first connects
            reopen, before = self.reopen, self.loss
            if reopen is None or not self.can_revive:
                return
            self._take_over(self._engine.call(reopen), before)

    async def revive_async(self) -> None:
        """The same, awaited from any loop but the engine's."""
        reopen, before = self.reopen, self.loss
        if reopen is not None and self.can_revive:
            self._take_over(await self._engine.wait(reopen), before)

    def _take_over(self, inner: AsyncioConnection, before: str) -> None:
        self.inner = inner
        self.opened_at = time.time()
        print(f"Connected to {self.name} again; before, it was {before}", file=sys.stderr)

    # --- what it does -------------------------------------------------------------------------------------------------

    @door
    def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        env: Mapping[str, str] | None = None,
        pty: Pty | None = None,
    ) -> Result:
        """Run ``command`` and wait for its end.

        ``input`` becomes its stdin (text as UTF-8). With ``check``, `RemoteCommandError` unless it ends with status
        0. `DeadlineExceeded` after ``timeout`` seconds. ■ sends it SIGINT.
        """
        self.revive()
        result = self._engine.call(lambda: _run(self.inner, command, input, timeout, env, pty))
        return result.check() if check else result

    @door
    def start(
        self,
        command: str | None = None,
        *,
        env: Mapping[str, str] | None = None,
        pty: Pty | None = None,
        subsystem: str | None = None,
    ) -> Process:
        """Start ``command``, the login shell, or a ``subsystem``, and return at once."""
        self.revive()
        process = self._engine.call(lambda: _start(self.inner, command, env, pty, subsystem))
        return Process(self._engine, process, command or subsystem, self.name)

    @door
    def open_tcp(self, host: str, port: int) -> TcpStream:
        """A TCP connection from the server to ``host``:``port``."""
        self.revive()
        reader, writer = self._engine.call(lambda: self.inner.open_tcp(host, port))
        return TcpStream(self._engine, reader, writer)

    @door
    def close(self) -> None:
        """Say goodbye and close; safe to call twice."""
        self._engine.call(self.inner.close)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # --- how it looks -------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Connection {self.name}, {self.state}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from jupyter_ssh.kernel import cards

        return {
            "text/plain": cards.connection_text(self.info, self.name, self.state),
            "text/html": cards.connection_html(self.info, self.name, self.state, open=not self.closed),
        }


class AsyncConnection:
    """A `Connection` for ``await``: several commands at once with asyncio.gather, for instance."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = connection._engine

    @property
    def _inner(self) -> AsyncioConnection:
        return self._connection.inner

    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        env: Mapping[str, str] | None = None,
        pty: Pty | None = None,
    ) -> Result:
        """See `Connection.run`."""
        await self._connection.revive_async()
        result = await self._engine.wait(lambda: _run(self._inner, command, input, timeout, env, pty))
        return result.check() if check else result

    async def start(
        self,
        command: str | None = None,
        *,
        env: Mapping[str, str] | None = None,
        pty: Pty | None = None,
        subsystem: str | None = None,
    ) -> Process:
        """See `Connection.start`; the streams of the process have an ``aio`` each."""
        await self._connection.revive_async()
        process = await self._engine.wait(lambda: _start(self._inner, command, env, pty, subsystem))
        return Process(self._engine, process, command or subsystem, self._connection.name)

    async def open_tcp(self, host: str, port: int) -> tuple[AsyncReader, AsyncWriter]:
        """See `Connection.open_tcp`."""
        await self._connection.revive_async()
        reader, writer = await self._engine.wait(lambda: self._inner.open_tcp(host, port))
        return AsyncReader(self._engine, reader), AsyncWriter(self._engine, writer)

    async def close(self) -> None:
        """See `Connection.close`."""
        await self._engine.wait(self._inner.close)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


@door
def connect(target: str, **options: Any) -> Connection:
    """Connect to ``target`` ("alice@host", "host", "ssh://alice@host:2222") and return the open connection.

    Options are those of `jupyter_ssh.ssh.connect`: ``port=2222``, ``identity_file=PATH``, and every keyword of
    ssh_config in snake_case. Host keys are checked against known_hosts; questions are asked in the cell.
    With ``reconnect=True`` a connection that was lost is made again when it is used next; nothing is run twice.
    """
    from jupyter_ssh.kernel.sessions import get_sessions

    return get_sessions().open_new(target, options)


async def connect_async(target: str, **options: Any) -> Connection:
    """`connect` for ``await``: the kernel's loop goes on meanwhile."""
    from jupyter_ssh.kernel.sessions import get_sessions

    return await get_sessions().open_new_async(target, options)


async def _start(
    inner: AsyncioConnection,
    command: str | None,
    env: Mapping[str, str] | None,
    pty: Pty | None,
    subsystem: str | None,
) -> AsyncioProcess:
    if inner.closed:
        raise closed_error(inner)
    return await start(inner, subsystem or command, env=env, pty=pty, subsystem=subsystem is not None)


async def _run(
    inner: AsyncioConnection,
    command: str,
    input: bytes | str | None,
    timeout: float | None,
    env: Mapping[str, str] | None,
    pty: Pty | None,
) -> Result:
    if inner.closed:
        raise closed_error(inner)
    data = input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input
    return await execute(inner, command, input=data, timeout=timeout, env=env, pty=pty)


def closed_error(inner: AsyncioConnection) -> SSHError:
    """The error for using a connection that has ended."""
    because = inner.closed_because
    name = destination(inner.info)
    step = f"Connect again: %ssh {name} or jupyter_ssh.connect(...)."
    if because is None:
        return ConnectionClosed(f"the connection to {name} was closed", phase="session", next_step=step)
    return ConnectionClosed(
        f"the connection to {name} was lost{_when(inner)}: {because.message}",
        phase="session",
        received=because.received,
        next_step=f"{step} With %ssh --reconnect that happens by itself.",
    )


def _when(inner: AsyncioConnection) -> str:
    """At what time it ended, for people."""
    ended = inner.ended_at
    return f" at {time.strftime('%H:%M:%S', time.localtime(ended))}" if ended is not None else ""
