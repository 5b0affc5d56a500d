"""Private key files on disk: reading them with their passphrase, and saving them with their ``.pub`` beside."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import KeyFileError, KeyFormatError, PassphraseNeeded, SSHError, WrongPassphrase
from . import openssh_file, pem
from .base import PrivateKey, PublicKey
from .container import KeyContainer
from .disk import open_for_reading, replace_file
from .key_types import parse_public_line

MAX_FILE = 1 << 20
"""Bytes of a key file; OpenSSH's limit too."""
ATTEMPTS = 3
"""How often a wrong passphrase is asked for again."""
PHASE = "private key"

PassphraseCallback = Callable[[str], str | bytes | None]
"""(prompt) -> the passphrase, or None or nothing to give up."""
Passphrase = str | bytes | PassphraseCallback | None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A private key file that was read but perhaps not decrypted: `public` can be offered before that is done."""

    path: Path
    encrypted: bool
    public: PublicKey | None
    """From the file, or for encrypted PEM files from the ``.pub`` beside it; None where that is missing."""
    _container: KeyContainer = field(repr=False)

    @property
    def prompt(self) -> str:
        """The question for the passphrase."""
        return f"Enter passphrase for key '{self.path}': "

    def unlock(self, passphrase: str | bytes | None = None) -> PrivateKey:
        """The private key.  Raises `PassphraseNeeded`, `WrongPassphrase`, `KeyFileError`, `KeyFormatError`.

        Takes a tenth of a second and more for an encrypted file (outside the interpreter's lock).
        """
        if self.encrypted and not passphrase:
            raise self._passphrase_needed()
        if isinstance(passphrase, str):
            passphrase = passphrase.encode("utf-8", "surrogateescape")
        try:
            return self._container.open(passphrase)
        except SSHError as caught:
            error = _of_file(caught, self.path)
        # Tracebacks in a notebook may show the variables of their frames: none of those below, nor this one's secret.
        del passphrase
        raise error

    def _passphrase_needed(self) -> PassphraseNeeded:
        return PassphraseNeeded(
            f"the key file {self.path} is encrypted",
            phase=PHASE,
            expected="a passphrase",
            next_step="Give its passphrase, or add the key to an agent",
        )


def open_key_file(path: str | os.PathLike[str]) -> KeyFile:
    """Reads a private key file without decrypting it.

    Raises `KeyFileError` (unreadable, not a private key, readable by others) and `KeyFormatError` (malformed or weak).
    """
    place = Path(path)
    data = _read(place)
    try:
        container = parse_private_file(data)
    except SSHError as error:
        raise _of_file(error, place) from None
    return KeyFile(place, container.encrypted, container.public or _public_beside(place), container)


def load_private_key(path: str | os.PathLike[str], passphrase: Passphrase = None) -> PrivateKey:
    """The private key in a file.

    ``passphrase`` is the passphrase or a callback that is asked for it, at most three times.  Raises `PassphraseNeeded`
    when there is none, `WrongPassphrase`, and what `open_key_file` raises.
    """
    file = open_key_file(path)
    if not callable(passphrase):
        return file.unlock(passphrase)
    for _ in range(ATTEMPTS if file.encrypted else 0):
        try:
            return file.unlock(passphrase(file.prompt))
        except WrongPassphrase as error:
            wrong = error
    if file.encrypted:
        raise wrong
    return file.unlock()


def parse_private_key(data: bytes | str, passphrase: str | bytes | None = None) -> PrivateKey:
    """The private key in the text of a file.  Raises as `load_private_key` does."""
    container = parse_private_file(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
    return KeyFile(Path("in memory"), container.encrypted, container.public, container).unlock(passphrase)


def parse_private_file(data: bytes) -> KeyContainer:
    """Chooses the format by the text's first mark."""
    if openssh_file.BEGIN in data:
        return openssh_file.parse(data)
    start = data.lstrip()[:64]
    for mark, what, next_step in FOREIGN_FORMATS:
        if start.startswith(mark):
            raise KeyFileError(what, expected="a private key of OpenSSH", next_step=next_step)
    return pem.parse(data)


FOREIGN_FORMATS = (
    (b"ssh-", "this is a public key", "Name the file without .pub"),
    (b"ecdsa-", "this is a public key", "Name the file without .pub"),
    (b"PuTTY-User-Key-File", "this is a PuTTY key", "Convert it with: puttygen FILE -O private-openssh-new -o NEW-KEY"),
    (b"SSH PRIVATE KEY FILE FORMAT", "this is a key of SSH protocol 1", "Make a new key with: ssh-keygen -t ed25519"),
    (b"---- BEGIN SSH2 ENCRYPTED", "this is a key of ssh.com's format", "Convert it with: ssh-keygen -i -f FILE"),
)
"""(how such a file begins, what it is, what to do)."""


def load_public_key(path: str | os.PathLike[str]) -> tuple[PublicKey, str]:
    """Key and comment of a ``.pub`` file.  Raises `KeyFileError`, `KeyFormatError`."""
    place = Path(path)
    for line in _read(place, secret=False).decode("utf-8", "surrogateescape").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                return parse_public_line(line)
            except KeyFormatError as error:
                raise _of_file(error, place) from None
    raise KeyFileError(f"no public key in {place}", phase="public key")


def save_private_key(
    path: str | os.PathLike[str],
    key: PrivateKey,
    passphrase: str | bytes | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Writes ``key`` in OpenSSH's format with mode 0600, and its ``.pub`` beside it; each file replaced as a whole.

    An existing key is only replaced with ``overwrite``: it may be the only way into some machine.
    Raises `KeyFileError`.
    """
    place = Path(path)
    public_place = Path(f"{place}.pub")
    if not overwrite and os.path.lexists(place):
        raise KeyFileError(
            f"the file {place} exists already", phase="saving a key", next_step="Choose another name, or overwrite it"
        )
    if isinstance(passphrase, str):
        passphrase = passphrase.encode("utf-8", "surrogateescape")
    data = openssh_file.dump(key, passphrase)
    line = f"{key.public.line(key.comment)}\n".encode("utf-8", "surrogateescape")
    try:
        replace_file(place, data, 0o600)
        replace_file(public_place, line, 0o644)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeyFileError(f"cannot write {place}: {why}", phase="saving a key") from None


def _read(path: Path, secret: bool = True) -> bytes:
    try:
        with open_for_reading(path) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is not a regular file", phase=PHASE)
            if secret:
                _check_permissions(path, status)
            data = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}", phase=PHASE) from None
    except ValueError:
        raise KeyFileError("not a file name", phase=PHASE, received=repr(str(path)[:200])) from None
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{path} is too long to be a key", phase=PHASE, expected=f"at most {MAX_FILE} bytes")
    return data


def _check_permissions(path: Path, status: os.stat_result) -> None:
    """As OpenSSH: only where we own the file, since otherwise we could not put it right."""
    if sys.platform == "win32":
        return
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        raise KeyFileError(
            f"the key file {path} may be read by others",
            phase=PHASE,
            expected="mode 0600",
            received=f"{stat.S_IMODE(status.st_mode):04o}",
            next_step=f"Close it with: chmod 600 {shlex.quote(str(path))}",
        )


def _public_beside(path: Path) -> PublicKey | None:
    try:
        return load_public_key(f"{path}.pub")[0]
    except SSHError:
        return None


def _of_file(error: SSHError, path: Path) -> SSHError:
    """``error`` with the file's name in it, and without the traceback and causes it came with."""
    next_step = error.next_step and error.next_step.replace("FILE", shlex.quote(str(path)))
    return type(error)(
        f"{path}: {error.message}",
        phase=error.phase or PHASE,
        expected=error.expected,
        received=error.received,
        next_step=next_step,
    )
