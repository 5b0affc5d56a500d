"""Change a private key file: its passphrase or format (``-p``), or its comment (``-c``)."""

from __future__ import annotations

from pathlib import Path

from jupyter_ssh.ssh.errors import KeygenError, SSHError
from jupyter_ssh.ssh.keygen.generation import SAVED_FORMATS
from jupyter_ssh.ssh.keygen.job import Job
from jupyter_ssh.ssh.keys import KeyFile, PrivateKey
from jupyter_ssh.ssh.keys.files.saving import (
    FORMATS_WITH_COMMENT,
    dump_private_key,
    save_public_key,
    write_file,
)
from jupyter_ssh.ssh.text import line_without_controls

QUESTION = "Enter file in which the key is"


def passphrase(job: Job) -> None:
    """``keygen -p``: change the passphrase, or convert to the format of ``-m``."""
    path = job.existing_file(QUESTION)
    failure = "Failed to load key {path}"
    file = job.open_private(path, failure)
    key, _ = job.unlock(file, 'Enter old passphrase for "{path}": ', failure)
    if file.file_format in FORMATS_WITH_COMMENT:
        job.console.out(f"Key has comment '{line_without_controls(key.comment)}'")
    new = _new_passphrase(job)
    _save(job, path, key, new, _format(job, file))
    job.console.out("Your identification has been saved with the new passphrase.")


def comment(job: Job) -> None:
    """``keygen -c``: change the comment in the private and the public file."""
    path = job.existing_file(QUESTION)
    failure = 'Cannot load private key "{path}"'
    file = job.open_private(path, failure)
    key, secret = job.unlock(file, failure=failure)
    has_comment = file.file_format in FORMATS_WITH_COMMENT
    before = line_without_controls(key.comment)
    job.console.out(f"Old comment: {before}" if has_comment else "No existing comment")
    after = job.arguments.text("C")
    if after is None:
        after = job.console.ask("New comment: ")
        if after is None:
            raise KeygenError.ended("no comment was given", next_step="Give it with -C")
    after = line_without_controls(after)
    if has_comment and after == before:
        job.console.out("No change to comment")
        return
    key.comment = after
    # PEM has no comment, so the file is converted to OpenSSH's format, as by ssh-keygen.
    _save(job, path, key, secret, _format(job, file) if has_comment else "openssh")
    _save_public(path, key)
    job.console.out(f"Comment '{after}' applied" if after else "Comment removed")


def _format(job: Job, file: KeyFile) -> str:
    """Return the format to save in: that of ``-m``, else OpenSSH's; but a PuTTY file remains one."""
    asked = job.arguments.text("m")
    if asked is None and file.file_format.startswith("ppk"):
        return "ppk2" if file.file_format == "ppk1" else file.file_format
    return SAVED_FORMATS[asked]


def _new_passphrase(job: Job) -> str:
    given = job.arguments.text("N")
    if given is not None:
        return given
    first = job.console.secret("Enter new passphrase (empty for no passphrase): ")
    if first != job.console.secret("Enter same passphrase again: "):
        raise KeygenError.ended("Pass phrases do not match.  Try again.")
    return first


def _save(job: Job, path: Path, key: PrivateKey, secret: str, file_format: str) -> None:
    arguments = job.arguments
    try:
        data = dump_private_key(
            key, secret, file_format=file_format, rounds=arguments.number("a"), cipher=arguments.text("Z")
        )
        write_file(path, data, 0o600)
        return
    except SSHError as error:
        caught = KeygenError(f'Saving key "{path}" failed: {error.message}', next_step=error.next_step)
    caught.status = 1
    del secret
    raise caught


def _save_public(path: Path, key: PrivateKey) -> None:
    try:
        save_public_key(f"{path}.pub", key.public, key.comment, overwrite=True)
    except SSHError as error:
        raise KeygenError(f'Unable to save public key "{path}.pub": {error.message}') from None
