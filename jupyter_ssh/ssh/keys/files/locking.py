"""Lock a file that other processes change too, and that may be replaced while its lock is waited for."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator

PATIENCE = 5.0
"""Seconds to wait for a lock, under which others write a line or a whole file."""
_PAUSE = 0.01


def try_lock(descriptor: int) -> bool | None:
    """Lock a file if nobody else has; return whether it was done, None if the system has no locks for this file.

    Closing the descriptor unlocks the file.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], opening: Callable[[], int]) -> Iterator[tuple[int, bool]]:
    """Yield the descriptor that ``opening`` returned for ``path``, and whether its lock is held or there are no locks.

    The path names the open file when the block begins: one that was replaced while the lock was waited for is opened
    again.  Only regular files are locked.  Raises `OSError`: `TimeoutError` if others keep replacing the file.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        descriptor = opening()
        try:
            is_ours = _lock(descriptor, deadline)
            if _names(path, descriptor):
                yield descriptor, is_ours
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise TimeoutError("other programs keep replacing it")


def _lock(descriptor: int, deadline: float) -> bool:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return True
    while try_lock(descriptor) is False:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _names(path: str | os.PathLike[str], descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
