"""Convert keys to and from the formats of other programs (``-e``, ``-i``)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from jupyter_ssh.ssh.errors import KeyFormatError, KeygenError, SSHError
from jupyter_ssh.ssh.keygen.console import ShownKey
from jupyter_ssh.ssh.keygen.job import REQUIRED_RSA_SIZE, Job, load_error, read_text
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey, parse_private_key
from jupyter_ssh.ssh.keys.files.public_text import parse_public_text
from jupyter_ssh.ssh.keys.files.reading import load_public_half, parse_private_file
from jupyter_ssh.ssh.keys.files.saving import dump_private_key, dump_public_key, without_line_breaks

QUESTION = "Enter file in which the key is"
DEFAULT = "rfc4716"
MAX_COMMENT = 60
"""Maximum characters of a comment, as in ssh-keygen: its header must fit into a line of 72 (RFC 4716 §3.3)."""
MARKS = {
    "rfc4716": ("---- BEGIN SSH2 ",),
    "pkcs8": ("-----BEGIN PUBLIC KEY", "-----BEGIN PRIVATE KEY", "-----BEGIN ENCRYPTED PRIVATE KEY"),
    "pem": ("-----BEGIN ",),
    "putty": ("PuTTY-User-Key-File-", "---- BEGIN SSH2 "),
}
"""How files in the formats of ``-m`` begin; PuTTY's public format is that of RFC 4716."""


def export_key(job: Job) -> None:
    """``keygen -e``: print the public key of a public or private key file in another format."""
    path = job.existing_file(QUESTION)
    key = _public(job, path)
    comment = f"{key.size}-bit {key.nickname}, converted by {job.person.comment} from OpenSSH"
    name = job.arguments.text("m") or DEFAULT
    if name == "putty":
        name = DEFAULT
    try:
        if name == "pem" and key.row.keygen_name != "rsa":
            name = "pkcs8"  # as ssh-keygen does: these types have no older format
        text = dump_public_key(key, comment[:MAX_COMMENT], file_format=name)
    except SSHError as error:
        raise KeygenError(
            f"unsupported key type {key.nickname}: {error.message}",
            next_step="Use -m RFC4716, which has all types",
        ) from None
    job.console.out(text.rstrip("\n"))


def import_key(job: Job) -> None:
    """``keygen -i``: print a key in another format in OpenSSH's.

    A private key remains encrypted, with the same passphrase, if it was.
    """
    path = job.existing_file(QUESTION)
    name = job.arguments.text("m") or DEFAULT
    try:
        text = read_text(path)
    except SSHError as error:
        raise KeygenError(error.message) from None
    start = next((line for line in text.splitlines() if line.strip()), "").lstrip()
    if not start.startswith(MARKS[name]) or "BEGIN OPENSSH" in start:
        raise KeygenError(f"{path} is not a key in the format of -m {name}", received=repr(start[:40]))
    if "PRIVATE KEY" in start or start.startswith(MARKS["putty"][0]):
        _import_private(job, path, text)
        return
    try:
        key, comment = parse_public_text(text, REQUIRED_RSA_SIZE)
    except SSHError as error:
        raise KeygenError(
            f"{path}: {error.message}", expected=error.expected, received=error.received, next_step=error.next_step
        ) from None
    job.console.key(ShownKey(key, comment or None), key.line())


def _import_private(job: Job, path: Path, text: str) -> None:
    key, passphrase = _private(job, path, text)
    if job.console.hides_private_keys:
        job.console.say(
            "The private key is not shown because it would be saved with the notebook."
            f" To convert the file itself to OpenSSH's format: %ssh_keygen -p -m RFC4716 -f {path}"
        )
        job.console.key(ShownKey(key.public, key.comment, path), key.public.line(without_line_breaks(key.comment)))
        return
    try:
        data = dump_private_key(key, passphrase, rounds=job.arguments.number("a"), cipher=job.arguments.text("Z"))
    except KeyFormatError as error:
        raise KeygenError(f"{path}: {error.message}") from None
    job.console.out(data.decode("ascii").rstrip("\n"))


def _private(job: Job, path: Path, text: str) -> tuple[PrivateKey, str]:
    data = text.encode("utf-8", "surrogateescape")
    passphrase = ""
    caught: SSHError
    try:
        if parse_private_file(data, REQUIRED_RSA_SIZE).encrypted:
            given = job.arguments.text("P")
            passphrase = job.console.secret(f'Enter passphrase for "{path}": ') if given is None else given
        return job.console.work(partial(parse_private_key, data, passphrase, REQUIRED_RSA_SIZE)), passphrase
    except SSHError as error:
        caught = error
    del passphrase
    raise load_error(caught, path, 'Load key "{path}"')


def _public(job: Job, path: Path) -> PublicKey:
    """Read the public key from a public or private file, or the ``.pub`` beside it.  Raises `KeygenError`."""
    with suppress(SSHError):
        return load_public_half(path, REQUIRED_RSA_SIZE)[0]
    # Of an encrypted PEM file only the private key tells it.
    return job.load_private(path).public
