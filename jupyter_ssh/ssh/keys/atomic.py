"""Replacing a file as a whole: readers see the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes ``data`` to ``path`` with the permissions ``mode``, through a temporary file beside it.

    A symbolic link stays one: the file it points to is replaced.  Raises `OSError`.
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
