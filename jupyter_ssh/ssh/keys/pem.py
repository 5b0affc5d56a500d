"""Private keys in the PEM formats of OpenSSL: PKCS#8, and the older "RSA" and "EC" ones.  Read only."""

from __future__ import annotations

import re

from ..errors import KeyFileError, KeyFormatError, WrongPassphrase
from .base import PrivateKey
from .container import KeyContainer
from .key_types import KEY_TYPES

PEM_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
ENCRYPTION_MARKS = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
CONVERT = "Convert it with: ssh-keygen -p -f FILE"


def parse(data: bytes) -> KeyContainer:
    """The container in the text of a PEM file.  Raises `KeyFormatError`, or `KeyFileError` for other kinds of PEM."""
    match = re.search(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----", data)
    label = match[1].decode("ascii") if match else ""
    if label not in PEM_LABELS:
        raise KeyFileError(
            "not a private key that is known here",
            expected=f"OPENSSH PRIVATE KEY, {', '.join(PEM_LABELS)}",
            received=label or "no such thing",
            next_step=CONVERT,
        )
    if any(mark in data for mark in ENCRYPTION_MARKS):
        return KeyContainer(True, None, lambda passphrase: _load(data, passphrase or b""))
    key = _load(data, None)
    return KeyContainer(False, key.public, lambda passphrase: key)


def _load(data: bytes, passphrase: bytes | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if passphrase == b"":
        raise WrongPassphrase("wrong passphrase", phase="private key")
    try:
        loaded = load_pem_private_key(data, passphrase)
    except UnsupportedAlgorithm:
        raise KeyFileError("private key of a kind that is not supported", next_step=CONVERT) from None
    except (ValueError, TypeError):
        # A wrong passphrase cannot be told from a damaged file here.
        if passphrase is not None:
            raise WrongPassphrase("wrong passphrase, or a damaged file", phase="private key") from None
        raise KeyFormatError("malformed PEM private key", next_step=CONVERT) from None
    for row in KEY_TYPES.values():
        key = row.from_cryptography(row, loaded)
        if key is not None:
            return key
    raise KeyFormatError("private key of an unknown type", expected=" or ".join(KEY_TYPES))
