"""Open a file without ever blocking, and replace a file atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO


def open_for_reading(path: Path) -> BinaryIO:
    """Open ``path`` without blocking, even if it is a pipe without a writer; the caller must check what it is.

    Raises `OSError`, or `ValueError` for an invalid name.
    """
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write ``data`` to ``path`` with the permissions ``mode``, through a temporary file beside it.

    Readers see either the old or the new content.  A symbolic link is kept: the file it points to is replaced.  Raises
    `OSError`.
    """
    target = os.path.realpath(path)
    # mkstemp creates the file with mode 0600, so a secret is never readable by others, not even for a moment.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
