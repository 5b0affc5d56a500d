"""Read key files: private keys with their passphrase, public keys, certificates.  For writing see `saving`."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, PassphraseNeeded, SSHError, WrongPassphrase
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.files.container import KeyContainer
from jupyter_ssh.ssh.keys.files.disk import open_for_reading
from jupyter_ssh.ssh.keys.files.public_text import parse_public_text

MAX_FILE = 1 << 20
"""Maximum bytes of a key file; also OpenSSH's limit."""
ATTEMPTS = 3
"""How often a passphrase is asked for."""
PHASE = "private key"

PassphraseCallback = Callable[[str], str | bytes | None]
"""(prompt) -> the passphrase; None or an empty one to give up."""
Passphrase = str | bytes | PassphraseCallback | None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A private key file that has been read but need not have been decrypted: `public` can be offered before that."""

    path: Path
    encrypted: bool
    public: PublicKey | None
    """From the file, or for encrypted PEM files from the ``.pub`` file beside it (the key of a certificate there); None
    if that is missing."""
    _container: KeyContainer = field(repr=False)

    @property
    def file_format(self) -> str:
        """A name in `saving.PRIVATE_FORMATS`."""
        return self._container.file_format

    @property
    def prompt(self) -> str:
        """The question for the passphrase."""
        return f"Enter passphrase for key '{self.path}': "

    def unlock(self, passphrase: str | bytes | None = None) -> PrivateKey:
        """Decrypt and return the private key.

        Takes a tenth of a second or more for an encrypted file, with the interpreter's lock released.  Raises
        `PassphraseNeeded`, `WrongPassphrase`, `KeyFileError`, `KeyFormatError`.
        """
        if self.encrypted and not passphrase:
            raise self._passphrase_needed()
        if isinstance(passphrase, str):
            passphrase = passphrase.encode("utf-8", "surrogateescape")
        try:
            return self._container.open(passphrase)
        except SSHError as caught:
            error = _of_file(caught, self.path)
        # Tracebacks in a notebook may show variables: keep neither the frames below nor this one's secret.
        del passphrase
        raise error

    def _passphrase_needed(self) -> PassphraseNeeded:
        return PassphraseNeeded(
            f"the key file {self.path} is encrypted",
            phase=PHASE,
            expected="a passphrase",
            next_step="Provide its passphrase, or add the key to an agent",
        )


def open_key_file(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> KeyFile:
    """Read a private key file in OpenSSH's, PEM or PuTTY's format without decrypting it.

    ``required_rsa_size`` is the minimum size of RSA keys in bits, 2048 by default.  Raises `KeyFileError`
    (unreadable, not a private key, readable by others) and `KeyFormatError` (malformed or weak).
    """
    place = Path(path)
    data, status = _read(place)
    try:
        container = parse_private_file(data, required_rsa_size)
    except KeyFileError as error:
        # It is not a private key that could be used, so it does not matter who else may read it.
        raise _of_file(error, place) from None
    except SSHError as error:
        _check_permissions(place, status)
        raise _of_file(error, place) from None
    _check_permissions(place, status)
    public = container.public or _public_beside(place, required_rsa_size)
    return KeyFile(place, container.encrypted, public, container)


def parse_key_file(data: bytes, name: str, required_rsa_size: int | None = None) -> KeyFile:
    """Parse the content of a private key file that was read from elsewhere, such as standard input.

    ``name`` stands for it in messages.  Raises `KeyFileError`, `KeyFormatError`.
    """
    place = Path(name)
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{name} is too long to be a key", phase=PHASE, expected=f"at most {MAX_FILE} bytes")
    try:
        container = parse_private_file(data, required_rsa_size)
    except SSHError as error:
        raise _of_file(error, place) from None
    return KeyFile(place, container.encrypted, container.public, container)


def load_private_key(
    path: str | os.PathLike[str], passphrase: Passphrase = None, required_rsa_size: int | None = None
) -> PrivateKey:
    """Read and decrypt the private key in a file.

    ``passphrase`` is the passphrase, or a callback that is asked for it at most three times.  Raises `PassphraseNeeded`
    if there is none, `WrongPassphrase`, and what `open_key_file` raises.
    """
    return unlock(open_key_file(path, required_rsa_size), passphrase)


def unlock(file: KeyFile, passphrase: Passphrase = None) -> PrivateKey:
    """Decrypt a key file; ``passphrase`` is as for `load_private_key`."""
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


def parse_private_key(
    data: bytes | str, passphrase: str | bytes | None = None, required_rsa_size: int | None = None
) -> PrivateKey:
    """Read and decrypt the private key in the text of a file.  Raises what `load_private_key` raises."""
    encoded = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    container = parse_private_file(encoded, required_rsa_size)
    return KeyFile(Path("in memory"), container.encrypted, container.public, container).unlock(passphrase)


def parse_private_file(data: bytes, required_rsa_size: int | None = None) -> KeyContainer:
    """Parse a private key file, recognizing its format by its first mark.  A UTF-8 byte order mark is ignored."""
    data = data.removeprefix(BOM_UTF8)
    if data.startswith(BOMS_UTF16):
        raise KeyFileError("the file is encoded as UTF-16", next_step="Save it as plain text")
    first = PRIVATE_BLOCK.search(data)
    if first is not None and first[0] == openssh_file.BEGIN:
        return openssh_file.parse(data[first.start() :], required_rsa_size)
    start = data.lstrip()
    if start.startswith(PUTTY_BEGIN):
        from jupyter_ssh.ssh.keys.files import putty_file

        return putty_file.parse(start, required_rsa_size)
    for pattern, what, next_step in FOREIGN_FORMATS:
        if pattern.match(start):
            raise KeyFileError(what, expected="a private key", next_step=next_step)
    from jupyter_ssh.ssh.keys.files import pem

    return pem.parse(data, required_rsa_size)


PRIVATE_BLOCK = re.compile(rb"-----BEGIN (?:[A-Z0-9 ]{1,50} )?PRIVATE KEY-----")
"""The first line of a key in OpenSSH's or a PEM format; the first such key in a file is the one that counts."""
PUTTY_BEGIN = b"PuTTY-User-Key-File-"
BOM_UTF8 = b"\xef\xbb\xbf"
BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")
NAME_PRIVATE = "Name the file with its private key"
FOREIGN_FORMATS = tuple(
    (re.compile(pattern), what, next_step)
    for pattern, what, next_step in (
        (rb"[a-z0-9-]+-cert-v01@openssh\.com[ \t]", "this is a certificate", NAME_PRIVATE),
        (rb"(ssh|ecdsa|sk)-", "this is a public key", NAME_PRIVATE),
        (rb"---- BEGIN SSH2 PUBLIC KEY", "this is a public key", NAME_PRIVATE),
        (rb"SSH PRIVATE KEY FILE FORMAT", "this is a key of SSH protocol 1", "Make a new key: ssh-keygen -t ed25519"),
        (rb"---- BEGIN SSH2 ENCRYPTED", "this is a key of ssh.com's format", "Convert it with: ssh-keygen -i -f FILE"),
    )
)
"""(how such a file begins, what it is, what to do)."""


def load_public_key(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Read key and comment from a ``.pub``, RFC 4716 or PEM file.  Raises `KeyFileError`, `KeyFormatError`."""
    key, comment = load_public_file(path, required_rsa_size)
    if isinstance(key, Certificate):
        raise KeyFormatError(f"{path}: this is a certificate", phase="public key", expected="a public key")
    return key, comment


def load_public_file(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Read a public key or a certificate, and its comment.  Raises `KeyFileError`, `KeyFormatError`."""
    place = Path(path)
    return _parse_public(_read(place)[0], place, required_rsa_size)


def load_public_half(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Return the public key of a public or private file that a person named, or its certificate, and the comment.

    It is taken, as by OpenSSH's programs, from the file if that is a public one, else from the ``.pub`` beside it, else
    from the private file, without its passphrase and then without a comment.  The file may be a pipe, such as from the
    shell's ``<(...)``, and is then waited for.  Raises `KeyFileError`, `KeyFormatError`.
    """
    place = Path(path)
    data = b""
    try:
        data = _read_to_the_end(place)
        return _parse_public(data, place, required_rsa_size)
    except SSHError as error:
        caught = error
    with contextlib.suppress(SSHError):
        return load_public_file(f"{place}.pub", required_rsa_size)
    if PRIVATE_BLOCK.search(data) is None and PUTTY_BEGIN not in data:
        raise caught
    try:
        public = parse_private_file(data, required_rsa_size).public
    except SSHError as error:
        raise _of_file(error, place) from None
    if public is None:
        raise KeyFileError(
            f"{place}: the public key is encrypted too",
            phase=PHASE,
            next_step=f"Name the public file, or write it to {place}.pub",
        )
    return public, ""


def load_certificate(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> tuple[Certificate, str]:
    """Read certificate and comment from a ``-cert.pub`` file.  Raises `KeyFileError`, `KeyFormatError`."""
    key, comment = load_public_file(path, required_rsa_size)
    if not isinstance(key, Certificate):
        raise KeyFormatError(f"{path}: this is a public key", phase="public key", expected="a certificate")
    return key, comment


def certificate_beside(path: str | os.PathLike[str], required_rsa_size: int | None = None) -> Certificate | None:
    """Read the certificate ``PATH-cert.pub`` of the private key ``PATH``; None if there is no such file.

    Raises `KeyFileError`, `KeyFormatError`.
    """
    place = Path(f"{str(path).removesuffix('.pub')}-cert.pub")
    if not os.path.lexists(place):
        return None
    return load_certificate(place, required_rsa_size)[0]


def _parse_public(data: bytes, place: Path, required_rsa_size: int | None) -> tuple[PublicKey, str]:
    data = data.removeprefix(BOM_UTF8)
    try:
        if data.startswith(BOMS_UTF16):
            raise KeyFileError("the file is encoded as UTF-16", next_step="Save it as plain text")
        return parse_public_text(data.decode("utf-8", "surrogateescape"), required_rsa_size)
    except SSHError as error:
        raise _of_file(error, place) from None


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        with open_for_reading(path) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is not a regular file", phase=PHASE)
            data = stream.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return _of_limited_size(data, path), status


def _read_to_the_end(path: Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return _of_limited_size(data, path)


def _unreadable(path: Path, error: OSError | ValueError) -> KeyFileError:
    if isinstance(error, OSError):
        return KeyFileError(f"cannot read {path}: {error.strerror}", phase=PHASE)
    return KeyFileError("not a file name", phase=PHASE, received=repr(str(path)[:200]))


def _of_limited_size(data: bytes, name: Path | str) -> bytes:
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{name} is too long to be a key", phase=PHASE, expected=f"at most {MAX_FILE} bytes")
    return data


def _check_permissions(path: Path, status: os.stat_result) -> None:
    """Check that only the owner can read the file; as in OpenSSH only if that is us, who can fix it."""
    if sys.platform == "win32":
        return
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        raise KeyFileError(
            f"the key file {path} is readable by others",
            phase=PHASE,
            expected="mode 0600",
            received=f"{stat.S_IMODE(status.st_mode):04o}",
            next_step=f"Fix it with: chmod 600 {shlex.quote(str(path))}",
        )


def _public_beside(path: Path, required_rsa_size: int | None) -> PublicKey | None:
    try:
        public, _ = load_public_file(f"{path}.pub", required_rsa_size)
    except SSHError:
        return None
    return public.key if isinstance(public, Certificate) else public


def _of_file(error: SSHError, path: Path) -> SSHError:
    """Return ``error`` with the file's name added, without its traceback and causes."""
    next_step = error.next_step and error.next_step.replace("FILE", shlex.quote(str(path)))
    return type(error)(
        f"{path}: {error.message}",
        phase=error.phase or PHASE,
        expected=error.expected,
        received=error.received,
        next_step=next_step,
    )
