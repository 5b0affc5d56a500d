"""known_hosts files: which hosts have which keys."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..keys import PublicKey
from ..keys.disk import open_for_reading
from .appending import append
from .entries import BadLine, Entry, Marker, parse_line
from .host_names import DEFAULT_PORT, host_name, matches, name_digest, split_hash

MAX_FILE = 1 << 29
"""Bytes of a file we read: a few million lines."""
MAX_WARNINGS = 100
"""Bad lines of one file that are told one by one."""
BOM_UTF8 = b"\xef\xbb\xbf"
BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Status(enum.Enum):
    """What the files say about a host and its key."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `KnownHosts.check`."""

    status: Status
    name: str
    """The host as it was looked up: ``host`` or ``[host]:port``."""
    entries: tuple[Entry, ...] = ()
    """Those that decided: the matching one, the contradicting ones (same key type first), the revoking one."""
    others: tuple[Entry, ...] = ()
    """For an unknown host: keys that decide nothing but are worth telling, of types we do not speak or, where the port
    is not 22, of the host without a port."""

    @property
    def entry(self) -> Entry | None:
        """The first of `entries`."""
        return self.entries[0] if self.entries else None


class KnownHosts:
    """The entries of several files, in their order.  No line of a file, and no missing file, is ever an error."""

    def __init__(self, paths: Iterable[Path | str] = ()) -> None:
        self._files = [_File(Path(path)) for path in paths]

    @classmethod
    def load(cls, paths: Iterable[Path | str]) -> KnownHosts:
        """Reads ``paths``."""
        known_hosts = cls(paths)
        known_hosts.refresh()
        return known_hosts

    def refresh(self) -> None:
        """Reads again the files that changed since."""
        for file in self._files:
            file.refresh()

    @property
    def entries(self) -> list[Entry]:
        """All entries."""
        return [entry for file in self._files for entry in file.entries]

    @property
    def warnings(self) -> list[BadLine]:
        """What could not be read, at most about a hundred for each file."""
        return [warning for file in self._files for warning in file.warnings]

    def lookup(self, host: str, port: int = DEFAULT_PORT, address: str | None = None) -> list[Entry]:
        """The entries for a host, or for its address where one is given, with any marker."""
        names = [host_name(host, port)]
        if address is not None:
            names.append(host_name(address, port))
        return self._lookup(names)

    def check(self, host: str, port: int, key: PublicKey) -> Verdict:
        """What the files say about ``key`` as the key of a host; decides as OpenSSH does.

        A key of another type contradicts too: else an attacker would only have to offer a type that is not yet known.
        Where ``[host]:port`` has no entry, the same key under the bare name is good, and another one there is not bad.
        Unlike OpenSSH, a key that is revoked under the bare name is refused even where the port's name has it.
        """
        name = host_name(host, port)
        entries = self._lookup([name])
        bare = self._lookup([host_name(host)]) if port != DEFAULT_PORT else []
        revoked = _having(key, [*entries, *bare], Marker.REVOKED)
        if revoked:
            return Verdict(Status.REVOKED, name, revoked)
        plain = [entry for entry in entries if entry.marker is Marker.NONE]
        contradicting = [entry for entry in plain if entry.is_supported]
        same = _having(key, plain, Marker.NONE) or (() if contradicting else _having(key, bare, Marker.NONE))
        if same:
            return Verdict(Status.KNOWN, name, same)
        if contradicting:
            contradicting.sort(key=lambda entry: entry.key_type != key.key_type)
            return Verdict(Status.CHANGED, name, tuple(contradicting))
        others = [*plain, *(entry for entry in bare if entry.marker is Marker.NONE)]
        return Verdict(Status.UNKNOWN, name, others=tuple(others))

    def known_key_types(self, host: str, port: int = DEFAULT_PORT) -> list[str]:
        """Key types that are known for a host, for the order of the proposed host key algorithms."""
        entries = self.lookup(host, port) or self.lookup(host)
        return list(dict.fromkeys(entry.key_type for entry in entries if entry.marker is Marker.NONE))

    def others_with(self, key: PublicKey, name: str) -> list[Entry]:
        """The entries with the same key whose names do not include ``name``."""
        return [
            entry
            for file in self._files
            for entry in file.entries
            if entry.blob == key.blob and entry.marker is Marker.NONE and name not in entry.hosts.lower().split(",")
        ]

    def hosts(self) -> list[str]:
        """The names that are spelled out, each once, in the order of the files: for completion."""
        return list(
            dict.fromkeys(
                name
                for file in self._files
                for entry in file.entries
                if entry.marker is Marker.NONE
                for name in entry.names
            )
        )

    @staticmethod
    def append(path: Path | str, host: str, port: int, key: PublicKey, hashed: bool = False) -> None:
        """`appending.append`."""
        append(path, host, port, key, hashed)

    def _lookup(self, names: Sequence[str]) -> list[Entry]:
        return [entry for file in self._files for entry in file.lookup(names)]


def _having(key: PublicKey, entries: Iterable[Entry], marker: Marker) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.marker is marker and entry.blob == key.blob)


@dataclass(slots=True)
class _File:
    """One file, with an index of its names."""

    path: Path
    entries: list[Entry] = field(default_factory=list)
    warnings: list[BadLine] = field(default_factory=list)
    _stamp: tuple[int, ...] | None = None
    _by_name: dict[str, list[Entry]] = field(default_factory=dict)
    _with_wildcards: list[tuple[list[str], Entry]] = field(default_factory=list)
    _hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)

    def refresh(self) -> None:
        try:
            with open_for_reading(self.path) as stream:
                status = os.fstat(stream.fileno())
                stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if stamp != self._stamp:
                    self._clear()
                    self._parse(_content(status, stream.read))
                    self._stamp = stamp
        except FileNotFoundError:
            self._clear()
        except (OSError, ValueError) as error:
            self._clear()
            self.warnings.append(BadLine(self.path, 0, f"cannot be read: {getattr(error, 'strerror', None) or error}"))

    def lookup(self, names: Sequence[str]) -> list[Entry]:
        """The entries that match one of the names, in the order of their lines."""
        found: dict[int, Entry] = {}
        for name in names:
            found.update((entry.line, entry) for entry in self._by_name.get(name, ()))
            found.update((entry.line, entry) for patterns, entry in self._with_wildcards if matches(name, patterns))
            found.update(
                (entry.line, entry) for salt, digest, entry in self._hashed if name_digest(name, salt) == digest
            )
        return [found[line] for line in sorted(found)]

    def _clear(self) -> None:
        self._stamp = None
        for container in (self.entries, self.warnings, self._by_name, self._with_wildcards, self._hashed):
            container.clear()

    def _parse(self, data: bytes) -> None:
        if data.startswith(BOMS_UTF16):
            raise ValueError("it is encoded as UTF-16; save it as UTF-8")
        bad = 0
        for number, raw in enumerate(data.removeprefix(BOM_UTF8).split(b"\n"), 1):
            parsed = parse_line(raw, self.path, number)
            if isinstance(parsed, Entry):
                self._add(parsed)
            elif parsed is not None:
                bad += 1
                if bad <= MAX_WARNINGS:
                    self.warnings.append(parsed)
        if bad > MAX_WARNINGS:
            self.warnings.append(BadLine(self.path, 0, f"{bad - MAX_WARNINGS} more lines are malformed"))

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.hashed:
            parts = split_hash(entry.hosts)
            if parts is not None:
                self._hashed.append((*parts, entry))
        elif entry.has_wildcards:
            self._with_wildcards.append((entry.hosts.split(","), entry))
        else:
            for name in entry.hosts.lower().split(","):
                self._by_name.setdefault(name, []).append(entry)


def _content(status: os.stat_result, read: Callable[[int], bytes]) -> bytes:
    if stat.S_ISCHR(status.st_mode) and read(1) == b"":
        return b""  # /dev/null, which people name to have no such file
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    if status.st_size > MAX_FILE:
        raise ValueError(f"it is longer than {MAX_FILE >> 20} MiB")
    return read(MAX_FILE)
