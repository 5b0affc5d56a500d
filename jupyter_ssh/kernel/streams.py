"""Processes and byte streams of the remote for a thread that blocks.

Each call goes through the engine's door and can be interrupted.  The objects of `jupyter_ssh.ssh` behind them are
asyncio and live on the engine; `aio` gives them to a coroutine of another loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jupyter_ssh.kernel.door import door

if TYPE_CHECKING:
    from jupyter_ssh.kernel.engine import Engine, Factory
    from jupyter_ssh.kernel.results import Result


class Reader:
    """The reading end of a stream: bytes, b"" at the end. ``timeout`` is in seconds, None for no bound."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    @door
    def read(self, size: int = -1, *, timeout: float | None = None) -> bytes:
        """At least one and at most ``size`` bytes; with -1 everything up to the end."""
        return self._call(lambda: self._inner.read(size), timeout)

    @door
    def readline(self, *, timeout: float | None = None) -> bytes:
        """One line with its end; the last one may have none."""
        return self._call(lambda: self._inner.readline(), timeout)

    @door
    def readexactly(self, size: int, *, timeout: float | None = None) -> bytes:
        """``size`` bytes; raises asyncio.IncompleteReadError when the stream ends before."""
        return self._call(lambda: self._inner.readexactly(size), timeout)

    @door
    def readuntil(self, separator: bytes = b"\n", *, timeout: float | None = None) -> bytes:
        """Everything up to and with ``separator``; raises asyncio.IncompleteReadError when the stream ends before."""
        return self._call(lambda: self._inner.readuntil(separator), timeout)

    def _call(self, factory: Factory[bytes], timeout: float | None) -> bytes:
        return self._engine.call(factory, timeout)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    @property
    def aio(self) -> AsyncReader:
        """The same stream for ``await``."""
        return AsyncReader(self._engine, self._inner)


class AsyncReader:
    """The reading end of a stream, awaitable from any loop."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    async def read(self, size: int = -1) -> bytes:
        """See `Reader.read`."""
        return await self._engine.wait(lambda: self._inner.read(size))

    async def readline(self) -> bytes:
        """See `Reader.readline`."""
        return await self._engine.wait(lambda: self._inner.readline())

    async def readexactly(self, size: int) -> bytes:
        """See `Reader.readexactly`."""
        return await self._engine.wait(lambda: self._inner.readexactly(size))

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """See `Reader.readuntil`."""
        return await self._engine.wait(lambda: self._inner.readuntil(separator))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line


class Writer:
    """The writing end of a stream."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    @door
    def write(self, data: bytes | str, *, timeout: float | None = None) -> None:
        """Send ``data`` (text as UTF-8); returns when the remote has taken most of it."""
        self._engine.call(lambda: _write(self._inner, _encoded(data)), timeout)

    @door
    def write_eof(self) -> None:
        """Say that no more follows: the remote process reads its end of file."""
        self._engine.call(lambda: _do(self._inner.write_eof))

    @property
    def aio(self) -> AsyncWriter:
        """The same stream for ``await``."""
        return AsyncWriter(self._engine, self._inner)


class AsyncWriter:
    """The writing end of a stream, awaitable from any loop."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    async def write(self, data: bytes | str) -> None:
        """See `Writer.write`."""
        await self._engine.wait(lambda: _write(self._inner, _encoded(data)))

    async def write_eof(self) -> None:
        """See `Writer.write_eof`."""
        await self._engine.wait(lambda: _do(self._inner.write_eof))


class TcpStream:
    """A TCP connection that the server opened for us (direct-tcpip, RFC 4254 §7.2), in the manner of a socket."""

    def __init__(self, engine: Engine, reader: Any, writer: Any) -> None:
        self._engine = engine
        self._inner = writer
        self.reader = Reader(engine, reader)
        self.writer = Writer(engine, writer)

    def recv(self, size: int, *, timeout: float | None = None) -> bytes:
        """At least one and at most ``size`` bytes, b"" at the end."""
        return self.reader.read(size, timeout=timeout)

    def sendall(self, data: bytes, *, timeout: float | None = None) -> None:
        """Send all of ``data``."""
        self.writer.write(data, timeout=timeout)

    @door
    def close(self) -> None:
        """Close both directions."""
        self._engine.call(lambda: _do(self._inner.close))

    def __enter__(self) -> TcpStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Process:
    """A remote process: ``stdin``, ``stdout`` and ``stderr`` are blocking streams of bytes."""

    def __init__(self, engine: Engine, inner: Any, command: str | None, host: str) -> None:
        self._engine = engine
        self._inner = inner
        self.command = command
        self.host = host
        self.stdin = Writer(engine, inner.stdin)
        self.stdout = Reader(engine, inner.stdout)
        self.stderr = Reader(engine, inner.stderr)

    @property
    def exit_status(self) -> int | None:
        """The exit status, None while it runs or when a signal ended it."""
        status: int | None = self._inner.exit_status
        return status

    @property
    def exit_signal(self) -> str | None:
        """The name of the signal that ended it, such as "TERM"."""
        signal: str | None = self._inner.exit_signal
        return signal

    @door
    def wait(self, *, timeout: float | None = None) -> Result:
        """Read what is left of both streams, wait for the end and return the result."""
        return self._engine.call(lambda: _wait(self._inner, self.command, self.host), timeout)

    @door
    def signal(self, name: str) -> None:
        """Send a signal, by its name without SIG ("INT", RFC 4254 §6.9). Not every server passes it on."""
        self._engine.call(lambda: _do(lambda: self._inner.signal(name)))

    @door
    def resize(self, rows: int, columns: int) -> None:
        """Tell the remote terminal its new size in characters."""
        self._engine.call(lambda: _do(lambda: self._inner.resize(rows, columns)))

    @door
    def close(self) -> None:
        """Close the channel; what the process does then is the server's business."""
        self._engine.call(lambda: _do(self._inner.close))

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self.exit_status is None and self.exit_signal is None else "ended"
        return f"<Process {self.command or 'shell'!r} on {self.host}, {state}>"


def _encoded(data: bytes | str) -> bytes:
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)


async def _write(inner: Any, data: bytes) -> None:
    inner.write(data)
    await inner.drain()


async def _do(action: Any) -> None:
    """Run a plain function on the engine's thread: the objects of the stack are touched nowhere else."""
    action()


async def _wait(inner: Any, command: str | None, host: str) -> Result:
    from jupyter_ssh.kernel.results import Result

    result = await inner.wait()
    return Result(**{field.name: getattr(result, field.name) for field in dataclasses.fields(result)})
