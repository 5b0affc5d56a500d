"""known_hosts: find a host (``-F``), remove it (``-R``), hash all names (``-H``)."""

from __future__ import annotations

from pathlib import Path

from jupyter_ssh.ssh.errors import KeyFormatError, KeygenError, KnownHostsError
from jupyter_ssh.ssh.keygen.fingerprints import fingerprint_of, randomart_of
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job
from jupyter_ssh.ssh.text import line_without_controls
from jupyter_ssh.ssh.trust import Entry, Marker, editing

MARKS = {Marker.NONE: "", Marker.CERT_AUTHORITY: "CA", Marker.REVOKED: "REVOKED"}
SHOWN_NAMES = 64
"""Maximum characters of a line's names in a message."""


def find(job: Job) -> None:
    """``keygen -F host``: print the lines of a host, with ``-l`` their fingerprints, with ``-H`` hashed."""
    host, path = job.arguments.text("F") or "", _file(job)
    try:
        found = editing.find(path, host)
    except KnownHostsError as error:
        raise KeygenError(error.message) from None
    for entry, line in found:
        if not job.arguments.quiet:
            job.console.out(f"# Host {host} found: line {entry.line} {MARKS[entry.marker]}")
        if job.arguments.has("H"):
            job.console.out("\n".join(_hashed(entry, line)))
        elif job.arguments.has("l"):
            job.console.out(_fingerprint(job, host, entry, line))
        else:
            job.console.out(line.rstrip("\r"))
    if not found:
        raise KeygenError.ended(f"{host} is not in {path}")


def remove(job: Job) -> None:
    """``keygen -R host``: remove the lines of a host; the previous file is kept as ``.old``."""
    host, path = job.arguments.text("R") or "", _file(job)
    try:
        edit = editing.remove(path, host)
    except KnownHostsError as error:
        raise KeygenError(error.message) from None
    if not job.arguments.quiet:
        for entry in edit.removed:
            job.console.out(f"# Host {host} found: line {entry.line}")
    _check_lines(job, edit)
    if not edit.changed:
        job.console.say(f"Host {host} not found in {path}")
        return
    _tell_changed(job, edit)


def hash_names(job: Job) -> None:
    """``keygen -H``: hash every name; the previous file is kept as ``.old``."""
    path = _file(job)
    try:
        edit = editing.hash_names(path)
    except KnownHostsError as error:
        raise KeygenError(error.message) from None
    _check_lines(job, edit)
    _tell_changed(job, edit)
    if edit.hashed:
        job.console.say(f"WARNING: {edit.old} contains unhashed entries")
        job.console.say("Delete this file to ensure privacy of hostnames")


def _file(job: Job) -> Path:
    given = job.arguments.text("f")
    return job.person.home / ".ssh" / "known_hosts" if given is None else job.person.path(given)


def _check_lines(job: Job, edit: editing.Edit) -> None:
    """Report lines that were left alone; raise `KeygenError` if therefore the whole file was."""
    messages = {line.line: f"{line.file}:{line.line}: invalid line" for line in edit.bad}
    for entry in edit.with_wildcards:
        messages[entry.line] = f"{entry.place}: ignoring host name with wildcard: {entry.hosts[:SHOWN_NAMES]}"
    for _, message in sorted(messages.items()):
        job.console.say(message)
    if edit.bad:
        job.console.say(f"{edit.path} is not a valid known_hosts file.")
        job.console.say("Not replacing existing known_hosts file because of errors")
        why = "; ".join(dict.fromkeys(line.why for line in edit.bad))
        raise KeygenError.ended(
            f"{edit.path} was not changed because it contains lines that are invalid in known_hosts ({why})",
            next_step="Comment these lines out with a #, or remove them",
        )


def _tell_changed(job: Job, edit: editing.Edit) -> None:
    job.console.out(f"{edit.path} updated.")
    job.console.out(f"Original contents retained as {edit.old}")


def _hashed(entry: Entry, line: str) -> list[str]:
    if entry.hashed or entry.has_wildcards or entry.marker is not Marker.NONE:
        return [line]
    raw = line.encode("utf-8", "surrogateescape")
    return [hashed.decode("utf-8", "surrogateescape") for hashed in editing.hashed_lines(entry, raw)]


def _fingerprint(job: Job, host: str, entry: Entry, line: str) -> str:
    words = line.split(None, 4 if entry.marker is not Marker.NONE else 3)
    comment = words[-1].rstrip("\r") if len(words) > (4 if entry.marker is not Marker.NONE else 3) else ""
    hash_name = job.arguments.fingerprint_hash
    try:
        key = entry.key(REQUIRED_RSA_SIZE)
    except KeyFormatError:
        return f"{host} {entry.nickname} {entry.fingerprint} (unknown or weak key)"
    after = f" {line_without_controls(comment)}" if comment else ""
    text = f"{host} {key.nickname} {fingerprint_of(key, hash_name)}{after}"
    return f"{text}\n{randomart_of(key, hash_name)}" if job.arguments.verbose else text
