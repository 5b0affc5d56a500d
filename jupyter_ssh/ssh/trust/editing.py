"""Find, remove, hash and update lines of a known_hosts file: ``ssh-keygen -F``, ``-R``, ``-H``, and UpdateHostKeys.

Only the affected lines are changed, and the previous file is kept beside it as ``.old``.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_ssh.ssh.errors import KnownHostsError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.files.disk import keep_copy, open_for_reading, replace_file
from jupyter_ssh.ssh.keys.files.locking import locked
from jupyter_ssh.ssh.trust.entries import BadLine, Entry, Marker, parse_line
from jupyter_ssh.ssh.trust.host_file import BOM_UTF8, read_content
from jupyter_ssh.ssh.trust.host_names import HASH_SIZE, hash_name, name_digest, split_hash
from jupyter_ssh.ssh.trust.patterns import matches

PHASE = "known_hosts"
KEPT_MODE = 0o644
"""The file's permissions are reduced to these, as by ssh-keygen: nobody else may write to it."""
ROUNDS = 5
"""How often a file is read again because a program that does not lock it has written to it."""


@dataclass(slots=True)
class Edit:
    """What was done to a file, or not done because of its ``bad`` lines."""

    path: Path
    removed: list[Entry] = field(default_factory=list)
    hashed: list[Entry] = field(default_factory=list)
    """Lines whose names were readable and now are not."""
    added: list[PublicKey] = field(default_factory=list)
    with_wildcards: list[Entry] = field(default_factory=list)
    """Lines that cannot be hashed."""
    bad: list[BadLine] = field(default_factory=list)
    changed: bool = False
    """Whether the file was written and the previous one kept as `old`."""

    @property
    def old(self) -> Path:
        """The file with the content before the change."""
        return Path(f"{self.path}.old")


def find(path: Path, name: str) -> list[tuple[Entry, str]]:
    """Return the entries for a name, each with its line as it is written.

    ``name`` is as in known_hosts (``host`` or ``[host]:port``); entries with markers are included.  Raises
    `KnownHostsError`.
    """
    with _reading(path) as (descriptor, status):
        lines = _lines(_read(path, descriptor, status))
    found = []
    for number, raw in enumerate(lines, 1):
        entry = parse_line(raw, path, number)
        if isinstance(entry, Entry) and is_for(entry, name):
            found.append((entry, raw.decode("utf-8", "surrogateescape")))
    return found


def remove(path: Path, name: str) -> Edit:
    """Remove the lines of a host, including those that match it by a wildcard; CA and revoked lines stay.

    A file with malformed lines is left unchanged: it may not be a known_hosts file at all.  Raises `KnownHostsError`.
    """

    def change(edit: Edit, parsed: Entry | BadLine | None, raw: bytes) -> Sequence[bytes]:
        if isinstance(parsed, Entry) and parsed.marker is Marker.NONE and is_for(parsed, name):
            edit.removed.append(parsed)
            return ()
        return (raw,)

    return _edit(path, change, lambda edit: bool(edit.removed))


def hash_names(path: Path, random: Callable[[int], bytes] = os.urandom) -> Edit:
    """Replace each readable name by its hash, one line per name; hashed, CA, revoked and wildcard lines stay.

    Malformed lines and errors are as with `remove`.
    """

    def change(edit: Edit, parsed: Entry | BadLine | None, raw: bytes) -> Sequence[bytes]:
        if not isinstance(parsed, Entry) or parsed.hashed:
            return (raw,)
        if parsed.has_wildcards:
            edit.with_wildcards.append(parsed)
        if parsed.has_wildcards or parsed.marker is not Marker.NONE:
            return (raw,)
        edit.hashed.append(parsed)
        return hashed_lines(parsed, raw, random)

    return _edit(path, change, lambda edit: True)


def replace(
    path: Path,
    names: Sequence[str],
    keys: Sequence[PublicKey],
    add: bool,
    *,
    hashed: bool = False,
    random: Callable[[int], bytes] = os.urandom,
) -> Edit:
    """Remove the lines of a host with keys other than ``keys``, and with ``add`` add lines for those that are missing.

    ``names`` are the host and optionally its address, as in known_hosts.  CA and revoked lines, comments and malformed
    lines stay.  Raises `KnownHostsError`.
    """
    blobs, there = {key.blob for key in keys}, set()

    def change(edit: Edit, parsed: Entry | BadLine | None, raw: bytes) -> Sequence[bytes]:
        if not isinstance(parsed, Entry) or parsed.marker is not Marker.NONE:
            return (raw,)
        if not any(is_for(parsed, name) for name in names):
            return (raw,)
        if parsed.blob in blobs:
            there.add(parsed.blob)
            return (raw,)
        edit.removed.append(parsed)
        return ()

    def added(edit: Edit) -> Sequence[bytes]:
        missing = [key for key in keys if add and key.blob not in there]
        edit.added += missing
        there.clear()  # the file may have to be read again
        hosts = [hash_name(name, random(HASH_SIZE)) for name in names] if hashed else [",".join(names)]
        return [f"{host} {key.line()}".encode("utf-8", "surrogateescape") for key in missing for host in hosts]

    return _edit(path, change, lambda edit: bool(edit.removed or edit.added), added, keep_bad=True)


def hashed_lines(entry: Entry, raw: bytes, random: Callable[[int], bytes] = os.urandom) -> list[bytes]:
    """Return a line for each name of ``entry``, whose line is ``raw``, with the name hashed."""
    rest = raw.split(None, 1)[1]
    return [hash_name(name.lower(), random(HASH_SIZE)).encode() + b" " + rest for name in entry.names]


def is_for(entry: Entry, name: str) -> bool:
    """Return whether an entry is for a host: spelled out, hashed, or by a wildcard."""
    name = name.lower()
    if entry.hashed:
        parts = split_hash(entry.hosts)
        return parts is not None and name_digest(name, parts[0]) == parts[1]
    return matches(name, entry.hosts.lower().split(","))


def _edit(
    path: Path,
    change: Callable[[Edit, Entry | BadLine | None, bytes], Sequence[bytes]],
    is_worth_it: Callable[[Edit], bool],
    added: Callable[[Edit], Sequence[bytes]] = lambda edit: (),
    *,
    keep_bad: bool = False,
) -> Edit:
    for _ in range(ROUNDS):
        edit = Edit(path)
        with _locked(path) as descriptor:
            status = os.fstat(descriptor)
            data = _read(path, descriptor, status)
            kept: list[bytes] = []
            for number, raw in enumerate(_lines(data), 1):
                parsed = parse_line(raw, path, number)
                if isinstance(parsed, BadLine):
                    edit.bad.append(parsed)
                kept += change(edit, parsed, raw)
            kept += added(edit)
            if not stat.S_ISREG(status.st_mode) or (edit.bad and not keep_bad) or not is_worth_it(edit):
                return edit
            mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
            edit.changed = _write(edit, mark + b"".join(line + b"\n" for line in kept), data, descriptor)
        if edit.changed:
            return edit
    raise KnownHostsError(
        f"cannot write {path}: other programs keep writing to it", phase=PHASE, next_step="Try again later"
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file and lock it.  Raises `KnownHostsError` if it cannot be opened or another program keeps the lock."""
    try:
        with locked(path, lambda: _open(path)) as (descriptor, is_ours):
            if not is_ours:
                raise TimeoutError("another program keeps it locked")
            yield descriptor
    except TimeoutError as error:
        raise _failed(f"cannot write {path}", error) from None
    except (OSError, ValueError) as error:
        raise _failed(f"Cannot stat {path}", error) from None


def _open(path: Path) -> int:
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        # NFS locks only what is open for writing.
        return os.open(path, os.O_RDWR | flags)
    except OSError:
        return os.open(path, os.O_RDONLY | flags)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    try:
        stream = open_for_reading(path)
    except (OSError, ValueError) as error:
        raise _failed(f"Cannot stat {path}", error) from None
    with stream:
        yield stream.fileno(), os.fstat(stream.fileno())


def _read(path: Path, descriptor: int, status: os.stat_result) -> bytes:
    try:
        with open(descriptor, "rb", closefd=False) as stream:
            return read_content(status, stream.read)
    except (OSError, ValueError) as error:
        raise _failed(f"Cannot read {path}", error) from None


def _lines(data: bytes) -> list[bytes]:
    lines = data.removeprefix(BOM_UTF8).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _write(edit: Edit, data: bytes, before: bytes, descriptor: int) -> bool:
    """Replace the file and keep the former one; return whether that was done.

    A program that writes without a lock, such as ssh, may have appended a line since the file was read.
    """

    def is_unchanged() -> bool:
        if os.fstat(descriptor).st_size != len(before):
            return False
        keep_copy(edit.path, edit.old, before, KEPT_MODE)
        return os.fstat(descriptor).st_size == len(before)

    try:
        return replace_file(edit.path, data, KEPT_MODE, if_still=is_unchanged)
    except OSError as error:
        raise _failed(f"cannot write {edit.path}", error) from None


def _failed(what: str, error: OSError | ValueError) -> KnownHostsError:
    return KnownHostsError(f"{what}: {getattr(error, 'strerror', None) or error}", phase=PHASE)
