"""Key revocation lists: generate or extend one (``-k``, ``-k -u``), query or show one (``-Q``, ``-Q -l``)."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from jupyter_ssh.ssh.errors import KeygenError, SSHError
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job, load_public, read_input_text, read_text
from jupyter_ssh.ssh.keys import PublicKey, fingerprint
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.files.locking import locked
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line
from jupyter_ssh.ssh.keys.files.saving import write_file
from jupyter_ssh.ssh.keys.krl import Krl, Serials
from jupyter_ssh.ssh.keys.revoked_keys import read_revoked_keys
from jupyter_ssh.ssh.keys.types.table import parse_public_key
from jupyter_ssh.ssh.text import line_without_controls

STDIN = "-"
ANY_AUTHORITY = "none"
FILE_MODE = 0o644
SHA256 = "SHA256:"
_KEYS = {"key": "keys", "sha1": "sha1", "sha256": "sha256"}
"""The words before a key in a specification, with the field of `Krl` they stand for."""


def make(job: Job) -> None:
    """``keygen -k``: generate a list from specifications; with ``-u`` extend the existing one."""
    path = _file(job, "KRL generation requires an output file")
    authority = _authority(job)
    if not job.arguments.has("u"):
        _make(job, path, authority, Krl())
        return
    try:
        # Otherwise what another process adds at the same time would be lost.
        with locked(path, lambda: os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0))) as (_, is_ours):
            if not is_ours:
                raise TimeoutError("another program keeps it locked")
            _make(job, path, authority, _load(path))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeygenError(f"Unable to load KRL: {path}: {why}") from None


def _make(job: Job, path: Path, authority: tuple[bytes | None] | None, krl: Krl) -> None:
    version, _ = job.arguments.serial
    krl.version = version or krl.version
    krl.comment = job.arguments.text("C") or krl.comment
    krl.generated = int(job.now)
    for name in job.arguments.operands:
        source = "(standard input)" if name == STDIN else name
        text = read_input_text(job.console) if name == STDIN else _read(job.person.path(name))
        if not job.arguments.quiet:
            job.console.out(f"Revoking from {source}")
        for number, line in _lines(text):
            _revoke(krl, line, authority, f"{source}:{number}")
    try:
        write_file(path, krl.encode(), FILE_MODE)
    except SSHError as error:
        raise KeygenError(error.message) from None


def ask(job: Job) -> None:
    """``keygen -Q``: print whether keys are in a list; the status is 1 if any of them is."""
    path = _file(job, "KRL checking requires an input file")
    krl = _load(path)
    if job.arguments.has("l"):
        job.console.out("\n".join(_shown(krl)))
    revoked = False
    for name in job.arguments.operands:
        key, comment = load_public(job.person.path(name), "Cannot load public key {path}")
        bad = krl.why(key) is not None
        revoked = revoked or bad
        job.console.out(f"{name} ({line_without_controls(comment) or name}): {'REVOKED' if bad else 'ok'}")
    if revoked:
        raise KeygenError.ended("a key is revoked")


def _file(job: Job, missing: str) -> Path:
    name = job.arguments.text("f")
    if not name:
        raise KeygenError(missing, next_step="Name it with -f")
    return job.person.path(name)


def _load(path: Path) -> Krl:
    try:
        krl = read_revoked_keys(path)
    except SSHError as error:
        raise KeygenError(f"Unable to load KRL: {error.message}", received=error.received) from None
    if not isinstance(krl, Krl):
        raise KeygenError(f"{path} is not a KRL file", expected="a file made with -k")
    return krl


def _authority(job: Job) -> tuple[bytes | None] | None:
    """Return the authority of certificates given by serial number or key ID; (None,) for any, None if not specified."""
    name = job.arguments.text("s")
    if name is None:
        return None
    if name.lower() == ANY_AUTHORITY:
        return (None,)
    key, _ = load_public(job.person.path(name), "Cannot load CA public key {path}")
    return (key.blob,)


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except SSHError as error:
        raise KeygenError(f"fopen {error.message}") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip(" \t\r")
        if line:
            yield number, line


def _revoke(krl: Krl, line: str, authority: tuple[bytes | None] | None, where: str) -> None:
    """Process a line of a specification (ssh-keygen(1), KEY REVOCATION LISTS)."""
    word, colon, value = line.partition(":")
    word, value = (word.lower(), value.strip(" \t")) if colon else ("", line)
    if word in ("serial", "id"):
        if authority is None:
            by = "serial number" if word == "serial" else "key ID"
            raise KeygenError(
                f"revoking certificates by {by} requires specification of a CA key",
                next_step="Name its public key with -s",
            )
        group = krl.of(authority[0])
        if word == "serial":
            group.serials.add(*_serials(value, where))
        else:
            group.key_ids.add(value)
    elif word == "hash":
        krl.sha256.add(_digest(value, where))
    else:
        _revoke_key(krl, word if word in _KEYS else "", value if word in _KEYS else line, where)


def _revoke_key(krl: Krl, word: str, text: str, where: str) -> None:
    try:
        key, _ = parse_key_or_certificate_line(text, REQUIRED_RSA_SIZE)
    except SSHError as error:
        raise KeygenError(f"{where}: invalid key: {error.message}") from None
    if not word:
        krl.revoke(key)
        return
    blob = key.key.blob if isinstance(key, Certificate) else key.blob
    digests = {"keys": blob, "sha1": hashlib.sha1(blob, usedforsecurity=False).digest()}
    digests["sha256"] = hashlib.sha256(blob).digest()
    getattr(krl, _KEYS[word]).add(digests[_KEYS[word]])


def _serials(text: str, where: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    try:
        first = _number(low)
        last = _number(high) if dash else first
    except ValueError:
        raise KeygenError(f'{where}: invalid serial "{text}"') from None
    if last < first or (dash and last == first):
        raise KeygenError(f"{where}: invalid serial range {first}:{last}")
    return first, last


def _number(text: str) -> int:
    """Parse a number like strtoull(3): 0x for hexadecimal, 0 for octal."""
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,23}", text):
        raise ValueError
    octal = text.startswith("0") and text.isdigit()
    number = int(text, 8 if octal else 0)
    if number >= 1 << 64:
        raise ValueError
    return number


def _digest(text: str, where: str) -> bytes:
    try:
        if not text.startswith(SHA256):
            raise ValueError
        digest = binascii.a2b_base64(text.removeprefix(SHA256) + "=")
        if len(digest) != hashlib.sha256().digest_size:
            raise ValueError
    except ValueError:
        raise KeygenError(f'{where}: invalid hash "{text[:100]}"', expected="SHA256:…, as -l shows it") from None
    return digest


# --- showing ----------------------------------------------------------------------------------------------------------


def _shown(krl: Krl) -> Iterator[str]:
    yield f"# KRL version {krl.version}"
    yield f"# Generated at {datetime.fromtimestamp(krl.generated).strftime('%Y%m%dT%H%M%S')}"
    if krl.comment:
        yield f"# Comment: {line_without_controls(krl.comment)}"
    yield ""
    for blob in sorted(krl.keys, key=_by_size):
        yield f"hash: {fingerprint.sha256(blob)} # {_type_of(blob)}"
    for digest in sorted(krl.sha256):
        # In base64, unlike ssh-keygen, so that the line is valid in a specification.
        yield f"hash: {SHA256}{_base64(digest)}"
    for digest in sorted(krl.sha1):
        # Specifications have no word for it.
        yield f"# hash SHA1:{digest.hex()}"
    for authority, revoked in krl.certificates.items():
        yield ""
        if authority is None:
            yield "# Wildcard CA"
        else:
            yield f"# CA key {_type_of(authority)} {fingerprint.sha256(authority)}"
        yield from _serial_lines(revoked.serials)
        for key_id in sorted(revoked.key_ids):
            yield f"id: {line_without_controls(key_id)}"


def _serial_lines(serials: Serials) -> Iterator[str]:
    for low, high in serials.ranges():
        yield f"serial: {low}" if low == high else f"serial: {low}-{high}"


def _by_size(blob: bytes) -> tuple[int, bytes]:
    return len(blob), blob


def _type_of(blob: bytes) -> str:
    try:
        key: PublicKey = parse_public_key(blob, REQUIRED_RSA_SIZE)
    except SSHError:
        return "unknown key"
    return key.key_type


def _base64(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).decode("ascii").rstrip("=")
