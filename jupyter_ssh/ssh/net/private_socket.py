"""Unix sockets that only their owner can reach, and the user at the other end of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from jupyter_ssh.ssh.keys.files.locking import try_lock

MAX_SOCKET_PATH: Final = 103
"""Maximum bytes of a path on every system: macOS allows 104 with the zero byte, Linux 108."""

_XUCRED: Final = struct.Struct("=II")
"""The beginning of BSD's struct xucred: version, user."""
_LOCAL_PEERCRED: Final = 1


class PrivateFolder:
    """A folder of mode 0700 for sockets (``with_files``: and files), removed with what is in it by `remove`.

    Its process holds a lock on it, so that the next process that makes one of this kind removes what was left by a
    process that was killed.  Raises OSError.
    """

    def __init__(self, prefix: str, *, with_files: bool = False) -> None:
        parent = _short_folder(prefix) or tempfile.gettempdir()
        if (parent, prefix) not in _swept:
            _swept.add((parent, prefix))
            sweep(parent, prefix, with_files=with_files)
        self.path, self._lock = _make_locked(parent, prefix)

    def remove(self) -> None:
        """Remove the folder; idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


_swept: Final[set[tuple[str, str]]] = set()
"""Where this process has swept, and for which kind: once is enough."""
_ATTEMPTS: Final = 16


def _make_locked(parent: str, prefix: str) -> tuple[Path, int | None]:
    """Make a folder and lock it; another one if it was swept away before it was locked."""
    for _ in range(_ATTEMPTS):
        path = tempfile.mkdtemp(prefix=prefix, dir=parent)
        if sys.platform == "win32":
            return Path(path), None
        descriptor = _open_folder(path)
        if descriptor is not None:
            if try_lock(descriptor) is not False and _names(path, descriptor):
                return Path(path), descriptor
            os.close(descriptor)
    raise OSError(f"new folders in {parent} disappear")


def sweep(parent: str | os.PathLike[str], prefix: str, *, with_files: bool = False, unused_for: float = 0.0) -> None:
    """Remove folders of this user whose process is gone: nobody locks them, and all their sockets refuse connections.

    Only sockets are removed, and folders with nothing else in them, unless the kind is one ``with_files``; links are
    never followed.  ``unused_for``: seconds, for a kind whose folders nobody locks.  Never raises `OSError`.
    """
    if sys.platform == "win32":
        return  # it locks no folders
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        paths = [entry.path for entry in entries if entry.name.startswith(prefix)]
        for path in paths:
            with contextlib.suppress(OSError):
                _sweep_one(path, with_files, unused_for)


def _sweep_one(path: str, with_files: bool, unused_for: float) -> None:
    descriptor = _open_folder(path)
    if descriptor is None:
        return
    try:
        status = os.fstat(descriptor)
        is_private = sys.platform != "win32" and status.st_uid == os.getuid() and not status.st_mode & 0o077
        if not is_private or time.time() - status.st_mtime < unused_for:
            return
        # A process that has just made it, and not locked it yet, makes another one.
        if try_lock(descriptor) is not True or not _names(path, descriptor) or not _is_dead(path):
            return
        if with_files:
            shutil.rmtree(path)
            return
        for name in os.listdir(descriptor):
            if stat.S_ISSOCK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=descriptor)
        os.rmdir(path)
    finally:
        os.close(descriptor)


def _open_folder(path: str) -> int | None:
    """Open a folder that is no link; None if there is none."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None


def _names(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _is_dead(folder: str) -> bool:
    """Return whether nobody listens on any socket in a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if stat.S_ISSOCK(os.lstat(path).st_mode) and not _refuses(path):
                return False
    return True


def _refuses(path: str) -> bool:
    if sys.platform == "win32":
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connecting:
        connecting.setblocking(False)
        try:
            connecting.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            pass  # somebody is there, but busy; or it cannot be told
    return False


def _short_folder(prefix: str) -> str | None:
    """Return a folder in which a socket's path is short enough: the usual one for temporary files, or /tmp."""
    usual = tempfile.gettempdir()
    return None if len(os.fsencode(usual)) + len(prefix) + 40 < MAX_SOCKET_PATH else "/tmp"


def bind_private(path: str | os.PathLike[str]) -> socket.socket:
    """Bind a Unix socket with mode 0600.  Raises OSError, also if ``path`` already exists."""
    if sys.platform == "win32":
        raise OSError("Python has no Unix sockets on Windows")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.bind(os.fspath(path))
        # Nobody can connect before `listen`, so the mode is right from the first moment on.
        try:
            os.chmod(path, 0o600)
            listening.listen(64)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
    except BaseException:
        listening.close()
        raise
    return listening


def peer_user(connected: Any) -> int | None:
    """Return the user ID of the process at the other end of a socket; None if unknown, -1 if there is none."""
    user = None
    try:
        if sys.platform == "linux":
            _, user, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        elif sys.platform == "darwin":
            _, user = _XUCRED.unpack_from(connected.getsockopt(0, _LOCAL_PEERCRED, 256))
    except (OSError, struct.error):
        user = -1
    return user


def is_owner(connected: Any) -> bool:
    """Return whether the other end belongs to this user, or to root, who could do anything anyway."""
    user = peer_user(connected)
    return user is None or not hasattr(os, "getuid") or user in (0, os.getuid())
