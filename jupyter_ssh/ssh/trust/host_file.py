"""One known_hosts file: when to read it again, and what its lines say about a host."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_ssh.ssh.keys.files.disk import open_for_reading
from jupyter_ssh.ssh.trust.entries import BadLine, Entry
from jupyter_ssh.ssh.trust.host_lines import HostLines

MAX_FILE = 1 << 29
"""Maximum size of a file in bytes: a few million lines."""
MAX_WARNINGS = 100
"""Bad lines of one file that are reported individually."""
MAX_REMEMBERED = 8
"""Files whose lines are kept in memory for the next connection: reading a large one takes a second."""
BOM_UTF8 = b"\xef\xbb\xbf"
BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")

COMMAND = "KnownHostsCommand"
"""The name that stands for a file of lines printed by a command; followed by "-" and what it was asked for."""

Stamp = tuple[int, ...]

_remembered: dict[Path, tuple[Stamp, HostLines]] = {}
"""The files read most recently, the latest at the end, for all connections of the process."""


class HostFile:
    """A file and its lines as they were at the last `refresh`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._lines = HostLines(path)
        self._failure: str | None = None
        self._warnings: list[BadLine] | None = None

    def refresh(self) -> None:
        """Read the file again if it has changed.  A missing file is treated as empty."""
        try:
            with open_for_reading(self.path) as stream:
                status = os.fstat(stream.fileno())
                stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                if stamp != self._stamp:
                    self._take(_lines(self.path, stamp, lambda: read_content(status, stream.read)), stamp)
        except FileNotFoundError:
            self._take(HostLines(self.path), None)
        except (OSError, ValueError) as error:
            self._take(HostLines(self.path), None)
            self._failure = f"cannot be read: {getattr(error, 'strerror', None) or error}"

    def _take(self, lines: HostLines, stamp: Stamp | None) -> None:
        self._lines, self._stamp = lines, stamp
        self._failure = self._warnings = None

    def lookup(self, name: str) -> list[Entry]:
        """Return the well-formed entries for a name as `host_names.host_name` writes it, in the order of their
        lines."""
        return [entry for entry in self._lines.lookup(name) if isinstance(entry, Entry)]

    def bad_lines(self, name: str) -> list[BadLine]:
        """Return the file itself if it cannot be read, and the malformed lines for a name."""
        return self._failures() + [line for line in self._lines.lookup(name) if isinstance(line, BadLine)]

    def with_key(self, blob: bytes) -> list[Entry]:
        """Return the well-formed entries with exactly this key."""
        return self._lines.with_key(blob)

    def entries(self) -> Iterator[Entry]:
        """Return all well-formed entries."""
        return (entry for entry in self._lines.parsed() if isinstance(entry, Entry))

    @property
    def warnings(self) -> list[BadLine]:
        """What was ignored; finding out parses every line, once."""
        if self._warnings is None:
            bad = 0
            warnings = self._failures()
            for line in self._lines.parsed():
                if isinstance(line, BadLine):
                    bad += 1
                    if bad <= MAX_WARNINGS:
                        warnings.append(line)
            if bad > MAX_WARNINGS:
                warnings.append(BadLine(self.path, 0, f"{bad - MAX_WARNINGS} more lines are malformed"))
            self._warnings = warnings
        return list(self._warnings)

    def _failures(self) -> list[BadLine]:
        return [BadLine(self.path, 0, self._failure)] if self._failure else []


class CommandOutput(HostFile):
    """What KnownHostsCommand (ssh_config(5)) printed when asked about ``what``, as a file that never changes."""

    def __init__(self, what: str, data: bytes) -> None:
        super().__init__(Path(f"{COMMAND}-{what}"))
        self._lines = HostLines(self.path, data.removeprefix(BOM_UTF8))

    def refresh(self) -> None:
        """Do nothing: the command is run anew for each connection."""


def _lines(path: Path, stamp: Stamp, read: Callable[[], bytes]) -> HostLines:
    """Return the lines of a file, read or remembered."""
    before = _remembered.pop(path, None)
    if before is not None and before[0] == stamp:
        lines = before[1]
    else:
        lines = HostLines(path, read().removeprefix(BOM_UTF8), before[1] if before else None)
    _remembered[path] = (stamp, lines)
    for other in list(_remembered)[:-MAX_REMEMBERED]:
        _remembered.pop(other, None)
    return lines


def read_content(status: os.stat_result, read: Callable[[int], bytes]) -> bytes:
    """Return all bytes of an open file, none of /dev/null; raises ``ValueError`` for what is no known_hosts file."""
    if stat.S_ISCHR(status.st_mode) and read(1) == b"":
        return b""  # /dev/null, which people name to have no such file
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    if status.st_size > MAX_FILE:
        raise ValueError(f"it is longer than {MAX_FILE >> 20} MiB")
    data = read(MAX_FILE)
    if data.startswith(BOMS_UTF16):
        raise ValueError("it is encoded as UTF-16; save it as UTF-8")
    return data
