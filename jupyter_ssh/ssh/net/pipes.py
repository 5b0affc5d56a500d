"""Two pipes as an asyncio transport: bytes are read from one and written to the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterable
from typing import Any, Final, cast

HIGH_WATER: Final = 64 * 1024

PIPE_SIZE: Final = 256 * 1024
"""How many bytes a pipe should hold, where a process may choose that (Linux); a socket holds about as many."""

LAST_READS: Final = 16
"""How often is read after the other side has stopped reading."""


def open_pipe() -> tuple[int, int]:
    """Return the reading and the writing end of a new pipe."""
    ends = os.pipe()
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # the user may have many pipes
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return ends


def _read_into(descriptor: int, memory: memoryview) -> int:
    if sys.platform == "win32":
        data = os.read(descriptor, len(memory))
        memory[: len(data)] = data
        return len(data)
    return os.readv(descriptor, [memory])


class PipeTransport(asyncio.Transport):
    """An asyncio transport on the reading end of one pipe and the writing end of another; it closes both.

    Not for Windows, whose pipes asyncio cannot wait for.  It serves buffered protocols, which receive in place.  If the
    other side stops reading, what it has written by then is still received: it may be the reason.
    """

    def __init__(self, reading: int, writing: int, protocol: asyncio.BufferedProtocol) -> None:
        super().__init__()
        if sys.platform != "win32":
            os.set_blocking(reading, False)
            os.set_blocking(writing, False)
        self._loop = asyncio.get_running_loop()
        self._reading, self._writing = reading, writing
        self._protocol = protocol
        self._unwritten = bytearray()
        self._high = HIGH_WATER
        self._paused_writing = False
        self._paused_reading = True
        self._eof = False
        self._broken = False
        """Whether the other side has stopped reading."""
        self._closing = False
        self._ended = False
        protocol.connection_made(self)
        self.resume_reading()

    # --- reading ------------------------------------------------------------------------------------------------------

    def _receive(self) -> bool:
        """Read once; return whether something came."""
        try:
            count = _read_into(self._reading, cast(memoryview, self._protocol.get_buffer(-1)))
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._end(error)
            return False
        if count:
            self._protocol.buffer_updated(count)
            return True
        self.pause_reading()
        self._eof = True
        if not self._protocol.eof_received():
            self.close()
        return False

    def pause_reading(self) -> None:
        """Leave the bytes in the pipe."""
        if not self._paused_reading:
            self._paused_reading = True
            self._loop.remove_reader(self._reading)

    def resume_reading(self) -> None:
        """Receive again."""
        if self._paused_reading and not self._closing and not self._eof:
            self._paused_reading = False
            self._loop.add_reader(self._reading, self._receive)

    def is_reading(self) -> bool:
        """Return whether bytes are received."""
        return not self._paused_reading

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Write bytes; what the pipe does not accept yet is kept."""
        if self._closing or self._broken or not data:
            return
        if not self._unwritten:
            count = self._accepted(data)
            if count == len(data) or self._broken:
                return
            data = memoryview(data)[count:]
            self._loop.add_writer(self._writing, self._write_more)
        self._unwritten += data
        if len(self._unwritten) > self._high and not self._paused_writing:
            self._paused_writing = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Write them as one piece."""
        self.write(b"".join(list_of_data))

    def _accepted(self, data: bytes | bytearray | memoryview[Any]) -> int:
        """Write what the pipe accepts, and return how much that was."""
        try:
            return os.write(self._writing, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._broken = True
            self._loop.call_soon(self._break, error)  # not within the protocol's own call
            return 0

    def _write_more(self) -> None:
        del self._unwritten[: self._accepted(self._unwritten)]
        if self._broken:
            self._loop.remove_writer(self._writing)
        elif not self._unwritten:
            self._loop.remove_writer(self._writing)
            if self._closing:
                self._end(None)
            elif self._paused_writing:
                self._paused_writing = False
                self._protocol.resume_writing()

    def _break(self, error: OSError) -> None:
        # Also if reading is paused: there is no later.
        for _ in range(LAST_READS):
            if self._closing or self._eof:
                break
            self.resume_reading()
            if not self._receive():
                break
        self._end(error)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes may wait before the protocol is told to pause; it resumes when none do."""
        self._high = HIGH_WATER if high is None else high

    def get_write_buffer_size(self) -> int:
        """Return the number of waiting bytes."""
        return len(self._unwritten)

    # --- the end ------------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing

    def close(self) -> None:
        """Close both pipes once everything is written; nothing more is received."""
        if not self._closing:
            self._closing = True
            self.pause_reading()
            if not self._unwritten or self._broken:
                self._end(None)

    def abort(self) -> None:
        """Close both pipes now."""
        self._end(None)

    def _end(self, error: OSError | None) -> None:
        if self._ended:
            return
        self._ended = self._closing = True
        self.pause_reading()
        self._loop.remove_writer(self._writing)
        self._unwritten.clear()
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: OSError | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            os.close(self._reading)
            os.close(self._writing)
