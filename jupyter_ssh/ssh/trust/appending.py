"""Adding a line to a known_hosts file, so that no other program's line is hurt."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_ssh.ssh.errors import KnownHostsError
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.trust.host_names import HASH_SIZE, hash_name, host_name, is_writable

LOCK_ATTEMPTS = 20
LOCK_PAUSE = 0.01
"""Seconds; whoever holds the lock writes one line."""
OPENINGS = 5
"""How often the file is opened anew because it was replaced meanwhile."""


def append(
    path: Path | str,
    host: str,
    port: int,
    key: PublicKey,
    hashed: bool = False,
    *,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Writes that ``host`` has ``key``, as the last line of the file; makes the file (0600) and its folder (0700).

    A last line without its end is given one first, so a half-written line stays alone.  Raises `KnownHostsError`.
    """
    if not is_writable(host) or not 0 < port < 65536:
        raise KnownHostsError("this host name cannot be written to known_hosts", received=repr(host[:200]))
    name = host_name(host, port)
    if hashed:
        name = hash_name(name, random(HASH_SIZE))
    line = f"{name} {key.line()}\n".encode("utf-8", "surrogateescape")
    try:
        # Symbolic links are followed: dotfiles are often kept elsewhere.
        target = os.path.realpath(path)
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        for _ in range(OPENINGS):
            if _append_to(target, line):
                break
        else:
            raise OSError(None, "other programs replace it again and again")
    except (OSError, ValueError) as error:
        raise KnownHostsError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}",
            phase="remembering a host key",
            next_step="The host stays unknown, so the next connection will ask again",
        ) from None


def _append_to(target: str, line: bytes) -> bool:
    """False when another file has taken the place of the one that was opened: see `editing`."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    try:
        # Into /dev/null nothing is remembered, as its user wants.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return True
        with lock(descriptor):
            try:
                same = os.path.samestat(os.fstat(descriptor), os.stat(target))
            except FileNotFoundError:
                same = False
            if not same:
                return False
            _write(descriptor, line)
        os.fsync(descriptor)
        return True
    finally:
        os.close(descriptor)


def _write(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            line = b"\n" + line
    # O_APPEND and a single write: also programs that know no lock cannot come in between.
    if os.write(descriptor, line) != len(line):
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise OSError(None, "the disk is full")


@contextlib.contextmanager
def lock(descriptor: int) -> Iterator[None]:
    """Holds the file's lock.  Where there are no locks, or somebody keeps it, O_APPEND has to do, as in OpenSSH: then
    the worst is an empty line, when two programs repair the last one at once."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
        except OSError:
            break
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
