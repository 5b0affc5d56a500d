"""One known_hosts file in memory: its lines, and where a host's name stands in them."""

from __future__ import annotations

import binascii
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ..keys.disk import open_for_reading
from .entries import BadLine, Entry, parse_line
from .host_names import name_digest, split_hash
from .patterns import has_wildcards, matches

MAX_FILE = 1 << 29
"""Bytes of a file we read: a few million lines."""
MAX_WARNINGS = 100
"""Bad lines of one file that are told one by one."""
BOM_UTF8 = b"\xef\xbb\xbf"
BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class HostFile:
    """The lines of one file.

    Reading it only finds the names; a line's key is looked at when its host is asked for, so that a million lines
    cost neither the time nor the memory of a million entries.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, ...] | None = None
        self._lines: list[bytes] = []
        self._failure: str | None = None
        self._first: dict[str, int] = {}
        self._further: dict[str, list[int]] = {}
        self._with_wildcards: list[tuple[list[str], int]] = []
        self._hashed: list[tuple[bytes, bytes, int]] = []
        self._warnings: list[BadLine] | None = None

    def refresh(self) -> None:
        """Reads the file if it is not the one that was read last.  A missing file is an empty one."""
        try:
            with open_for_reading(self.path) as stream:
                status = os.fstat(stream.fileno())
                stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if stamp != self._stamp:
                    self._index(read_content(status, stream.read))
                    self._stamp = stamp
        except FileNotFoundError:
            self._index(b"")
        except (OSError, ValueError) as error:
            self._index(b"")
            self._failure = f"cannot be read: {getattr(error, 'strerror', None) or error}"

    def lookup(self, name: str) -> list[Entry]:
        """The well-formed entries for a name as `host_names.host_name` writes it, in the order of their lines."""
        numbers = self._further.get(name, [])[:]
        if name in self._first:
            numbers.append(self._first[name])
        numbers += [number for patterns, number in self._with_wildcards if matches(name, patterns)]
        numbers += [number for salt, digest, number in self._hashed if name_digest(name, salt) == digest]
        parsed = (self._parse(number) for number in sorted(numbers))
        return [entry for entry in parsed if isinstance(entry, Entry)]

    def with_key(self, blob: bytes) -> list[Entry]:
        """The well-formed entries with that very key."""
        base64 = binascii.b2a_base64(blob, newline=False)
        parsed = (self._parse(number) for number, raw in enumerate(self._lines, 1) if base64 in raw)
        return [entry for entry in parsed if isinstance(entry, Entry) and entry.blob == blob]

    def entries(self) -> Iterator[Entry]:
        """All well-formed entries."""
        parsed = (self._parse(number) for number in range(1, len(self._lines) + 1))
        return (entry for entry in parsed if isinstance(entry, Entry))

    @property
    def warnings(self) -> list[BadLine]:
        """What was left out; to know it, each line is looked at, once."""
        if self._warnings is None:
            parsed = (self._parse(number) for number in range(1, len(self._lines) + 1))
            bad = 0
            self._warnings = [BadLine(self.path, 0, self._failure)] if self._failure else []
            for line in parsed:
                if isinstance(line, BadLine):
                    bad += 1
                    if bad <= MAX_WARNINGS:
                        self._warnings.append(line)
            if bad > MAX_WARNINGS:
                self._warnings.append(BadLine(self.path, 0, f"{bad - MAX_WARNINGS} more lines are malformed"))
        return list(self._warnings)

    def _parse(self, number: int) -> Entry | BadLine | None:
        return parse_line(self._lines[number - 1], self.path, number)

    def _index(self, data: bytes) -> None:
        self._stamp = self._failure = self._warnings = None
        self._lines = data.removeprefix(BOM_UTF8).split(b"\n") if data else []
        self._first, self._further, self._with_wildcards, self._hashed = {}, {}, [], []
        for number, raw in enumerate(self._lines, 1):
            words = raw.split(None, 2)
            if len(words) < 2 or words[0].startswith(b"#"):
                continue
            field = words[words[0].startswith(b"@")].decode("utf-8", "surrogateescape")
            if field.startswith("|"):
                parts = split_hash(field)
                if parts is not None:
                    self._hashed.append((*parts, number))
            elif has_wildcards(field):
                self._with_wildcards.append((field.lower().split(","), number))
            else:
                for name in set(field.lower().split(",")):
                    if self._first.setdefault(name, number) != number:
                        self._further.setdefault(name, []).append(number)


def read_content(status: os.stat_result, read: Callable[[int], bytes]) -> bytes:
    """All bytes of an open file, none of /dev/null; raises ``ValueError`` for what is no known_hosts file."""
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
