"""Non-blocking descriptors on an asyncio loop: a reader that can be paused, a writer that reports what it has written.

asyncio's own pipe transports would do, but they need one more turn of the loop for each chunk and hide the descriptor,
which a pty needs for its ioctls.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable

if sys.platform == "win32":
    raise ImportError("pipes cannot be polled on Windows; use `threaded`")

READ_SIZE = 256 * 1024
PIPE_SIZE = 1024 * 1024
"""The capacity of a pipe if the system can set it (F_SETPIPE_SZ); the default of 64 KiB costs many context switches."""


def widen_pipe(descriptor: int) -> None:
    """Set the capacity of a pipe to `PIPE_SIZE`, if the system supports and permits it (pipe(7),
    pipe-user-pages-soft)."""
    import fcntl

    command = getattr(fcntl, "F_SETPIPE_SZ", 1031 if os.uname().sysname == "Linux" else None)
    if command is None:
        return
    try:
        fcntl.fcntl(descriptor, command, PIPE_SIZE)
    except OSError:
        pass


class DescriptorReader:
    """Reads a descriptor that it owns whenever there is data, until end of file or `close`.

    ``gather``: read until nothing is left or `READ_SIZE` is reached, for a pty, which returns at most 4 KiB at a time.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        descriptor: int,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
        *,
        gather: bool = False,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_data = on_data
        self._on_end = on_end
        self._gather = gather
        self._reading = False
        self.closed = False
        self.resume()

    def pause(self) -> None:
        """Stop reading."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        """Continue reading."""
        if not self._reading and not self.closed:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        """Close the descriptor; no callback is called afterwards."""
        if not self.closed:
            self.pause()
            self.closed = True
            os.close(self._descriptor)

    def _readable(self) -> None:
        chunks: list[bytes] = []
        room = READ_SIZE
        ended = False
        while room > 0:
            try:
                data = os.read(self._descriptor, room)
            except BlockingIOError:
                break
            except OSError:
                # A pty whose other end is closed returns EIO on Linux; whatever the error, treat it as end of file.
                data = b""
            if not data:
                ended = True
                break
            chunks.append(data)
            if not self._gather:
                break
            room -= len(data)
        if chunks:
            self._on_data(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        if ended and not self.closed:
            self.close()
            self._on_end()


class DescriptorWriter:
    """Writes to a descriptor that it owns, and queues what does not fit yet; discards it if the reading end is closed.

    ``on_taken`` is called with the number of bytes each time some are written or discarded.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, on_taken: Callable[[int], None]) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_taken = on_taken
        self._queue: deque[memoryview] = deque()
        self._ending = False
        self.closed = False

    def write(self, data: bytes) -> None:
        """Write as much of ``data`` as possible now, the rest when there is room."""
        if self.closed or self._ending:
            self._on_taken(len(data))
            return
        if self._queue:
            self._queue.append(memoryview(data))
            return
        written = self._write(data)
        if written < len(data) and not self.closed:
            self._queue.append(memoryview(data)[written:])
            self._loop.add_writer(self._descriptor, self._writable)
        self._on_taken(written)

    def write_eof(self) -> None:
        """Close the descriptor once everything is written."""
        self._ending = True
        if not self._queue:
            self.close()

    def close(self) -> None:
        """Discard what is not written and close the descriptor."""
        if self.closed:
            return
        self.closed = True
        if self._queue:
            self._loop.remove_writer(self._descriptor)
        os.close(self._descriptor)
        dropped = sum(map(len, self._queue))
        self._queue.clear()
        if dropped:
            self._on_taken(dropped)

    def _write(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            # The reading end is closed (EPIPE, or EIO on a pty): discard the data, and count it as taken.
            self.close()
            return len(data)

    def _writable(self) -> None:
        taken = 0
        while self._queue:
            head = self._queue[0]
            written = self._write(head)
            if self.closed:
                # close() has counted everything in the queue, including this chunk.
                break
            taken += written
            if written < len(head):
                self._queue[0] = head[written:]
                break
            self._queue.popleft()
        if not self._queue and not self.closed:
            self._loop.remove_writer(self._descriptor)
            if self._ending:
                self.close()
        if taken:
            self._on_taken(taken)
