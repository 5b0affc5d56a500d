"""A connection for people who do not write asyncio: what ``jupyter_ssh.connect`` returns.

    conn = jupyter_ssh.connect("alice@host")       blocks; ■ breaks it
    result = conn.run("uname -a")                  blocks
    result = await conn.aio.run("uname -a")        the same on the same connection, without blocking the kernel's loop
    conn = await jupyter_ssh.connect_async("alice@host")

The connection lives on the engine, so it goes on while cells run.  `jupyter_ssh.ssh.connect` is the stack itself,
bound to the loop it is awaited in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from jupyter_ssh.kernel.desk import say_in_cell
from jupyter_ssh.kernel.door import door
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.execution import execute, start
from jupyter_ssh.kernel.results import Result
from jupyter_ssh.kernel.streams import AsyncReader, AsyncWriter, Process, Reader, TcpStream, Writer
from jupyter_ssh.ssh.errors import SSHError

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.entry import Entry
    from jupyter_ssh.ssh.client import ConnectionInfo, Pty
    from jupyter_ssh.ssh.client import Process as AsyncioProcess
    from jupyter_ssh.ssh.client import Reader as AsyncioReader
    from jupyter_ssh.ssh.client import Writer as AsyncioWriter
    from jupyter_ssh.ssh.config.options import Options

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
]


class Connection:
    """An open SSH connection; a notebook shows it as a card. Make one with `connect`."""

    def __init__(self, engine: Engine, entry: Entry) -> None:
        self._engine = engine
        self._entry = entry

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def info(self) -> ConnectionInfo:
        """Host, address, versions, algorithms and how the person signed in."""
        return self._entry.connection.info

    @property
    def options(self) -> Options:
        """What was decided before connecting: the command line, ssh_config and the defaults."""
        return self._entry.connection.options

    @property
    def messages(self) -> Sequence[str]:
        """What the person should be told about how the connection came to be."""
        return self._entry.connection.messages

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return self._entry.name

    @property
    def opened_at(self) -> float:
        """When it was made (`time.time`)."""
        return self._entry.opened_at

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on whichever side."""
        return self._entry.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open or when it was closed on purpose."""
        return self._entry.closed_because

    @property
    def state(self) -> str:
        """ "connected", "closed", or why it dropped."""
        if not self.closed:
            return "connected"
        return f"dropped{self._entry.when}: {self.closed_because}" if self.closed_because is not None else "closed"

    @property
    def loss(self) -> str:
        """When and why it was lost, in a few words; empty where it was not."""
        return self._entry.loss

    @property
    def aio(self) -> AsyncConnection:
        """The same connection for ``await``, from any loop."""
        return AsyncConnection(self._engine, self._entry)

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
        result = self._engine.call(lambda: _run(self._entry, command, input, timeout, env, pty))
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
        process = self._engine.call(lambda: _start(self._entry, command, env, pty, subsystem))
        return Process(self._engine, process, command or subsystem, self.name)

    @door
    def open_tcp(self, host: str, port: int) -> TcpStream:
        """A TCP connection from the server to ``host``:``port``."""
        reader, writer = self._engine.call(lambda: _open_tcp(self._entry, host, port))
        return TcpStream(self._engine, reader, writer)

    @door
    def close(self) -> None:
        """Say goodbye and close; safe to call twice."""
        self._engine.call(self._entry.close)

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

    def __init__(self, engine: Engine, entry: Entry) -> None:
        self._engine = engine
        self._entry = entry

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
        result = await self._engine.wait(lambda: _run(self._entry, command, input, timeout, env, pty))
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
        process = await self._engine.wait(lambda: _start(self._entry, command, env, pty, subsystem))
        return Process(self._engine, process, command or subsystem, self._entry.name)

    async def open_tcp(self, host: str, port: int) -> tuple[AsyncReader, AsyncWriter]:
        """See `Connection.open_tcp`."""
        reader, writer = await self._engine.wait(lambda: _open_tcp(self._entry, host, port))
        return AsyncReader(self._engine, reader), AsyncWriter(self._engine, writer)

    async def close(self) -> None:
        """See `Connection.close`."""
        await self._engine.wait(self._entry.close)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


async def _start(
    entry: Entry,
    command: str | None,
    env: Mapping[str, str] | None,
    pty: Pty | None,
    subsystem: str | None,
) -> AsyncioProcess:
    inner = await entry.usable(say_in_cell)
    return await start(inner, subsystem or command, env=env, pty=pty, subsystem=subsystem is not None)


async def _run(
    entry: Entry,
    command: str,
    input: bytes | str | None,
    timeout: float | None,
    env: Mapping[str, str] | None,
    pty: Pty | None,
) -> Result:
    inner = await entry.usable(say_in_cell)
    data = input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input
    return await execute(inner, command, input=data, timeout=timeout, env=env, pty=pty)


async def _open_tcp(entry: Entry, host: str, port: int) -> tuple[AsyncioReader, AsyncioWriter]:
    inner = await entry.usable(say_in_cell)
    return await inner.open_tcp(host, port)
