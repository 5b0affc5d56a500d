"""known_hosts files: which hosts have which keys."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.trust.appending import append
from jupyter_ssh.ssh.trust.entries import BadLine, Entry, Marker
from jupyter_ssh.ssh.trust.host_file import CommandOutput, HostFile
from jupyter_ssh.ssh.trust.host_names import DEFAULT_PORT, host_name


class Status(enum.Enum):
    """What the files say about a host and its key."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of `KnownHosts.check`."""

    status: Status
    name: str
    """The host as it was looked up: ``host`` or ``[host]:port``."""
    entries: tuple[Entry, ...] = ()
    """The entries that decided: the matching one, the contradicting ones (same key type first), or the revoking one."""
    others: tuple[Entry, ...] = ()
    """For an unknown host: entries that decide nothing but are worth mentioning.  Their keys are of types not supported
    here or, if the port is not 22, of the host without a port."""

    @property
    def entry(self) -> Entry | None:
        """The first of `entries`."""
        return self.entries[0] if self.entries else None


class KnownHosts:
    """The entries of several files, in order.  Neither malformed lines nor missing files are errors."""

    def __init__(self, paths: Iterable[Path | str] = ()) -> None:
        self._files = [HostFile(Path(path)) for path in paths]
        self._outputs: list[CommandOutput] = []

    @classmethod
    def load(cls, paths: Iterable[Path | str]) -> KnownHosts:
        """Read the files at ``paths``."""
        known_hosts = cls(paths)
        known_hosts.refresh()
        return known_hosts

    def refresh(self) -> None:
        """Reread the files that have changed."""
        for file in self._files:
            file.refresh()

    def take_outputs(self, outputs: Mapping[str, bytes]) -> None:
        """Replace the lines printed by KnownHostsCommand; ``outputs`` is keyed by what it was asked about."""
        self._outputs = [CommandOutput(what, data) for what, data in outputs.items()]

    @property
    def _all(self) -> list[HostFile]:
        return [*self._files, *self._outputs]

    @property
    def entries(self) -> list[Entry]:
        """All entries; this parses every line."""
        return [entry for file in self._all for entry in file.entries()]

    @property
    def warnings(self) -> list[BadLine]:
        """What could not be read, at most about a hundred items per file; this parses every line, once."""
        return [warning for file in self._all for warning in file.warnings]

    def bad_lines(self, host: str, port: int = DEFAULT_PORT) -> list[BadLine]:
        """Return what was ignored and may concern this host: unreadable files, and malformed lines with its name."""
        return [line for file in self._all for line in file.bad_lines(host_name(host, port))]

    def lookup(self, host: str, port: int = DEFAULT_PORT, address: str | None = None) -> list[Entry]:
        """Return the entries for a host, and for its address if given, including those with markers."""
        entries = self._lookup(host_name(host, port))
        if address is not None:
            places = {(entry.file, entry.line) for entry in entries}
            more = self._lookup(host_name(address, port))
            entries += [entry for entry in more if (entry.file, entry.line) not in places]
        return entries

    def named(self, name: str) -> list[Entry]:
        """Return the entries for a name as `host_names.host_name` writes it, including those with markers."""
        return self._lookup(name)

    def check(self, host: str, port: int, key: PublicKey) -> Verdict:
        """Return what the files say about ``key`` as the key of a host, deciding as OpenSSH does.

        A known key of another type contradicts too: otherwise an attacker would only have to offer a type that is not
        known yet.  If ``[host]:port`` has no entry, the same key under the bare name counts as known, but a different
        one there does not contradict.  Unlike in OpenSSH, a key that is revoked under the bare name is refused even if
        it is known for ``[host]:port``.
        """
        name = host_name(host, port)
        entries = self._lookup(name)
        bare = self._lookup(host_name(host)) if port != DEFAULT_PORT else []
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
        """Return the key types known for a host, which determine the order of the proposed host key algorithms."""
        entries = self.lookup(host, port) or self.lookup(host)
        return list(dict.fromkeys(entry.key_type for entry in entries if entry.marker is Marker.NONE))

    def others_with(self, key: PublicKey, name: str) -> list[Entry]:
        """Return the entries with the same key whose names do not include ``name``."""
        return [
            entry
            for file in self._all
            for entry in file.with_key(key.blob)
            if entry.marker is Marker.NONE and name not in entry.hosts.lower().split(",")
        ]

    def with_key(self, blob: bytes) -> list[Entry]:
        """Return the entries with exactly this key, including those with markers."""
        return [entry for file in self._all for entry in file.with_key(blob)]

    def hosts(self) -> list[str]:
        """Return the names that are spelled out, each once, in the order of the files; for completion."""
        names = (name for entry in self.entries if entry.marker is Marker.NONE for name in entry.names)
        return list(dict.fromkeys(names))

    @staticmethod
    def append(path: Path | str, host: str, port: int, key: PublicKey, hashed: bool = False) -> None:
        """`appending.append`."""
        append(path, host, port, key, hashed)

    def _lookup(self, name: str) -> list[Entry]:
        return [entry for file in self._all for entry in file.lookup(name)]


def _having(key: PublicKey, entries: Iterable[Entry], marker: Marker) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.marker is marker and _blob(entry) == key.blob)


def _blob(entry: Entry) -> bytes:
    # Except for revocation, a certificate is not the same as the key in it.
    return entry.plain_blob if entry.marker is Marker.REVOKED else entry.blob
