"""A channel's data as streams of bytes: reading gives the peer credit, and writing waits for the peer's window."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.channels.interfaces import LINE_LIMIT, Reader, Writer
from jupyter_ssh.ssh.errors import ChannelClosed, SSHError, WireError
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.protocol.channel import Channel

LOW_WATER: Final = 256 * 1024
"""Bytes that may wait before `Writer.drain` waits."""

FLOOD: Final = 1024 * 1024
"""Bytes received since the last write after which this is a bulk transfer, so that data may arrive in larger pieces."""

FLOOD_PIECE: Final = 8192
"""Smaller pieces do not count as bulk transfer."""


class ByteReader(Reader[bytes]):
    """Received bytes, kept until they are read; what is unread is bounded by the channel's window."""

    def __init__(self, credit: Callable[[int], None]) -> None:
        self._credit = credit
        self._chunks: deque[bytes] = deque()
        self._offset = 0
        """How many bytes of the first chunk have been read."""
        self._collected: io.BytesIO | None = None
        """Collects everything while a task reads to the end: it grows without copying, unlike joining chunks."""
        self._size = 0
        self._credited = 0
        """How many of the unread bytes the peer has already been given credit for."""
        self._eof = False
        self._error: SSHError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unasked = 0
        """Bytes received since the last write."""
        self.was_read = False
        """Whether a task has ever read here."""
        self.received = 0
        """All bytes that have arrived."""
        self.carrier: asyncio.Future[None] | None = None
        """The task that carries everything from here to somewhere else, if any."""
        self.on_starving: Callable[[], None] = _nothing
        """Called when a task starts waiting here."""
        self.on_flood: Callable[[], None] = _nothing
        """Called for each large piece of a bulk transfer that a task is waiting for."""

    # --- the channel's side -------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take received bytes."""
        size = len(data)
        self.received += size
        self._size += size
        self._unasked += size
        if self._unasked > FLOOD and size >= FLOOD_PIECE and self._waiter is not None:
            self.on_flood()
        if self._collected is not None:
            self._collected.write(data)
            self._credited += size
            self._credit(size)
            return
        self._chunks.append(data)
        if self._waiter is not None:
            self._wake()

    def written(self) -> None:
        """Note that something was written to the peer, which may answer."""
        self._unasked = 0

    def feed_eof(self, error: SSHError | None = None) -> None:
        """End the stream; ``error`` is why, if something went wrong."""
        self._eof = True
        self._error = self._error or error
        self._wake()

    def fail(self, error: SSHError) -> None:
        """End the reading with ``error``."""
        self.feed_eof(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- the reader's side --------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether a task is waiting for bytes; not if some have arrived and it is about to run."""
        return self._waiter is not None and not self._waiter.done()

    @property
    def collecting(self) -> bool:
        """Whether a task reads to the end, so that the peer is given credit at once."""
        return self._collected is not None

    @property
    def unread(self) -> int:
        """Bytes that have arrived and have not been read."""
        return self._size

    def peek(self) -> bytes:
        """See `Reader.peek`."""
        collected = b"" if self._collected is None else self._collected.getvalue()
        return b"".join([*self._chunks, collected])[self._offset :]

    def at_eof(self) -> bool:
        """See `Reader.at_eof`."""
        return self._eof and not self._size

    def credit_unread(self) -> None:
        """Give the peer credit for what is still unread, so that it can continue with another stream of the channel."""
        ahead = self._size - self._credited
        if ahead > 0:
            self._credited = self._size
            self._credit(ahead)

    async def _more(self) -> bool:
        """Wait until there is something new; False at the end of file.  Raises why the session ended."""
        if self._eof:
            if self._error is not None:
                raise self._error
            return False
        self._refuse_company()
        self.was_read = True
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            self.on_starving()
            await self._waiter
        finally:
            self._waiter = None
        return True

    def _refuse_company(self) -> None:
        if self._waiter is not None:
            raise ChannelClosed("another task is reading from this stream", next_step="Read from one task at a time.")

    def _take(self, count: int) -> bytes:
        """Remove ``count`` bytes, which must be there, and give the peer credit for them."""
        if self._collected is not None:
            self._refuse_company()
        self.was_read = True
        chunks = self._chunks
        first = chunks[0]
        start = self._offset
        stop = start + count
        if stop < len(first):
            data = first[start:stop]
            self._offset = stop
        elif stop == len(first):
            data = chunks.popleft()[start:]  # no copy where start is 0
            self._offset = 0
        else:
            taken = [chunks.popleft()[start:]]
            self._offset = 0
            missing = stop - len(first)
            while missing:
                chunk = chunks[0]
                if len(chunk) > missing:
                    taken.append(chunk[:missing])
                    self._offset = missing
                    break
                taken.append(chunks.popleft())
                missing -= len(chunk)
            data = b"".join(taken)
        self._size -= count
        early = min(count, self._credited)
        self._credited -= early
        if count > early:
            self._credit(count - early)
        return data

    async def read(self, count: int = -1, *, timeout: float | None = None) -> bytes:
        """See `Reader.read`."""
        if count > 0 and self._size:  # the usual case: nothing has to be awaited, so avoid the coroutine
            return self._take(min(count, self._size))
        return await super().read(count, timeout=timeout)

    async def _read(self, count: int) -> bytes:
        if count < 0:
            return await self._read_all()
        while not self._size:
            if count == 0 or not await self._more():
                return b""
        return self._take(min(count, self._size))

    async def _read_all(self) -> bytes:
        self._refuse_company()
        self.credit_unread()
        self._collected = io.BytesIO()
        self._collected.write(self._joined())
        try:
            while await self._more():
                pass
        finally:
            # After a cancellation, what has arrived is left to the next reader.
            self._chunks.append(self._collected.getvalue())
            self._collected = None
        return self._take(self._size)

    def _joined(self) -> bytes:
        """Remove all chunks, as one."""
        data = b"".join(self._chunks)[self._offset :]
        self._chunks.clear()
        self._offset = 0
        return data

    async def _readexactly(self, count: int) -> bytes:
        while self._size < count:
            self.credit_unread()
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(self._size) if self._size else b"", count)
        return self._take(count) if count else b""

    async def _readuntil(self, separator: bytes | None, limit: int) -> bytes:
        separator = b"\n" if separator is None else separator
        searched = 0
        while True:
            if self._chunks:
                again = max(0, searched - len(separator) + 1)
                found = self._chunks[0].find(separator, self._offset + again)
                if found < 0 and len(self._chunks) > 1:
                    self._chunks.append(self._joined())
                    found = self._chunks[0].find(separator, again)
                if found >= 0:
                    return self._take(found + len(separator) - self._offset)
                searched = self._size
            if searched > limit:
                raise WireError("no end of line", expected=f"{separator!r} within {limit} bytes")
            self.credit_unread()
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(self._size) if self._size else b"", None)

    async def _readline(self) -> bytes:
        try:
            return await self._readuntil(b"\n", LINE_LIMIT)
        except asyncio.IncompleteReadError as error:
            return error.partial


class ByteWriter(Writer):
    """Bytes to the peer; ``on_close`` closes the connection, if closing means more than the end of file."""

    def __init__(
        self, channel: Channel, on_write: Callable[[], None], on_close: Callable[[], None] | None = None
    ) -> None:
        self._channel = channel
        self._on_write = on_write
        self._on_close = on_close or channel.eof
        self._drained: asyncio.Future[None] | None = None
        self._error: SSHError | None = None

    # --- the channel's side -------------------------------------------------------------------------------------------

    def drained(self) -> None:
        """Note that everything that was waiting has been sent."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def closed(self, error: SSHError | None) -> None:
        """Note that the channel is closed; of several errors the first one counts."""
        self._error = self._error or error or ChannelClosed("the other side closed the channel", phase="connection")
        self.drained()

    # --- the writer's side --------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview | str) -> None:
        """See `Writer.write`."""
        if self._error is not None:
            raise self._error
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        self._on_write()
        # Waiting data must not change, so anything but bytes is copied.
        self._channel.write(data if isinstance(data, bytes) else bytes(data))

    async def drain(self, *, timeout: float | None = None) -> None:
        """See `Writer.drain`."""
        await (self._drain() if timeout is None else within(self._drain(), timeout, "writing"))

    async def _drain(self) -> None:
        while self._error is None and self._channel.unsent > LOW_WATER:
            if self._drained is None or self._drained.done():
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)
        if self._error is not None:
            raise self._error

    def write_eof(self) -> None:
        """See `Writer.write_eof`."""
        self._channel.eof()

    def close(self) -> None:
        """See `Writer.close`."""
        self._on_close()

    def is_closing(self) -> bool:
        """See `Writer.is_closing`."""
        return self._error is not None or self._channel.ending


def _nothing() -> None:
    """Do nothing."""
