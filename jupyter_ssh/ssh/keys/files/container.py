"""What a private key file is once its bytes were read: perhaps encrypted, perhaps with the public key in the open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class KeyContainer:
    """A private key as it lies in a file."""

    encrypted: bool
    public: PublicKey | None
    """Known before any passphrase is, where the format says it."""
    open: Callable[[bytes | None], PrivateKey] = field(repr=False)
    """(passphrase) -> the key.  Raises `WrongPassphrase`, `KeyFormatError`, `KeyFileError`.  Takes a tenth of a second
    and more where a passphrase is stretched, outside the interpreter's lock."""
    file_format: str = "openssh"
    """A name of `saving.PRIVATE_FORMATS`."""
