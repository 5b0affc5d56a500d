"""Private keys in the PEM formats of OpenSSL: PKCS#8 (RFC 5958), and the older PKCS#1 (RSA), SEC 1 (EC) and DSA ones.

`cryptography` reads and writes them; this file adds the checks that it lacks.
"""

from __future__ import annotations

import re

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, WrongPassphrase
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.files.container import KeyContainer
from jupyter_ssh.ssh.keys.files.pem_encryption import CONVERT, check_dek_info, check_pkcs8, decrypt_by_hand
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, find_row

PKCS8_LABELS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
OLD_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")
PEM_LABELS = (*OLD_LABELS, *PKCS8_LABELS)
BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----")
ENCRYPTION_MARKS = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
DAMAGED = "It may be damaged. If `ssh-keygen -y -f FILE` can read it, convert it with: ssh-keygen -p -f FILE"
NAME_ANOTHER = "Name the file with the private key"
OTHER_LABELS = {
    "an X.509 certificate": ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"),
    "a request for an X.509 certificate": ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
    "a public key": ("PUBLIC KEY", "RSA PUBLIC KEY"),
}
"""What else PEM files contain, by what a person calls it."""


def parse(data: bytes, required_rsa_size: int | None = None) -> KeyContainer:
    """Parse the text of a PEM file.  Raises `KeyFormatError`, or `KeyFileError` for other kinds of PEM."""
    label, block = _find(data)
    file_format = "pkcs8" if label in PKCS8_LABELS else "pem"
    if any(mark in block for mark in ENCRYPTION_MARKS):
        (check_pkcs8 if label in PKCS8_LABELS else check_dek_info)(block)
        return KeyContainer(
            True, None, lambda passphrase: _load(block, passphrase or b"", required_rsa_size), file_format
        )
    key = _load(block, None, required_rsa_size)
    return KeyContainer(False, key.public, lambda passphrase: key, file_format)


def dump(key: PrivateKey, passphrase: bytes | None = None, *, pkcs8: bool = False) -> bytes:
    """Return the text of a PKCS#8 or older PEM file with ``key``, encrypted under ``passphrase`` unless that is empty.

    The key derivation is weak; OpenSSH's own format is safer.  Raises `KeyFormatError` for key types without such a
    format.
    """
    from cryptography.hazmat.primitives import serialization as s

    encryption = s.BestAvailableEncryption(passphrase) if passphrase else s.NoEncryption()
    kind = s.PrivateFormat.PKCS8 if pkcs8 else s.PrivateFormat.TraditionalOpenSSL
    try:
        return key.to_cryptography().private_bytes(s.Encoding.PEM, kind, encryption)  # type: ignore[attr-defined, no-any-return]
    except ValueError:
        # Not chained: its text may quote what it was given.
        pass
    raise KeyFormatError(
        f"a {key.public.key_type} key has no {'PKCS#8' if pkcs8 else 'PEM'} format"
        + (", or its passphrase is too long for it" if passphrase else ""),
        next_step="Save it in OpenSSH's format",
    )


def _find(data: bytes) -> tuple[str, bytes]:
    """Return the label and text of the first block with a private key.

    Others may be around it: certificates, parameters of the key, another key, and text such as "Bag Attributes".
    """
    labels = [(match.start(), match[1].decode("ascii")) for match in BEGIN.finditer(data)]
    for start, label in labels:
        if label in PEM_LABELS:
            last = f"-----END {label}-----"
            end = data.find(last.encode("ascii"), start)
            if end < 0:
                raise KeyFormatError("PEM private key is truncated", expected=f"a last line {last}")
            return label, data[start : end + len(last)]
    label = labels[0][1] if labels else ""
    for what, names in OTHER_LABELS.items():
        if label in names:
            raise KeyFileError(f"this is {what}", expected="a private key", next_step=NAME_ANOTHER)
    raise KeyFileError(
        "not a private key of a supported format",
        expected=f"OPENSSH PRIVATE KEY, {', '.join(PEM_LABELS)}",
        received=label or "none of these",
        next_step=CONVERT if label.endswith("PRIVATE KEY") else NAME_ANOTHER,
    )


def _load(data: bytes, passphrase: bytes | None, required_rsa_size: int | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    if passphrase == b"":
        raise WrongPassphrase("wrong passphrase", phase="private key")
    der = None if passphrase is None else decrypt_by_hand(data, passphrase)
    try:
        loaded = load_pem_private_key(data, passphrase) if der is None else load_der_private_key(der, None)
    except UnsupportedAlgorithm:
        raise KeyFileError("unsupported kind of private key", next_step=CONVERT) from None
    except (ValueError, TypeError):
        # A wrong passphrase cannot be distinguished from a damaged file here.
        if passphrase is not None:
            raise WrongPassphrase("wrong passphrase, or a damaged file", phase="private key") from None
        raise KeyFormatError("malformed PEM private key", next_step=DAMAGED) from None
    except BaseException as error:
        # A panic in its Rust code, which is not even an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise KeyFormatError("malformed PEM private key", next_step=DAMAGED) from None
    for name in KEY_TYPES:
        row = find_row(name, required_rsa_size)
        key = row.from_cryptography(row, loaded)
        if key is not None:
            return key
    raise KeyFormatError("private key of an unknown type", expected=" or ".join(KEY_TYPES))
