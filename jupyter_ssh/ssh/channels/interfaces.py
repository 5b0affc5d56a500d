"""What people read from and write to: bytes, or text where an encoding was asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, NamedTuple

from jupyter_ssh.ssh.net.deadline import within

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # that of typing has a default from Python 3.13 on

    AnyStr = TypeVar("AnyStr", bytes, str, default=bytes)
else:
    from typing import AnyStr

LINE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes or characters `Reader.readuntil` looks through for a separator."""


class Reader(ABC, Generic[AnyStr]):
    """The reading end of a stream: bytes, or text where an ``encoding`` was asked for.

    One task or thread at a time may read.  Reading raises why the connection ended, if it ended by an error, once
    everything that arrived before has been read.  After ``timeout`` seconds it raises `DeadlineExceeded`, and what has
    arrived stays there to be read.
    """

    async def read(self, count: int = -1, *, timeout: float | None = None) -> AnyStr:
        """Read up to ``count`` bytes or characters, at least one unless at the end of file; with -1 all up to it."""
        reading = self._read(count)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readexactly(self, count: int, *, timeout: float | None = None) -> AnyStr:
        """Read ``count`` bytes or characters; raises `asyncio.IncompleteReadError` when the stream ends before."""
        reading = self._readexactly(count)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readuntil(
        self, separator: AnyStr | None = None, limit: int = LINE_LIMIT, *, timeout: float | None = None
    ) -> AnyStr:
        """Read up to and with ``separator`` (None: the end of a line).

        Raises:
            asyncio.IncompleteReadError: The stream ends before; ``partial`` is what there was.
            WireError: It does not come within ``limit`` bytes or characters.
        """
        reading = self._readuntil(separator, limit)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readline(self, *, timeout: float | None = None) -> AnyStr:
        """Read one line with its end; the last one may have none; empty at the end of file."""
        reading = self._readline()
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    @abstractmethod
    def at_eof(self) -> bool:
        """Return whether everything was read and nothing more comes."""

    @abstractmethod
    def peek(self) -> bytes:
        """Return what has arrived and was not read, and leave it there; bytes also where an encoding was asked for."""

    def __aiter__(self) -> AsyncIterator[AnyStr]:
        return self._lines()

    async def _lines(self) -> AsyncIterator[AnyStr]:
        while line := await self._readline():
            yield line

    @abstractmethod
    async def _read(self, count: int) -> AnyStr: ...

    @abstractmethod
    async def _readexactly(self, count: int) -> AnyStr: ...

    @abstractmethod
    async def _readuntil(self, separator: AnyStr | None, limit: int) -> AnyStr: ...

    @abstractmethod
    async def _readline(self) -> AnyStr: ...


class Writer(ABC):
    """The writing end of a stream; after `write`, `drain` waits until most of it is under way."""

    @abstractmethod
    def write(self, data: bytes | bytearray | memoryview | str) -> None:
        """Send ``data``, or keep it until it can be sent; raises `ChannelClosed`.

        Text is sent in the ``encoding`` that was asked for, where none was in UTF-8; bytes are refused where one was.
        For a thread that blocks, and awaited, it lasts as long as `drain` does.
        """

    @abstractmethod
    async def drain(self, *, timeout: float | None = None) -> None:
        """Wait until most of what was written is sent.

        Raises why it cannot be, and `DeadlineExceeded` after ``timeout`` seconds.
        """

    async def send(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> None:
        """`write`, then `drain`."""
        self.write(data)
        await self.drain(timeout=timeout)

    @abstractmethod
    def write_eof(self) -> None:
        """Say that nothing more comes, after what was written; idempotent."""

    @abstractmethod
    def close(self) -> None:
        """Say that nothing more comes, after what was written; a connection is closed in both directions."""

    @abstractmethod
    def is_closing(self) -> bool:
        """Return whether nothing can be written any more."""


class Stream(NamedTuple):
    """A connection that the server made for us: ``reader, writer = stream``, or in the manner of a socket."""

    reader: Reader[bytes]
    """What comes from the other end."""
    writer: Writer
    """What goes there."""

    async def recv(self, count: int, *, timeout: float | None = None) -> bytes:
        """Read up to ``count`` bytes, at least one unless at the end of file."""
        return await self.reader.read(count, timeout=timeout)

    async def sendall(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send ``data``, and wait until most of it is under way."""
        await self.writer.send(data, timeout=timeout)

    async def close(self) -> None:
        """Close both directions, after what was written; idempotent."""
        self.writer.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
