"""The groups of a moduli(5) file, for group exchange (RFC 4419)."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import Group, parse_moduli

DEFAULT_FILE = "/etc/ssh/moduli"


def read_moduli(path: str | os.PathLike[str]) -> tuple[Group, ...]:
    """Return the groups of the file, none if it cannot be read; it is read again when it changes."""
    try:
        status = os.stat(path)
        return _read(os.fspath(path), status.st_mtime_ns, status.st_size)
    except (OSError, UnicodeDecodeError):
        return ()


@lru_cache(maxsize=4)
def _read(path: str, modified: int, size: int) -> tuple[Group, ...]:
    return tuple(parse_moduli(Path(path).read_text(encoding="ascii")))
