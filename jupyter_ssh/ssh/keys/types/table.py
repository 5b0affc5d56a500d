"""The table of key types, the signature algorithms that follow from it, and parsing keys of any type."""

from __future__ import annotations

import binascii

from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.errors import KeyFormatError, WireError
from jupyter_ssh.ssh.keys.base import KeyType, PrivateKey, PublicKey, SignatureAlgorithm
from jupyter_ssh.ssh.keys.types.dsa import DSA
from jupyter_ssh.ssh.keys.types.ecdsa import ECDSA
from jupyter_ssh.ssh.keys.types.ed448 import ED448
from jupyter_ssh.ssh.keys.types.ed25519 import ED25519
from jupyter_ssh.ssh.keys.types.mldsa44_ed25519 import MLDSA44_ED25519
from jupyter_ssh.ssh.keys.types.rsa import RSA, allowing
from jupyter_ssh.ssh.keys.types.security_keys import SECURITY_KEYS
from jupyter_ssh.ssh.wire.types import Reader

KEY_TYPES: dict[str, KeyType] = {
    row.name: row for row in (ED25519, *ECDSA, *SECURITY_KEYS, RSA, ED448, MLDSA44_ED25519, DSA)
}
"""Every key type by its name inside the blob, in order of preference.  For certificates see `keys.certificates`."""

SIGNATURE_ALGORITHMS: dict[str, SignatureAlgorithm] = {
    algorithm.name: algorithm for row in KEY_TYPES.values() for algorithm in row.signatures
}
"""Every name for ``server_host_key_algorithms`` and publickey authentication, in OpenSSH's default order."""

HOST_KEY_ALGORITHMS: tuple[str, ...] = names(SIGNATURE_ALGORITHMS)
"""The names proposed by default, best first."""

MAX_BLOB = 65536
"""Maximum size of a blob in bytes: the longest RSA key takes 2 KiB, and post-quantum ones about as much."""


def parse_public_key(blob: bytes, required_rsa_size: int | None = None) -> PublicKey:
    """Parse the key in ``blob`` (RFC 4253 §6.6).

    ``required_rsa_size`` is the minimum size of RSA keys in bits, 2048 by default, here as in all functions that read
    keys.  Raises `KeyFormatError`, also for a type that is not in `KEY_TYPES`.
    """
    if len(blob) > MAX_BLOB:
        raise KeyFormatError("public key too long", expected=f"at most {MAX_BLOB} bytes", received=f"{len(blob)} bytes")
    fields = Reader(blob)
    try:
        row = find_row(fields.text(64), required_rsa_size)
        key = row.parse_public(row, blob, fields)
        fields.finish()
    except WireError as error:
        raise _malformed("public key", error) from error
    if key.blob != blob:
        raise KeyFormatError(f"the {row.name} public key is not in its canonical encoding")
    return key


def parse_public_line(line: str, required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Parse a line ``type base64 comment`` of a ``.pub`` file into key and comment.  Raises `KeyFormatError`."""
    words = line.split(None, 2)
    if len(words) < 2:
        raise KeyFormatError("not a public key line", expected="'type base64 comment'")
    name, base64, comment = words[0], words[1], words[2] if len(words) > 2 else ""
    key = parse_public_key(decode_base64(base64), required_rsa_size)
    if key.key_type != name:
        raise KeyFormatError(
            "the public key is not of the type that precedes it", expected=repr(name[:64]), received=key.key_type
        )
    return key, comment.strip()


def parse_private_fields(fields: Reader, required_rsa_size: int | None = None) -> PrivateKey:
    """Parse the key at the start of ``fields``: PROTOCOL.key's private section after the check numbers.

    The comment is left in ``fields``.  Raises `KeyFormatError`.
    """
    try:
        row = find_row(fields.text(64), required_rsa_size)
        return row.parse_private(row, fields)
    except WireError as error:
        # Without the cause, which may contain a part of the key.
        raise _malformed("private key", error) from None


def decode_base64(text: bytes | str) -> bytes:
    """Decode ``text``, which must be nothing but base64.  Raises `KeyFormatError`."""
    try:
        data = text.encode("ascii") if isinstance(text, str) else text
        decoded = binascii.a2b_base64(data)
        # From Python 3.11 on, `strict_mode` does this.
        if binascii.b2a_base64(decoded, newline=False) == data:
            return decoded
    except (binascii.Error, UnicodeEncodeError):
        pass
    raise KeyFormatError("the key is not valid base64")


def find_row(name: str, required_rsa_size: int | None = None) -> KeyType:
    """Return the row of a key type.  Raises `KeyFormatError` for an unknown one."""
    row = KEY_TYPES.get(name)
    if row is None:
        raise KeyFormatError("unknown key type", expected=" or ".join(KEY_TYPES), received=repr(name))
    if row is RSA and required_rsa_size is not None:
        return allowing(row, required_rsa_size)
    return row


def _malformed(what: str, error: WireError) -> KeyFormatError:
    return KeyFormatError(f"malformed {what}: {error.message}", expected=error.expected)
