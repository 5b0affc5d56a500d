"""Redirection of a process's streams: to and from files, DEVNULL and other processes.

Bytes are copied piece by piece, with backpressure: nothing is read until the last piece has been written, and end of
file is passed on.  Each file is read or written in a thread of its own, off the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import queue
import threading
from collections.abc import Callable, Coroutine
from subprocess import DEVNULL, PIPE, STDOUT
from typing import IO, Any, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from jupyter_ssh.ssh.channels.interfaces import Reader, Writer
from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.channels.text_streams import TextReader, TextWriter
from jupyter_ssh.ssh.errors import ConfigError, SSHError

__all__ = ["DEVNULL", "PIPE", "STDOUT", "Carrier", "Redirect", "Redirections"]

Redirect: TypeAlias = str | os.PathLike[str] | IO[bytes] | int
"""A path, an open binary file or its descriptor, DEVNULL, PIPE (the caller), or STDOUT for stderr."""

BLOCK: Final = 256 * 1024
"""How many bytes are copied at a time."""

T = TypeVar("T")


class Source(Protocol):
    """Where bytes come from."""

    def taken(self, carrier: asyncio.Future[None]) -> None:
        """Note that everything is copied from here, until ``carrier`` is done."""

    async def read(self) -> bytes:
        """Return the next bytes, empty at end of file; raises `SSHError`, or what the file raises."""

    async def refuse(self) -> None:
        """Announce that no more is wanted, and discard what still comes."""

    def close(self) -> None:
        """Close it."""


class Sink(Protocol):
    """Where bytes go."""

    async def write(self, data: bytes) -> bool:
        """Write all of ``data``; false if the receiving end no longer accepts any.  Raises what the file raises."""

    async def end(self) -> None:
        """Write end of file and close it; raises what the file raises."""

    def abandon(self) -> None:
        """Close it without waiting."""


# --- copying ----------------------------------------------------------------------------------------------------------


class Carrier:
    """Copies everything from a source to a sink, then end of file; begins at once."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._error: Exception | None = None
        self._stopped = False
        self._task = asyncio.get_running_loop().create_task(self._carry())
        source.taken(self._task)

    async def _carry(self) -> None:
        try:
            await self._carry_all()
            await self._sink.end()
        except asyncio.CancelledError:
            self._sink.abandon()
            if self._stopped:
                _go_on(self._source.refuse())
            raise
        except Exception as error:
            self._error = self._error or error
        finally:
            self._source.close()

    async def _carry_all(self) -> None:
        try:
            while data := await self._source.read():
                if not await self._sink.write(data):
                    await self._source.refuse()
                    return
        except SSHError as error:
            self._error = error
        except Exception as error:  # a file object may raise anything: ValueError if it is closed, EOFError, zlib.error
            self._error = error
            await self._source.refuse()

    async def finish(self) -> None:
        """Wait for the end; raises the error of the file that could not be read or written, or the error that ended the
        source."""
        await asyncio.wait([self._task])
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop copying, because nobody receives it."""
        self._stopped = True
        self._task.cancel()


_going_on: set[asyncio.Task[None]] = set()
"""Strong references to running tasks; the event loop keeps only weak ones."""


def _go_on(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)


# --- streams of processes ---------------------------------------------------------------------------------------------


@runtime_checkable
class Upstream(Protocol):
    """A process whose output is redirected into another one."""

    @property
    def stdout(self) -> Reader[Any]:
        """Its standard output."""

    def stop_output(self) -> None:
        """Announce that it is no longer read."""


@runtime_checkable
class Downstream(Protocol):
    """A process whose input comes from another one."""

    @property
    def stdin(self) -> Writer:
        """Its standard input."""


class _StreamSource:
    def __init__(self, stream: Reader[Any], stop: Callable[[], None] = lambda: None) -> None:
        self._first = b""
        if isinstance(stream, TextReader):
            self._first, stream = stream.detach()
        assert isinstance(stream, ByteReader)
        self._stream = stream
        self._stop = stop

    def taken(self, carrier: asyncio.Future[None]) -> None:
        self._stream.carrier = carrier

    async def read(self) -> bytes:
        first, self._first = self._first, b""
        return first or await self._stream.read(BLOCK)

    async def refuse(self) -> None:
        with contextlib.suppress(SSHError):
            self._stop()
        with contextlib.suppress(SSHError):
            while await self._stream.read(BLOCK):
                pass

    def close(self) -> None:
        pass


class _StreamSink:
    def __init__(self, stream: Writer) -> None:
        self._stream = stream.below if isinstance(stream, TextWriter) else stream

    async def write(self, data: bytes) -> bool:
        try:
            self._stream.write(data)
            await self._stream.drain()
        except SSHError:  # the process no longer reads, or its connection is lost, which it reports itself
            return False
        return True

    async def end(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        with contextlib.suppress(SSHError):
            self._stream.write_eof()


class _Nowhere:
    """DEVNULL: reads as empty, and discards what is written."""

    def taken(self, carrier: asyncio.Future[None]) -> None:
        pass

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes) -> bool:
        return True

    async def refuse(self) -> None:
        pass

    def close(self) -> None:
        pass

    async def end(self) -> None:
        pass

    def abandon(self) -> None:
        pass


# --- files ------------------------------------------------------------------------------------------------------------


class _Thread:
    """A thread that does blocking work, one piece after another: reading from a pipe may block for hours.

    It ends with `stop`, or with the interpreter.
    """

    def __init__(self) -> None:
        # Unbounded, but its user waits for each piece before the next.
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="jupyter-ssh file", daemon=True).start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    async def do(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(action: Callable[[Any], None], value: Any) -> None:
            if not done.done():
                action(value)

        def job() -> None:
            action: Callable[[Any], None] = done.set_result
            value: Any
            try:
                value = work()
            except Exception as error:
                action, value = done.set_exception, error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting
                loop.call_soon_threadsafe(settle, action, value)

        self._jobs.put(job)
        return await done

    def stop(self, last: Callable[[], None] = lambda: None) -> None:
        """Do ``last``, then end the thread."""
        self._jobs.put(last)
        self._jobs.put(None)


class _FileSource:
    """An open binary file to read; closed at the end if we opened it."""

    def __init__(self, file: IO[bytes], thread: _Thread, *, ours: bool) -> None:
        # read1() returns what is available; read() of a buffered pipe would block until the buffer is full.
        self._read: Callable[[int], bytes | None] = getattr(file, "read1", file.read)
        self._close = file.close if ours else _nothing
        self._thread = thread

    def taken(self, carrier: asyncio.Future[None]) -> None:
        pass

    async def read(self) -> bytes:
        data = await self._thread.do(lambda: self._read(BLOCK))
        if data is None:
            raise BlockingIOError("the file is in non-blocking mode, and has no data now")
        return data

    async def refuse(self) -> None:
        pass

    def close(self) -> None:
        self._thread.stop(self._close)  # it may be blocked in a read that never returns


class _FileSink:
    """An open binary file to write; closed at the end if we opened it, else flushed."""

    def __init__(self, file: IO[bytes], thread: _Thread, *, ours: bool) -> None:
        self._file = file
        self._end = file.close if ours else getattr(file, "flush", _nothing)
        self._thread = thread

    async def write(self, data: bytes) -> bool:
        await self._thread.do(lambda: _write_all(self._file, data))
        return True

    async def end(self) -> None:
        try:
            await self._thread.do(self._end)
        finally:
            self._thread.stop()

    def abandon(self) -> None:
        self._thread.stop(self._end)


def _write_all(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        count: int | None = file.write(view)
        if count is None and isinstance(file, io.RawIOBase):
            raise BlockingIOError("the file is in non-blocking mode, and accepts no data now")
        if count is None:  # the class does not report it; assume that it wrote everything
            return
        view = view[count:]


def _nothing() -> None:
    """Leave a file open that is not ours."""


async def _opened(target: Redirect, mode: str) -> tuple[IO[bytes], _Thread, bool]:
    """Return the open file of a path, descriptor or file object, the thread to use it in, and whether we must close
    it."""
    thread = _Thread()
    try:
        if isinstance(target, (str, os.PathLike)):
            path = target
            return await thread.do(lambda: open(path, mode, buffering=0)), thread, True
        if isinstance(target, int):
            number = target
            return await thread.do(lambda: open(number, mode, buffering=0, closefd=False)), thread, False
        return target, thread, False
    except BaseException:
        thread.stop()
        raise


# --- the three streams of a process -----------------------------------------------------------------------------------


class Streams(Protocol):
    """The channel of a process."""

    stdin: ByteWriter
    stdout: ByteReader
    stderr: ByteReader
    over: asyncio.Future[None]

    def stop_output(self) -> None:
        """Announce that stdout is no longer read."""


class Redirections:
    """The redirections of one process's streams, opened before it is started."""

    def __init__(self) -> None:
        self._stdin: Source | None = None
        self._outputs: dict[str, Sink | None] = {}
        self.one_stream = False
        """Whether stderr goes where stdout goes."""

    @classmethod
    async def open(
        cls,
        stdin: Redirect | Upstream | Reader[Any] | None,
        stdout: Redirect | Downstream | Writer | None,
        stderr: Redirect | Downstream | Writer | None,
    ) -> Redirections:
        """Open all files; raises `ConfigError`, OSError."""
        made = cls()
        try:
            made._stdin = await _source(stdin)
            made._outputs["stdout"] = await _sink(stdout, "stdout")
            made.one_stream = isinstance(stderr, int) and stderr == STDOUT
            if not made.one_stream:
                made._outputs["stderr"] = await _sink(stderr, "stderr")
        except BaseException:
            made.abandon()
            raise
        return made

    def begin(self, streams: Streams) -> list[Carrier]:
        """Begin copying."""
        carriers = []
        if self._stdin is not None:
            carrier = Carrier(self._stdin, _StreamSink(streams.stdin))
            streams.over.add_done_callback(lambda _: carrier.stop())  # it is no longer read
            carriers.append(carrier)
        stops = {"stdout": streams.stop_output, "stderr": _nothing}
        for name, sink in self._outputs.items():
            if sink is not None:
                carriers.append(Carrier(_StreamSource(getattr(streams, name), stops[name]), sink))
        return carriers

    def abandon(self) -> None:
        """Close everything, because the process was not started."""
        if self._stdin is not None:
            self._stdin.close()
        for sink in self._outputs.values():
            if sink is not None:
                sink.abandon()


async def _source(target: Redirect | Upstream | Reader[Any] | None) -> Source | None:
    if target is None or _is(target, PIPE):
        return None
    if _is(target, DEVNULL):
        return _Nowhere()
    if isinstance(target, Reader):
        return _StreamSource(target)
    if isinstance(target, Upstream):
        return _StreamSource(target.stdout, target.stop_output)
    file, thread, ours = await _opened(_checked(target, "stdin", "read"), "rb")
    return _FileSource(file, thread, ours=ours)


async def _sink(target: Redirect | Downstream | Writer | None, name: str) -> Sink | None:
    if target is None or _is(target, PIPE):
        return None
    if _is(target, DEVNULL):
        return _Nowhere()
    if isinstance(target, Writer):
        return _StreamSink(target)
    if isinstance(target, Downstream):
        return _StreamSink(target.stdin)
    file, thread, ours = await _opened(_checked(target, name, "write"), "wb")
    return _FileSink(file, thread, ours=ours)


def _is(target: object, constant: int) -> bool:
    return isinstance(target, int) and target == constant


def _checked(target: Redirect, name: str, method: str) -> Redirect:
    if isinstance(target, (str, os.PathLike)) or (isinstance(target, int) and target >= 0):
        return target
    if isinstance(target, io.TextIOBase) or not hasattr(target, method):
        raise ConfigError(
            f"{name} cannot be redirected to a {type(target).__name__}",
            phase="starting a process",
            expected="a path, a file in binary mode, a process, DEVNULL or PIPE",
            received=repr(target)[:100],
        )
    return target
