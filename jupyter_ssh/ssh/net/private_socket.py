"""Unix sockets that only their owner can reach, and the user at the other end of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

MAX_SOCKET_PATH: Final = 103
"""Maximum bytes of a path on every system: macOS allows 104 with the zero byte, Linux 108."""

_XUCRED: Final = struct.Struct("=II")
"""The beginning of BSD's struct xucred: version, user."""
_LOCAL_PEERCRED: Final = 1


class PrivateFolder:
    """A folder of mode 0700 for sockets, removed with them by `remove`."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=_short_folder(prefix)))

    def remove(self) -> None:
        """Remove the folder; idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)


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
