"""Private keys in the PEM formats of OpenSSL: PKCS#8 (RFC 5958), and the older PKCS#1 (RSA), SEC 1 (EC) and DSA ones.

`cryptography` reads and writes them; this file adds the checks that it lacks.
"""

from __future__ import annotations

import binascii
import math
import re

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, WrongPassphrase
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.files.container import KeyContainer
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, find_row

PKCS8_LABELS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
OLD_LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")
PEM_LABELS = (*OLD_LABELS, *PKCS8_LABELS)
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----.*?-----END \1-----", re.DOTALL)
PARAMETERS = "EC PARAMETERS"
"""A redundant block that OpenSSL writes before an EC key."""
ENCRYPTION_MARKS = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
IV_SIZES = {b"AES-128-CBC": 16, b"AES-192-CBC": 16, b"AES-256-CBC": 16, b"DES-EDE3-CBC": 8}
"""Sizes in bytes by the cipher's name in the ``DEK-Info`` header of the older formats (RFC 1421 §4.6.1.3)."""
DEK_INFO = re.compile(rb"^DEK-Info: *([A-Za-z0-9-]+),((?:[0-9A-Fa-f]{2})+)\s*$", re.MULTILINE)
SCRYPT = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b"
"""1.3.6.1.4.1.11591.4.11 (RFC 7914 §7); PKCS#8's other key derivation is PBKDF2."""
MAX_ITERATIONS = 10_000_000
"""The most iterations of PBKDF2: some seconds."""
MAX_SCRYPT = 1 << 23
"""The most memory for scrypt, as N × r × p: a gibibyte."""
SEQUENCE, INTEGER = 0x30, 0x02
CONVERT = "Convert it with: ssh-keygen -p -f FILE"
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
        (_check_work if label in PKCS8_LABELS else _check_cipher)(block)
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
    """Return the label and text of the only block with a key."""
    found = [(match[1].decode("ascii"), match[0]) for match in BLOCK.finditer(data)]
    found = [block for block in found if block[0] != PARAMETERS]
    if len(found) > 1:
        raise KeyFormatError("there is more than one key in the file", expected="one", received=f"{len(found)}")
    if found and found[0][0] in PEM_LABELS:
        return found[0]
    started = re.search(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----", data)
    label = started[1].decode("ascii") if started else ""
    if label in PEM_LABELS:
        raise KeyFormatError("PEM private key is truncated", expected=f"a last line -----END {label}-----")
    for what, labels in OTHER_LABELS.items():
        if label in labels:
            raise KeyFileError(f"this is {what}", expected="a private key", next_step=NAME_ANOTHER)
    raise KeyFileError(
        "not a private key of a supported format",
        expected=f"OPENSSH PRIVATE KEY, {', '.join(PEM_LABELS)}",
        received=label or "none of these",
        next_step=CONVERT if label.endswith("PRIVATE KEY") else NAME_ANOTHER,
    )


def _check_cipher(block: bytes) -> None:
    """Raise `KeyFormatError` for a ``DEK-Info`` that would make `cryptography` fail."""
    header = DEK_INFO.search(block)
    if header is None or IV_SIZES.get(header[1].upper(), len(header[2]) // 2) != len(header[2]) // 2:
        raise KeyFormatError("malformed PEM private key: invalid DEK-Info", next_step=CONVERT)


def _check_work(block: bytes) -> None:
    """Raise `KeyFormatError` if a file's key derivation would take more than a few seconds or a gibibyte."""
    try:
        # EncryptedPrivateKeyInfo (RFC 5958 §3) begins with the algorithm and its parameters.
        (outer,) = _elements(binascii.a2b_base64(b"".join(block.split(b"\n")[1:-1])))
        algorithm = _elements(outer[1])[0][1]
        numbers = _integers(algorithm)
    except (binascii.Error, ValueError, IndexError):
        return  # the reader will reject malformed data
    limit = MAX_ITERATIONS
    if SCRYPT in algorithm:
        # N, r, p, and optionally the length of the key.
        numbers, limit = [math.prod(numbers[:3])], MAX_SCRYPT
    if max(numbers, default=0) > limit:
        raise KeyFormatError("the private key's passphrase takes too much work to derive a key from", next_step=CONVERT)


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and contents of DER elements (X.690 §8.1).  Raises `IndexError` if malformed."""
    found = []
    position = 0
    while position < len(der):
        tag, size = der[position], der[position + 1]
        position += 2
        if size & 0x80:
            digits = size & 0x7F
            size = int.from_bytes(der[position : position + digits], "big")
            position += digits
        found.append((tag, der[position : position + size]))
        position += size
    return found


def _integers(der: bytes, depth: int = 8) -> list[int]:
    """Return the integers in DER elements, including those in nested sequences."""
    found = []
    for tag, content in _elements(der):
        if tag == INTEGER:
            found.append(int.from_bytes(content, "big"))
        elif tag == SEQUENCE and depth:
            found += _integers(content, depth - 1)
    return found


def _load(data: bytes, passphrase: bytes | None, required_rsa_size: int | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if passphrase == b"":
        raise WrongPassphrase("wrong passphrase", phase="private key")
    try:
        loaded = load_pem_private_key(data, passphrase)
    except UnsupportedAlgorithm:
        raise KeyFileError("unsupported kind of private key", next_step=CONVERT) from None
    except (ValueError, TypeError):
        # A wrong passphrase cannot be distinguished from a damaged file here.
        if passphrase is not None:
            raise WrongPassphrase("wrong passphrase, or a damaged file", phase="private key") from None
        raise KeyFormatError("malformed PEM private key", next_step=CONVERT) from None
    except BaseException as error:
        # A panic in its Rust code, which is not even an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise KeyFormatError("malformed PEM private key", next_step=CONVERT) from None
    for name in KEY_TYPES:
        row = find_row(name, required_rsa_size)
        key = row.from_cryptography(row, loaded)
        if key is not None:
            return key
    raise KeyFormatError("private key of an unknown type", expected=" or ".join(KEY_TYPES))
