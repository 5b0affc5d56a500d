"""What was read last of the files that decide who may log in: a stranger's offers must not cost a reading each."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

from jupyter_ssh.ssh.keys.krl import MAX_SIZE
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeys
from jupyter_ssh.ssh.net.threads.workers import Workers

T = TypeVar("T")

SETTLED_NS: Final = 2_000_000_000
"""How long ago a file must have changed: until then another change may leave its times as they are."""

LOADING_SECONDS: Final = 30.0
"""How long a thread waits for another that reads, which may be stuck on a disk that hangs."""

KEY_CHECKS: Final = 4
"""How many keys are checked at a time."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `stat` says about a file's contents; taken before they are read."""

    identity: tuple[int, int, int, int, int]
    settled: bool = field(compare=False)

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Make a stamp of a status that was taken just now."""
        # The time of the last change of the inode cannot be set; that of the contents can, to the future too.  Windows
        # tells only the latter: there, st_ctime is when the file was made.
        changed = status.st_ctime_ns
        if sys.platform == "win32":
            changed = max(changed, status.st_mtime_ns)
        age = time.time_ns() - changed
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return cls(identity, age > SETTLED_NS)

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self.identity[2]


class FileMemory(Generic[T]):
    """Values made of files, each for as long as the file's stamp stays the same.  It can be used on several threads.

    At most ``most_files`` of together ``most_bytes`` are kept, those used last.
    """

    def __init__(self, most_files: int = 8000, most_bytes: int = 16 << 20) -> None:
        # More files than several patterns name (file_modes.MOST_FILES): if fewer were kept, reading all of them in turn
        # would always forget those that come next.
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[Path, tuple[Stamp, T]] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def find(self, path: Path, stamp: Stamp) -> T | None:
        """Return what was kept for the file if it has not changed since."""
        with self._lock:
            kept = self._forget(path)
            if kept is None or kept[0] != stamp:
                return None
            self._add(path, *kept)
            return kept[1]

    def keep(self, path: Path, stamp: Stamp, value: T) -> None:
        """Keep a value, unless the file was changed a moment before the stamp was taken."""
        if not stamp.settled or stamp.size > self._most_bytes:
            return
        with self._lock:
            self._forget(path)
            self._add(path, stamp, value)
            while len(self._kept) > self._most_files or self._bytes > self._most_bytes:
                self._forget(next(iter(self._kept)))

    def load(self, path: Path, read: Callable[[], T]) -> T:
        """Return what was kept for the file, or else what ``read`` returns.

        One thread reads at a time.  The others wait for what it keeps: several that parse the same would only slow each
        other down.
        """
        found = self.find(path, Stamp.of(path.stat()))
        if found is not None:
            return found
        first = self._loading.acquire(timeout=LOADING_SECONDS)
        try:
            stamp = Stamp.of(path.stat())
            found = self.find(path, stamp)
            if found is None:
                found = read()
                self.keep(path, stamp, found)
            return found
        finally:
            if first:
                self._loading.release()

    def __len__(self) -> int:
        return len(self._kept)

    def _add(self, path: Path, stamp: Stamp, value: T) -> None:
        self._kept[path] = (stamp, value)
        self._bytes += stamp.size

    def _forget(self, path: Path) -> tuple[Stamp, T] | None:
        kept = self._kept.pop(path, None)
        if kept is not None:
            self._bytes -= kept[0].size
        return kept


@dataclass(frozen=True, slots=True)
class LoginFiles:
    """The memory of one server, for all its connections."""

    contents: FileMemory[bytes] = field(default_factory=FileMemory)
    """Of authorized_keys, files of authorities and of principals."""
    revoked: FileMemory[RevokedKeys] = field(default_factory=lambda: FileMemory(most_bytes=MAX_SIZE))
    readers: Workers = field(default_factory=lambda: Workers("jupyter-ssh key check", KEY_CHECKS))
    """The threads that read them: the files may be on a disk, or in a network, that hangs."""
