"""Write key files atomically; change the passphrase or the comment of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import CertifiedKey
from jupyter_ssh.ssh.keys.files import openssh_file
from jupyter_ssh.ssh.keys.files.disk import replace_file
from jupyter_ssh.ssh.keys.files.public_text import dump_pem, dump_rfc4716
from jupyter_ssh.ssh.keys.files.reading import Passphrase, open_key_file, unlock

PHASE = "saving a key"
Row = TypeVar("Row")
DumpPrivate = Callable[[PrivateKey, bytes | None, int | None, str | None], bytes]


def _openssh(key: PrivateKey, passphrase: bytes | None, rounds: int | None, cipher: str | None) -> bytes:
    return openssh_file.dump(
        key.key if isinstance(key, CertifiedKey) else key,
        passphrase,
        rounds=openssh_file.ROUNDS if rounds is None else rounds,
        cipher=openssh_file.DEFAULT_CIPHER if cipher is None else cipher,
    )


def _pem(pkcs8: bool) -> DumpPrivate:
    def dump(key: PrivateKey, passphrase: bytes | None, rounds: int | None, cipher: str | None) -> bytes:
        from jupyter_ssh.ssh.keys.files import pem

        return pem.dump(key, passphrase, pkcs8=pkcs8)

    return dump


def _ppk(version: int) -> DumpPrivate:
    def dump(key: PrivateKey, passphrase: bytes | None, rounds: int | None, cipher: str | None) -> bytes:
        from jupyter_ssh.ssh.keys.files import putty_file

        return putty_file.dump(key, passphrase, version=version)

    return dump


PRIVATE_FORMATS: dict[str, DumpPrivate] = {
    "openssh": _openssh,
    "pem": _pem(pkcs8=False),
    "pkcs8": _pem(pkcs8=True),
    "ppk3": _ppk(3),
    "ppk2": _ppk(2),
    "ppk1": _ppk(1),
}
"""(key, passphrase, rounds of bcrypt, cipher) -> text of a private key file; the last two only for OpenSSH's format."""

PUBLIC_FORMATS: dict[str, Callable[[PublicKey, str], str]] = {
    "openssh": lambda key, comment: key.line(comment) + "\n",
    "rfc4716": dump_rfc4716,
    "pkcs8": lambda key, comment: dump_pem(key),
    "pem": lambda key, comment: dump_pem(key, pkcs8=False),
}
"""(key, comment) -> text of a public key file; PEM has no comment."""

FORMATS_WITH_COMMENT = ("openssh", "ppk1", "ppk2", "ppk3")


def dump_private_key(
    key: PrivateKey,
    passphrase: str | bytes | None = None,
    *,
    file_format: str = "openssh",
    rounds: int | None = None,
    cipher: str | None = None,
) -> bytes:
    """Return the text of a private key file (secret).

    ``file_format`` is a name in `PRIVATE_FORMATS`.  ``rounds`` (of bcrypt) and ``cipher`` (a name in
    `FILE_CIPHERS`) apply to OpenSSH's format.  Raises `KeyFormatError` if the format cannot hold the key.
    """
    if isinstance(passphrase, str):
        passphrase = passphrase.encode("utf-8", "surrogateescape")
    return _row(PRIVATE_FORMATS, file_format)(key, passphrase, rounds, cipher)


def dump_public_key(key: PublicKey, comment: str = "", *, file_format: str = "openssh") -> str:
    """Return the text of a public key file; ``file_format`` is a name in `PUBLIC_FORMATS`.  Raises `KeyFormatError`."""
    return _row(PUBLIC_FORMATS, file_format)(key, without_line_breaks(comment))


def save_private_key(
    path: str | os.PathLike[str],
    key: PrivateKey,
    passphrase: str | bytes | None = None,
    *,
    overwrite: bool = False,
    file_format: str = "openssh",
    rounds: int | None = None,
    cipher: str | None = None,
) -> None:
    """Write ``key`` with mode 0600, and its ``.pub`` file beside it; each file is replaced atomically.

    An existing key is replaced only with ``overwrite``: it may be the only way into some machine.  The options are
    those of `dump_private_key`.  Raises `KeyFileError`, and `KeyFormatError` if the format cannot hold the key.
    """
    if not overwrite:
        _must_not_exist(Path(path))
    data = dump_private_key(key, passphrase, file_format=file_format, rounds=rounds, cipher=cipher)
    public = key.public.key if isinstance(key, CertifiedKey) else key.public
    write_file(path, data, 0o600)
    save_public_key(f"{os.fspath(path)}.pub", public, key.comment, overwrite=True)


def save_public_key(
    path: str | os.PathLike[str],
    key: PublicKey,
    comment: str = "",
    *,
    overwrite: bool = False,
    file_format: str = "openssh",
) -> None:
    """Write a public key or certificate with mode 0644.  Raises what `save_private_key` raises."""
    if not overwrite:
        _must_not_exist(Path(path))
    text = dump_public_key(key, comment, file_format=file_format)
    write_file(path, text.encode("utf-8", "surrogateescape"), 0o644)


def change_passphrase(
    path: str | os.PathLike[str],
    old: Passphrase = None,
    new: str | bytes | None = None,
    *,
    file_format: str | None = None,
    rounds: int | None = None,
    cipher: str | None = None,
    required_rsa_size: int | None = None,
) -> PrivateKey:
    """Rewrite a private key with the passphrase ``new``, or without one, by default in the same format.

    ``old`` is as for `load_private_key`, the other options as for `save_private_key`.  Raises what those raise; the
    file is then unchanged.
    """
    file = open_key_file(path, required_rsa_size)
    key = unlock(file, old)
    data = dump_private_key(key, new, file_format=file_format or file.file_format, rounds=rounds, cipher=cipher)
    write_file(path, data, 0o600)
    return key


def change_comment(
    path: str | os.PathLike[str],
    comment: str,
    passphrase: Passphrase = None,
    *,
    rounds: int | None = None,
    required_rsa_size: int | None = None,
) -> PrivateKey:
    """Rewrite a private key and its ``.pub`` file with another comment and the same passphrase.

    Raises what `change_passphrase` raises, and `KeyFileError` for PEM files, which have no comment.
    """
    file = open_key_file(path, required_rsa_size)
    if file.file_format not in FORMATS_WITH_COMMENT:
        raise KeyFileError(
            f"{path}: a PEM file has no comment",
            phase=PHASE,
            next_step="Convert it to OpenSSH's format first, by changing its passphrase",
        )
    # The passphrase is needed again for writing.
    secret: str | bytes | None = None if callable(passphrase) else passphrase

    def ask(prompt: str) -> str | bytes | None:
        nonlocal secret
        secret = passphrase(prompt) if callable(passphrase) else None
        return secret

    key = unlock(file, ask if callable(passphrase) else passphrase)
    key.comment = without_line_breaks(comment)
    data = dump_private_key(key, secret if file.encrypted else None, file_format=file.file_format, rounds=rounds)
    write_file(path, data, 0o600)
    public = key.public.key if isinstance(key, CertifiedKey) else key.public
    save_public_key(f"{os.fspath(path)}.pub", public, key.comment, overwrite=True)
    return key


def without_line_breaks(comment: str) -> str:
    """Return ``comment`` without line breaks, which would end it or begin another key."""
    return comment.replace("\r", " ").replace("\n", " ")


def write_file(path: str | os.PathLike[str], data: bytes, mode: int) -> None:
    """Call `disk.replace_file`, but raise `KeyFileError`."""
    try:
        replace_file(Path(path), data, mode)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeyFileError(f"cannot write {path}: {why}", phase=PHASE) from None


def _must_not_exist(path: Path) -> None:
    if os.path.lexists(path):
        raise KeyFileError(
            f"the file {path} already exists", phase=PHASE, next_step="Choose another name, or overwrite it"
        )


def _row(table: Mapping[str, Row], name: str) -> Row:
    row = table.get(name.lower())
    if row is None:
        raise KeyFormatError("unknown key file format", expected=" or ".join(table), received=repr(name[:64]))
    return row
