"""Open a file without ever blocking, and replace a file atomically."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from jupyter_ssh.ssh.keys.files.locking import try_lock

_TEMPORARY = re.compile(r"\.jssh-[0-9a-f]{16}\.new")
"""The names of the temporary files."""
LEFTOVER_SECONDS = 60
"""The age at which the unlocked temporary file of another process counts as left behind."""


def open_for_reading(path: Path) -> BinaryIO:
    """Open ``path`` without blocking, even if it is a pipe without a writer; the caller must check what it is.

    Raises `OSError`, or `ValueError` for an invalid name.
    """
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))


def replace_file(path: Path, data: bytes, mode: int = 0o600, *, if_still: Callable[[], bool] = lambda: True) -> bool:
    """Write ``data`` to ``path`` through a temporary file beside it; readers see either the old or the new content.

    A new file has the permissions ``mode`` that umask allows.  An existing one keeps its owner and, of its permissions,
    those in ``mode``.  A symbolic link is kept: the file it points to is replaced.  A device or a pipe is written to.

    Nothing is replaced if ``if_still`` is false once the new file is on the disk; then return False.  Temporary files
    that killed processes have left in the folder are removed.  Raises `OSError`.
    """
    former = _status(path)
    if former is not None and not stat.S_ISREG(former.st_mode):
        # With a buffer, which goes on after a signal has cut a write short.
        with open(path, "wb") as stream:
            stream.write(data)
        return True
    target = os.path.realpath(path)
    _sweep(os.path.dirname(target))
    temporary = _temporary_beside(target)
    # The mode from the beginning, so that a secret is never readable by others, not even for a moment.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, mode if former is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            try_lock(descriptor)
            if former is not None:
                _take_over(descriptor, temporary, former, mode)
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
            # Before the lock ends with the stream: others may remove an old file without one.
            if os.name != "nt":
                return _put_in_place(temporary, target, if_still)
        # Windows renames no open file.
        return _put_in_place(temporary, target, if_still)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _put_in_place(temporary: str, target: str, if_still: Callable[[], bool]) -> bool:
    if if_still():
        os.replace(temporary, target)
        return True
    os.unlink(temporary)
    return False


def keep_copy(path: Path, copy: Path, data: bytes, mode: int) -> None:
    """Make ``copy`` the name of the file ``path`` too, which is about to be replaced; its content is ``data``.

    Raises `OSError`.
    """
    temporary = _temporary_beside(os.path.abspath(copy))
    try:
        os.link(os.path.realpath(path), temporary)
    except OSError:
        # A symbolic link to another file system, or a file system without hard links.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(copy)
        replace_file(copy, data, mode)
        return
    try:
        os.replace(temporary, copy)
    finally:
        # It is still there if this failed, or if both were names of the same file already.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _take_over(descriptor: int, temporary: str, former: os.stat_result, mode: int) -> None:
    permissions = stat.S_IMODE(former.st_mode) & mode
    if sys.platform == "win32":
        os.chmod(temporary, permissions)
        return
    # Not by name: whoever owns the folder could put a link to a file of ours there.
    with contextlib.suppress(OSError):
        # Under sudo the file must keep its owner, or the owner could not read it.
        os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, permissions)


def _temporary_beside(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".jssh-{secrets.token_hex(8)}.new")


def _sweep(folder: str) -> None:
    """Remove our temporary files that no process writes any more."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            if _TEMPORARY.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_leftover(entry.path)


def _remove_leftover(path: str) -> None:
    status = os.lstat(path)
    is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    if not stat.S_ISREG(status.st_mode) or not is_own or time.time() - status.st_mtime < LEFTOVER_SECONDS:
        return
    if sys.platform == "win32":
        os.unlink(path)  # refused while it is open
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if try_lock(descriptor) and os.path.samestat(status, os.fstat(descriptor)):
            os.unlink(path)
    finally:
        os.close(descriptor)
