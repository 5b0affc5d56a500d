"""Standard input and output for asyncio: reading when there is data, writing without blocking the loop.

The descriptors are shared with the shell that started us, so their blocking mode must not be changed.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys

CHUNK = 256 * 1024
_PIPE_SIZE = 1024 * 1024  # a larger pipe means fewer iterations of the loop


class Source:
    """A descriptor to read from."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._readable = asyncio.Event()
        self._polled = self._can_be_polled()
        _enlarge_pipe(descriptor)

    async def read(self) -> bytes:
        """Read up to `CHUNK` bytes; none at end of file.  Raises ``OSError``."""
        if not self._polled:
            # Files are always "readable", but reading may be slow, so it is done in a thread.
            return await self._loop.run_in_executor(None, os.read, self._descriptor, CHUNK)
        while True:
            self._readable.clear()
            self._loop.add_reader(self._descriptor, self._readable.set)
            try:
                await self._readable.wait()
            finally:
                self._loop.remove_reader(self._descriptor)
            try:
                return os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                continue  # another process set O_NONBLOCK, and another reader was faster

    def _can_be_polled(self) -> bool:
        try:
            self._loop.add_reader(self._descriptor, self._readable.set)
        except (OSError, NotImplementedError, ValueError):
            return False
        self._loop.remove_reader(self._descriptor)
        return True


class Sink:
    """A descriptor to write to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._own = _reopened(descriptor)
        self._never_waits = _is_file(descriptor)

    async def write(self, data: bytes) -> None:
        """Write all of ``data``.  Raises ``OSError``, such as ``BrokenPipeError``."""
        if self._own is None:
            if self._never_waits:
                _write_all(self._descriptor, data)
            else:
                await self._loop.run_in_executor(None, _write_all, self._descriptor, data)
            return
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._own, view) :]
            except BlockingIOError:
                await self._wait_writable(self._own)

    def close(self) -> None:
        """Close what was opened here; the descriptor itself stays open."""
        if self._own is not None:
            os.close(self._own)
            self._own = None

    async def _wait_writable(self, descriptor: int) -> None:
        writable = asyncio.Event()
        self._loop.add_writer(descriptor, writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _is_file(descriptor: int) -> bool:
    """Return whether writing never blocks: a regular file, or a device other than a terminal, such as /dev/null."""
    try:
        mode = os.fstat(descriptor).st_mode
        return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(descriptor))
    except OSError:
        return False


def _reopened(descriptor: int) -> int | None:
    """Return a separate non-blocking descriptor for the same pipe or terminal, if the system provides one (Linux).

    A duplicate would share its blocking mode with every process that has the original.
    """
    if sys.platform != "linux":
        return None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISFIFO(mode) and not os.isatty(descriptor):
            return None
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None


def _enlarge_pipe(descriptor: int) -> None:
    if sys.platform != "linux":
        return
    import fcntl

    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            fcntl.fcntl(descriptor, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PIPE_SIZE)
    except OSError:
        pass  # over the user's limit, or not our pipe
