"""One run of keygen: its options and its user, and what several operations have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jupyter_ssh.ssh.errors import KeyFileError, KeygenError, PassphraseNeeded, SSHError, WrongPassphrase
from jupyter_ssh.ssh.keygen.console import Console, Person
from jupyter_ssh.ssh.keygen.options import Arguments
from jupyter_ssh.ssh.keys import KeyFile, PrivateKey, PublicKey, open_key_file
from jupyter_ssh.ssh.keys.files.reading import load_public_half

REQUIRED_RSA_SIZE = 1024
"""Minimum bits of RSA keys: as in ssh-keygen, short keys can be shown and converted, but not generated."""
DEFAULT_TYPE = "ed25519"
MAX_TEXT = 1 << 26
"""Maximum bytes of a file that is read line by line."""


@dataclass(slots=True)
class Job:
    """The input of an operation."""

    arguments: Arguments
    console: Console
    person: Person
    now: float
    """Seconds since the epoch."""

    def file(self, question: str) -> Path:
        """Return the file of ``-f``, or ask for it.  Raises `KeygenError` without an answer."""
        given = self.arguments.text("f")
        if given is not None:
            return self.person.path(given)
        default = self.person.home / ".ssh" / identity_name(self.arguments.text("t") or DEFAULT_TYPE)
        answer = self.console.ask(f"{question} ({default}): ")
        if answer is None:
            raise KeygenError.ended("no file was named", next_step="Name it with -f")
        return self.person.path(answer) if answer.strip() else default

    def existing_file(self, question: str) -> Path:
        """Return `file`; raise `KeygenError` if it does not exist."""
        path = self.file(question)
        try:
            path.stat()
        except (OSError, ValueError) as error:
            raise KeygenError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
        return path

    def open_private(self, path: Path, failure: str = 'Load key "{path}"') -> KeyFile:
        """Read a private key file without decrypting it.  Raises `KeygenError`, which begins with ``failure``."""
        try:
            return open_key_file(path, REQUIRED_RSA_SIZE)
        except SSHError as error:
            raise load_error(error, path, failure) from None

    def unlock(
        self,
        file: KeyFile,
        question: str = 'Enter passphrase for "{path}": ',
        failure: str = 'Load key "{path}"',
    ) -> tuple[PrivateKey, str]:
        """Return the key in a file and the passphrase that decrypted it, which is from ``-P`` or was asked for.

        Raises `KeygenError`.
        """
        passphrase = ""
        if file.encrypted:
            given = self.arguments.text("P")
            passphrase = self.console.secret(question.format(path=file.path)) if given is None else given
        caught: SSHError
        try:
            return self.console.work(partial(file.unlock, passphrase)), passphrase
        except SSHError as error:
            caught = error
        # A notebook's verbose tracebacks show the variables of frames.
        del passphrase
        raise load_error(caught, file.path, failure)

    def agent_key(self, public: PublicKey, path: Path) -> PrivateKey | None:
        """Return the key in the user's agent; None if it is not there, or with ``-U`` raise `KeygenError`."""
        required = self.arguments.has("U")
        try:
            found = next((key for key in self.console.agent_keys() if key.public == public), None)
        except SSHError as error:
            if required:
                raise KeygenError(f"Couldn't get agent socket: {error.message}", next_step=error.next_step) from None
            return None
        if found is None and required:
            raise KeygenError(f"key {path} not found in agent", next_step="Add it with: jupyter-ssh add FILE")
        return found

    def load_private(self, path: Path, failure: str = 'Load key "{path}"') -> PrivateKey:
        """Read and decrypt a private key file; see `open_private` and `unlock`."""
        return self.unlock(self.open_private(path, failure), failure=failure)[0]


def load_public(path: Path, failure: str) -> tuple[PublicKey, str]:
    """Call `load_public_half`, but raise `KeygenError`, which begins with ``failure``."""
    try:
        return load_public_half(path, REQUIRED_RSA_SIZE)
    except SSHError as error:
        raise load_error(error, path, failure) from None


def load_error(error: SSHError, path: Path, failure: str) -> KeygenError:
    """Return ``error`` in the words of ssh-keygen."""
    if isinstance(error, (WrongPassphrase, PassphraseNeeded)):
        return KeygenError(f"{failure.format(path=path)}: incorrect passphrase supplied to decrypt private key")
    reason = error.message.removeprefix(f"{path}: ").removeprefix(f"cannot read {path}: ")
    return KeygenError(
        f"{failure.format(path=path)}: {reason}",
        expected=error.expected,
        received=error.received,
        next_step=error.next_step,
    )


def identity_name(keygen_name: str) -> str:
    """Return the usual name of a key file, such as ``id_ed25519``."""
    return f"id_{keygen_name.replace('-', '_')}"


def read_text(path: Path) -> str:
    """Read the text of a file of limited size.  Raises `KeyFileError`."""
    try:
        # It may be a pipe, such as from the shell's <(…).
        with open(path, "rb") as stream:
            data = stream.read(MAX_TEXT + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None
    if len(data) > MAX_TEXT:
        raise KeyFileError(f"{path} is too long", expected=f"at most {MAX_TEXT} bytes")
    return decode(data)


def read_input_text(console: Console) -> str:
    """Read the text on standard input.  Raises `KeyFileError`."""
    data = console.input().read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise KeyFileError("standard input is too long", expected=f"at most {MAX_TEXT} bytes")
    return decode(data)


def decode(data: bytes) -> str:
    """Decode UTF-8 without a byte order mark, preserving invalid bytes as surrogates."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
