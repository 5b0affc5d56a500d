"""Check that others cannot have written a file that decides who may log in: sshd_config's StrictModes."""

from __future__ import annotations

import glob
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Final

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.logins.file_memory import FileMemory, Stamp

log = logging.getLogger(__name__)

MOST_FILES: Final = 1000
"""How many files one pattern may name."""


def read_trusted(
    path: Path,
    *,
    home: Path | None = None,
    strict: bool = True,
    limit: int = 1 << 20,
    memory: FileMemory[bytes] | None = None,
) -> bytes:
    """Read a file that only this user, or root, can have written; raise `ConfigError` otherwise.

    The file must be regular, and it and every folder above it (up to ``home``, or else the root) must belong to this
    user or root and not be writable by group or others.  A folder with the sticky bit (/tmp) may be writable, as nobody
    but the owner can replace a file in it.  If ``strict`` is false, only the size is checked.

    What ``memory`` has of the file is not read again; who may write it is checked each time.
    """
    # O_NONBLOCK: a FIFO instead of the file must not block us.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        real = Path(os.path.expanduser(path)).resolve(strict=True)
        descriptor = os.open(real, flags)
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is not a regular file")
        if status.st_size > limit:
            raise ConfigError(f"{path} is too large", expected=f"at most {limit} bytes", received=f"{status.st_size}")
        if strict and sys.platform != "win32":
            _check(real, status, sticky_ok=False)
            _check_folders(real, home.resolve() if home is not None else None)
        stamp = Stamp.of(status)
        data = None if memory is None else memory.find(real, stamp)
        if data is None:
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(limit)
            if memory is not None:
                memory.keep(real, stamp, data)
        return data
    finally:
        os.close(descriptor)


def matching_files(path: Path) -> list[Path]:
    """Return the files that a path with wildcards (glob(7)) names, in order; a name without them is taken as it is.

    A file whose name has such characters is found by exactly that name, too.
    """
    pattern = os.path.expanduser(path)
    if not glob.has_magic(pattern) or os.path.exists(pattern):
        return [path]
    found = sorted(glob.glob(pattern))
    if len(found) > MOST_FILES:
        log.warning("%s names %d files; only the first %d are read", path, len(found), MOST_FILES)
    return [Path(name) for name in found[:MOST_FILES]]


def _check_folders(file: Path, home: Path | None) -> None:
    for folder in file.parents:
        _check(folder, folder.stat(), sticky_ok=True)
        if folder == home:
            return


def _check(path: Path, status: os.stat_result, *, sticky_ok: bool) -> None:
    if sys.platform == "win32":
        return  # Windows has no such bits; its access control lists are not checked
    if status.st_uid not in (0, os.getuid()):
        raise ConfigError(f"{path} belongs to another user", next_step=f"Run: chown {os.getuid()} {path}")
    if status.st_mode & 0o022 and not (sticky_ok and status.st_mode & stat.S_ISVTX):
        raise ConfigError(
            f"{path} is writable by others",
            expected="a mode without write permission for group and others",
            received=f"{stat.S_IMODE(status.st_mode):04o}",
            next_step=f"Run: chmod go-w {path}",
        )
