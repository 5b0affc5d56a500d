"""The files of RevokedHostKeys and RevokedKeys: a public key on each line, or a key revocation list."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jupyter_ssh.ssh.errors import KeyFileError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.files.disk import open_for_reading
from jupyter_ssh.ssh.keys.files.public_text import parse_key_or_certificate_line
from jupyter_ssh.ssh.keys.krl import MAX_SIZE, is_krl, parse_krl


class RevokedKeys(Protocol):
    """Revoked keys, in either form."""

    def why(self, key: PublicKey) -> str | None:
        """Return which part of a key or certificate is revoked, as a noun phrase, or None."""


@dataclass(slots=True)
class RevokedKeyLines:
    """Individual keys."""

    keys: set[PublicKey] = field(default_factory=set)

    def why(self, key: PublicKey) -> str | None:
        """See `RevokedKeys`."""
        if key in self.keys:
            return "the key"
        if isinstance(key, Certificate):
            if key.key in self.keys:
                return "the key in its certificate"
            if key.authority in self.keys:
                return "the authority of its certificate"
        return None


def parse_revoked_keys(data: bytes, required_rsa_size: int | None = 1024) -> RevokedKeys:
    """Parse a file of either form.

    Raises `KeyFormatError`: a file that cannot be parsed must not be taken for one that revokes nothing.
    """
    if is_krl(data):
        return parse_krl(data)
    keys = set()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                keys.add(parse_key_or_certificate_line(line, required_rsa_size)[0])
            except SSHError as error:
                error.message = f"line {number}: {error.message}"
                raise
    return RevokedKeyLines(keys)


def read_revoked_keys(path: Path) -> RevokedKeys:
    """Read the file ``path``.  Raises `KeyFileError`, also if it is missing: OpenSSH then treats all keys as
    revoked."""
    try:
        with open_for_reading(path) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ValueError("it is not a regular file")
            data = stream.read(MAX_SIZE + 1)
            if len(data) > MAX_SIZE:
                raise ValueError(f"it is longer than {MAX_SIZE >> 20} MiB")
        return parse_revoked_keys(data)
    except SSHError as error:
        raise KeyFileError(f"{path}: {error.message}", expected=error.expected, received=error.received) from None
    except (OSError, ValueError) as error:
        raise KeyFileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
