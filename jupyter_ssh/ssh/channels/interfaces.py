"""The interfaces for reading and writing: bytes, or text if an encoding was requested."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, NamedTuple

from jupyter_ssh.ssh.net.deadline import within

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # typing's TypeVar has defaults only from Python 3.13 on

    AnyStr = TypeVar("AnyStr", bytes, str, default=bytes)
else:
    from typing import AnyStr

LINE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes or characters that `Reader.readuntil` searches for a separator."""


class Reader(ABC, Generic[AnyStr]):
    """The reading end of a stream: bytes, or text if an ``encoding`` was requested.

    Only one task or thread may read at a time.  If the connection ended with an error, reading raises it once
    everything that arrived before has been read.  After ``timeout`` seconds reading raises `DeadlineExceeded`, and what
    has arrived can still be read.
    """

    async def read(self, count: int = -1, *, timeout: float | None = None) -> AnyStr:
        """Read up to ``count`` bytes or characters, at least one unless at the end of file; with -1 all up to it."""
        reading = self._read(count)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readexactly(self, count: int, *, timeout: float | None = None) -> AnyStr:
        """Read ``count`` bytes or characters.  Raises `asyncio.IncompleteReadError` if the stream ends before that."""
        reading = self._readexactly(count)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readuntil(
        self, separator: AnyStr | None = None, limit: int = LINE_LIMIT, *, timeout: float | None = None
    ) -> AnyStr:
        """Read up to and including ``separator`` (None: the end of a line).

        Raises:
            asyncio.IncompleteReadError: The stream ends before that; ``partial`` is what was read.
            WireError: It is not found within ``limit`` bytes or characters.
        """
        reading = self._readuntil(separator, limit)
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    async def readline(self, *, timeout: float | None = None) -> AnyStr:
        """Read a line including its end, which the last line may lack; empty at the end of file."""
        reading = self._readline()
        return await (reading if timeout is None else within(reading, timeout, "reading"))

    @abstractmethod
    def at_eof(self) -> bool:
        """Return whether everything has been read and the stream has ended."""

    @abstractmethod
    def peek(self) -> bytes:
        """Return what has arrived and has not been read, without reading it; always bytes, even with an encoding."""

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
    """The writing end of a stream; after `write`, `drain` waits until most of it has been sent."""

    @abstractmethod
    def write(self, data: bytes | bytearray | memoryview | str) -> None:
        """Send ``data``, or keep it until it can be sent.  Raises `ChannelClosed`.

        Text is sent in the requested ``encoding``, or UTF-8 if there is none; with an encoding, bytes are refused.  If
        it blocks a thread or is awaited, it takes as long as `drain`.
        """

    @abstractmethod
    async def drain(self, *, timeout: float | None = None) -> None:
        """Wait until most of what was written has been sent.

        Raises the error that prevents it, and `DeadlineExceeded` after ``timeout`` seconds.
        """

    async def send(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> None:
        """Call `write`, then `drain`."""
        self.write(data)
        await self.drain(timeout=timeout)

    @abstractmethod
    def write_eof(self) -> None:
        """Send an end of file after what was written; idempotent."""

    @abstractmethod
    def close(self) -> None:
        """Send an end of file after what was written; a `Stream` is closed in both directions."""

    @abstractmethod
    def is_closing(self) -> bool:
        """Return whether nothing more can be written."""


class Stream(NamedTuple):
    """A connection that the server opened for us: ``reader, writer = stream``, or used like a socket."""

    reader: Reader[bytes]
    """Data from the other end."""
    writer: Writer
    """Data to the other end."""

    async def recv(self, count: int, *, timeout: float | None = None) -> bytes:
        """Read up to ``count`` bytes, at least one unless at the end of file."""
        return await self.reader.read(count, timeout=timeout)

    async def sendall(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send ``data``, and wait until most of it has been sent."""
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
