"""A parsed private key file, which may be encrypted and may show its public key unencrypted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class KeyContainer:
    """A private key as it is in a file."""

    encrypted: bool
    public: PublicKey | None
    """Known without the passphrase if the format has it in the clear."""
    open: Callable[[bytes | None], PrivateKey] = field(repr=False)
    """(passphrase) -> the key.  Raises `WrongPassphrase`, `KeyFormatError`, `KeyFileError`.  Deriving a key from a
    passphrase takes a tenth of a second or more, with the interpreter's lock released."""
    file_format: str = "openssh"
    """A name in `saving.PRIVATE_FORMATS`."""
