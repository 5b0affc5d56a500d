"""Show keys: fingerprints (``-l``, ``-B``), the public key (``-y``), DNS records (``-r``)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_ssh.ssh.errors import KeygenError, SSHError
from jupyter_ssh.ssh.keygen.console import ShownKey
from jupyter_ssh.ssh.keygen.fingerprints import bubblebabble, fingerprint_of, plain_blob, randomart_of
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job, load_public, read_input_text, read_text
from jupyter_ssh.ssh.keys import Certificate, PublicKey, load_public_key
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line, parse_public_text
from jupyter_ssh.ssh.keys.files.reading import parse_private_file
from jupyter_ssh.ssh.keys.files.saving import FORMATS_WITH_COMMENT
from jupyter_ssh.ssh.text import line_without_controls
from jupyter_ssh.ssh.trust import sshfp

QUESTION = "Enter file in which the key is"
STDIN = "-"
Found = tuple[PublicKey, str | None]
"""A key and its comment."""
HOST_KEY_FILES = tuple(f"/etc/ssh/ssh_host_{name}_key.pub" for name in ("rsa", "dsa", "ecdsa", "ed25519"))


def fingerprints(job: Job) -> None:
    """``keygen -l`` and ``-B``: print the fingerprint of each key in a file of any kind."""
    if job.arguments.text("f") == STDIN:
        path, found = None, list(_keys_in(read_input_text(job.console)))
    else:
        path = job.existing_file(QUESTION)
        found = list(_keys_of_file(path))
    if not found:
        raise KeygenError(f"{path or '(stdin)'} is not a public key file.")
    for key, comment in found:
        shown = ShownKey(key, comment, path)
        job.console.key(shown, _fingerprint_text(job, shown))


def public_key(job: Job) -> None:
    """``keygen -y``: print the public key of a private key."""
    path = job.existing_file(QUESTION)
    file = job.open_private(path)
    key, _ = job.unlock(file)
    line = key.public.line(line_without_controls(key.comment))
    job.console.key(ShownKey(key.public, key.comment, path, encrypted=file.encrypted), line)


def dns_records(job: Job) -> None:
    """``keygen -r host``: print SSHFP records (RFC 4255) for a key, or for this machine's host keys."""
    host = job.arguments.text("r") or ""
    hashes = _hashes(job.arguments.options)
    given = job.arguments.text("f")
    paths = (
        [Path(name) for name in HOST_KEY_FILES if Path(name).exists()] if given is None else [job.person.path(given)]
    )
    if not paths:
        raise KeygenError("no keys found.", next_step="Name a public key with -f")
    for path in paths:
        key, _ = load_public(path, 'Failed to read v2 public key from "{path}"')
        if isinstance(key, Certificate):
            raise KeygenError(f"{path}: there is no record for a certificate", expected="a public key")
        for record in _records(host, key, hashes, generic=job.arguments.has("g")):
            job.console.out(record)


def _fingerprint_text(job: Job, shown: ShownKey) -> str:
    key = shown.public
    hash_name = job.arguments.fingerprint_hash
    words = (
        bubblebabble(hashlib.sha1(plain_blob(key), usedforsecurity=False).digest())
        if job.arguments.has("B")
        else fingerprint_of(key, hash_name)
    )
    comment = "no comment" if shown.comment is None else line_without_controls(shown.comment)
    text = f"{key.size} {words} {comment} ({key.nickname})"
    return f"{text}\n{randomart_of(key, hash_name)}" if job.arguments.verbose else text


def _keys_of_file(path: Path) -> Iterator[Found]:
    try:
        text = read_text(path)
    except SSHError as error:
        raise KeygenError(error.message) from None
    start = text.lstrip()
    if "PRIVATE KEY" in start.partition("\n")[0] or start.startswith("PuTTY-User-Key-File-"):
        yield _key_of_private_file(path, text)
    elif start.startswith(("---- BEGIN SSH2 ", "-----BEGIN ")):
        try:
            key, comment = parse_public_text(text, REQUIRED_RSA_SIZE)
        except SSHError:
            return
        yield key, comment or None
    else:
        yield from _keys_in(text)


def _key_of_private_file(path: Path, text: str) -> Found:
    """Return the public key without asking for a passphrase, from the ``.pub`` beside the file or from the file."""
    beside = Path(f"{path}.pub")
    try:
        public, comment = load_public_key(beside, REQUIRED_RSA_SIZE)
        return public, comment or str(beside)
    except SSHError:
        pass
    try:
        container = parse_private_file(text.encode("utf-8", "surrogateescape"), REQUIRED_RSA_SIZE)
        if container.public is None:
            raise KeygenError(f"{path} is not a key file.", next_step="It is encrypted: name its .pub file")
        if container.encrypted or container.file_format not in FORMATS_WITH_COMMENT:
            return container.public, None
        return container.public, container.open(None).comment
    except KeygenError:
        raise
    except SSHError as error:
        raise KeygenError(f"{path} is not a key file.", received=error.message) from None


def _keys_in(text: str) -> Iterator[Found]:
    """Yield the keys of a file with lines: public keys, certificates, authorized_keys, known_hosts, allowed_signers."""
    for line in text.split("\n"):
        line = line.strip("\r").lstrip(" \t")
        if line and not line.startswith("#"):
            found = _key_of_line(line)
            if found is None:
                first, rest = _first_word(line)
                found = _key_of_line(rest)
                if found is not None and found[1] is None:
                    found = found[0], first
            if found is not None:
                yield found


def _key_of_line(line: str) -> Found | None:
    words = line.split(None, 2)
    if len(words) < 2:
        return None
    try:
        key, _ = parse_key_or_certificate_line(" ".join(words[:2]), REQUIRED_RSA_SIZE)
    except SSHError:
        return None
    return key, words[2] if len(words) > 2 and not words[2].startswith("#") else None


def _first_word(line: str) -> tuple[str, str]:
    """Split off the first word, host names or options with their quotes, from what follows."""
    quoted = escaped = False
    for index, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = line[index + 1 : index + 2] == '"'
        elif character == '"':
            quoted = not quoted
        elif character in " \t" and not quoted:
            return line[:index], line[index + 1 :]
    return line, ""


def _hashes(options: Sequence[str]) -> Sequence[str]:
    """Return the hashes of the records: those of ``-O hashalg=``, the last one counting, or all."""
    hashes: Sequence[str] = tuple(sshfp.HASHES)
    for option in options:
        name, _, value = option.partition("=")
        if name.lower() != "hashalg":
            raise KeygenError(f'Invalid option "{option}"', phase="options", expected="hashalg=…")
        if value.lower() not in sshfp.HASHES:
            raise KeygenError(
                "Unsupported hash algorithm",
                phase="options",
                expected=" or ".join(sshfp.HASHES),
                received=repr(value[:64]),
            )
        hashes = (value.lower(),)
    return hashes


def _records(host: str, key: PublicKey, hashes: Sequence[str], *, generic: bool) -> list[str]:
    algorithm = sshfp.ALGORITHMS.get(key.row.keygen_name)
    if algorithm is None:
        raise KeygenError(f"there is no SSHFP record for keys of type {key.nickname}")
    records = []
    for name in hashes:
        number = sshfp.HASHES[name]
        digest = hashlib.new(name, plain_blob(key), usedforsecurity=False).digest()
        if generic:
            records.append(
                f"{host} IN TYPE{sshfp.RECORD_TYPE} \\# {len(digest) + 2} {algorithm:02x} {number:02x} {digest.hex()}"
            )
        else:
            records.append(f"{host} IN SSHFP {algorithm} {number} {digest.hex()}")
    return records
