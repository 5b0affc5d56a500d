"""Files: opening one without ever waiting, and replacing one as a whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO


def open_for_reading(path: Path) -> BinaryIO:
    """Open ``path``, also when it is a pipe that nobody writes to: the caller looks at what it is.  Raises `OSError`,
    or `ValueError` for what cannot be a name."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write ``data`` to ``path`` with the permissions ``mode``, through a temporary file beside it.

    Readers see the old content or the new, never half of it.  A symbolic link stays one: the file it points to is
    replaced.  Raises `OSError`.
    """
    target = os.path.realpath(path)
    # mkstemp makes the file 0600, so a secret is never readable by others, not even for a moment.
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
