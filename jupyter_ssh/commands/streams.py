"""Standard input and output as asyncio sees them: read when there is something, written without holding up the loop.

The descriptors are shared with the shell that started us, so their blocking mode is left alone.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys

CHUNK = 256 * 1024
_PIPE_SIZE = 1024 * 1024  # a larger pipe means fewer turns of the loop


class Source:
    """A descriptor to read from."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._readable = asyncio.Event()
        self._polled = self._can_be_polled()
        _enlarge_pipe(descriptor)

    async def read(self) -> bytes:
        """Up to `CHUNK` bytes, none at the end of the file; raises ``OSError``."""
        if not self._polled:
            # Files are always "readable", yet a read may take its time: it does so in a thread.
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
                continue  # somebody set O_NONBLOCK, and another reader was faster

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
        """Write all of ``data``; raises ``OSError``, such as ``BrokenPipeError``."""
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
        """Give back what was opened here; the descriptor itself stays open."""
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
    """Return whether writing waits for nobody: a regular file, or a device such as /dev/null that is no terminal."""
    try:
        mode = os.fstat(descriptor).st_mode
        return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(descriptor))
    except OSError:
        return False


def _reopened(descriptor: int) -> int | None:
    """Return a non-blocking descriptor of our own for the same pipe or terminal, where the system gives one (Linux).

    A duplicate would share its blocking mode with every process that holds the first one.
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
        pass  # beyond the user's limit, or no pipe of our own
