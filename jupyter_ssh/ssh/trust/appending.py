"""Append a line to a known_hosts file without damaging lines that other programs write."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from jupyter_ssh.ssh.errors import KnownHostsError
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.keys.files.locking import locked
from jupyter_ssh.ssh.trust.host_names import HASH_SIZE, hash_name, host_name, is_writable


def append(
    path: Path | str,
    host: str,
    port: int,
    key: PublicKey,
    hashed: bool = False,
    *,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Append a line for ``host`` and ``key``, creating the file (0600) and its folder (0700) if necessary.

    An unterminated last line is terminated first, so that it stays a line by itself.  Raises `KnownHostsError`.
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
        _append_to(target, line)
    except (OSError, ValueError) as error:
        raise KnownHostsError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}",
            phase="remembering a host key",
            next_step="The host remains unknown, so the next connection will ask again",
        ) from None


def _append_to(target: str, line: bytes) -> None:
    """Append the line.  Without the lock, if somebody keeps it, O_APPEND has to suffice, as in OpenSSH.

    The worst outcome is an empty line, if two programs repair the last line at the same time.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    with locked(target, lambda: os.open(target, flags, 0o600)) as (descriptor, _):
        # The user wants /dev/null to remember nothing.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _write(descriptor, line)
            os.fsync(descriptor)


def _write(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            line = b"\n" + line
    # O_APPEND and a single write: even programs that ignore the lock cannot write in between.
    if os.write(descriptor, line) != len(line):
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise OSError(None, "the disk is full")
