"""Generate keys: a user's key, or the missing host keys of a machine (``-A``)."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_ssh.ssh.errors import KeygenError, SSHError
from jupyter_ssh.ssh.keygen.console import ShownKey
from jupyter_ssh.ssh.keygen.fingerprints import fingerprint_of, randomart_of
from jupyter_ssh.ssh.keygen.job import DEFAULT_TYPE, Job
from jupyter_ssh.ssh.keys import KEY_TYPES, KeyType, PrivateKey, generate
from jupyter_ssh.ssh.keys.files.saving import save_private_key
from jupyter_ssh.ssh.keys.types.security_keys import SECURITY_KEYS

ATTEMPTS = 10
"""How often to ask for a passphrase whose repetition does not match."""
HOST_KEY_TYPES = ("rsa", "ecdsa", "ed25519")
"""The types for ``-A``, as since OpenSSH 10."""
SIZED = ("rsa", "ecdsa", "dsa")
"""Key types for which ``-b`` matters; ssh-keygen ignores it for the others."""
SAVED_FORMATS = {None: "openssh", "rfc4716": "openssh", "pem": "pem", "pkcs8": "pkcs8", "putty": "ppk3"}
"""The file format for each value of ``-m``; RFC 4716 has none for private keys."""


def new_key(job: Job) -> None:
    """``keygen [-t type] [-b bits] [-C comment] [-f file] [-N passphrase]``: generate a key."""
    arguments, console = job.arguments, job.console
    named = arguments.text("t") or DEFAULT_TYPE
    row = _check_type(named, arguments.number("b"))
    if arguments.options:
        raise KeygenError(f'Unsupported option "{arguments.options[0]}"', phase="options")
    if not arguments.quiet:
        console.progress(f"Generating public/private {named} key pair.")
    path = _target(job, row)
    replaced = confirm_overwriting(job, path)
    passphrase = new_passphrase(
        job, f'Enter passphrase for "{path}" (empty for no passphrase): ', "Enter same passphrase again: "
    )
    comment = arguments.text("C")
    key = _make(job, named.lower(), job.person.comment if comment is None else comment)
    save(job, path, key, passphrase, replaced=replaced)
    if not arguments.quiet:
        shown = ShownKey(key.public, key.comment, path, encrypted=bool(passphrase), new=True)
        console.key(shown, _report(job, path, key))


def host_keys(job: Job) -> None:
    """``keygen -A [-f prefix]``: generate each missing host key, without a passphrase."""
    folder = job.person.path(job.arguments.text("f") or "/")
    missing = []
    for keygen_name in HOST_KEY_TYPES:
        path = folder / "etc" / "ssh" / f"ssh_host_{keygen_name}_key"
        if not path.is_file() or not path.stat().st_size:
            missing.append((keygen_name, path))
    if not missing:
        return
    if not job.arguments.quiet:
        rows = [_rows(keygen_name)[0].nickname for keygen_name, _ in missing]
        job.console.out(f"jupyter-ssh: generating new host keys: {' '.join(rows)} ")
    comment = job.arguments.text("C")
    for keygen_name, path in missing:
        key = _make(job, keygen_name, job.person.comment if comment is None else comment)
        # An existing one is empty.
        save(job, path, key, "", "Could not save your private key in {path}", replaced=True)


def new_passphrase(job: Job, question: str, again: str) -> str:
    """Return the passphrase from ``-N`` or from the user, who has to type it twice; empty for none."""
    given = job.arguments.text("N")
    if given is not None:
        return given
    for _ in range(ATTEMPTS):
        first = job.console.secret(question)
        if first == job.console.secret(again):
            return first
        job.console.out("Passphrases do not match.  Try again.")
    raise KeygenError.ended(f"the passphrases did not match, {ATTEMPTS} times")


def confirm_overwriting(job: Job, path: Path) -> bool:
    """Return whether the file exists and may be overwritten.  Raises `KeygenError` if it must not be."""
    if not os.path.lexists(path):
        return False
    answer = job.console.ask(f"{path} already exists.\nOverwrite (y/n)? ")
    if answer is None or not answer.strip().lower().startswith("y"):
        raise KeygenError.ended(f"{path} was not overwritten", next_step="Name another file with -f")
    return True


def save(
    job: Job,
    path: Path,
    key: PrivateKey,
    passphrase: str,
    failure: str = 'Saving key "{path}" failed',
    *,
    replaced: bool,
) -> None:
    """Write the private key, as specified by ``-m``, ``-a`` and ``-Z``, and its ``.pub`` file.

    An existing file is overwritten only if ``replaced`` says so, as it may just have appeared.  Raises `KeygenError`.
    """
    arguments = job.arguments
    try:
        save_private_key(
            path,
            key,
            passphrase,
            overwrite=replaced,
            file_format=SAVED_FORMATS[arguments.text("m")],
            rounds=arguments.number("a"),
            cipher=arguments.text("Z"),
        )
        return
    except SSHError as error:
        why = error.message.removeprefix(f"cannot write {path}: ")
        caught = KeygenError(f"{failure.format(path=path)}: {why}", next_step=error.next_step)
    caught.status = 1
    del passphrase
    raise caught


def _check_type(named: str, bits: int | None) -> KeyType:
    """Return the row for the value of ``-t``.  Raises `KeygenError`."""
    rows = _rows(named)
    if not rows:
        known = dict.fromkeys(row.keygen_name for row in KEY_TYPES.values())
        raise KeygenError(f"unknown key type {named}", phase="options", expected=" or ".join(known))
    row = rows[0]
    if row in SECURITY_KEYS:
        row.generate(row, row.default_size)  # raises an error that says why not
    if bits is None or row.keygen_name not in SIZED or any(bits in row.sizes for row in rows):
        return row
    name = row.keygen_name.upper()
    sizes = [size for row in rows for size in ((row.sizes[0], row.sizes[-1]) if len(rows) == 1 else row.sizes)]
    if len(rows) > 1:
        *first, last = sizes
        raise KeygenError(f"Invalid {name} key length: valid lengths are {', '.join(map(str, first))} or {last} bits")
    limit = f"minimum is {sizes[0]}" if bits < sizes[0] else f"maximum is {sizes[1]}"
    raise KeygenError(f"Invalid {name} key length: {limit if sizes[0] != sizes[1] else f'must be {sizes[0]}'} bits")


def _rows(named: str) -> list[KeyType]:
    name = named.lower()
    return [row for row in KEY_TYPES.values() if name in (row.name, row.keygen_name)]


def _target(job: Job, row: KeyType) -> Path:
    """Return the path for the key; the folder ``~/.ssh`` is created if necessary."""
    given = job.arguments.text("f")
    if given is None and job.arguments.text("t") not in (None, row.keygen_name):
        job.arguments.given["t"] = row.keygen_name
    path = job.file("Enter file in which to save the key")
    home = job.person.home_folder
    if home is not None and path.parent == (folder := home / ".ssh") and not folder.exists():
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise KeygenError(f'Could not create directory "{folder}": {error.strerror}') from None
        if not job.arguments.quiet:
            job.console.out(f"Created directory '{folder}'.")
    return path


def _make(job: Job, named: str, comment: str) -> PrivateKey:
    row = _rows(named)[0]
    bits = job.arguments.number("b") if row.keygen_name in SIZED else None
    return job.console.work(lambda: generate(named, bits, comment))


def _report(job: Job, path: Path, key: PrivateKey) -> str:
    hash_name = job.arguments.fingerprint_hash
    return "\n".join(
        (
            f"Your identification has been saved in {path}",
            f"Your public key has been saved in {path}.pub",
            "The key fingerprint is:",
            f"{fingerprint_of(key.public, hash_name)} {key.comment}",
            "The key's randomart image is:",
            randomart_of(key.public, hash_name),
        )
    )
