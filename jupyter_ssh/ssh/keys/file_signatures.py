"""Signatures of files, as made and checked by ``ssh-keygen -Y`` (OpenSSH's PROTOCOL.sshsig)."""

from __future__ import annotations

import binascii
import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError, WireError
from jupyter_ssh.ssh.keys.allowed_signers import AllowedSigner, AllowedSigners
from jupyter_ssh.ssh.keys.base import TRUSTED_GRADES, PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import parse_key_or_certificate
from jupyter_ssh.ssh.keys.revoked_keys import RevokedKeys
from jupyter_ssh.ssh.keys.types.table import decode_base64
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
MAGIC = b"SSHSIG"
VERSION = 1
HASHES = ("sha512", "sha256")
"""Best first."""
LINE_LENGTH = 70
MAX_TEXT = 1 << 20
"""Maximum characters of a signature file; a thousandth of that is usual."""
CHUNK = 1 << 20
PHASE = "file signature"


@dataclass(frozen=True, slots=True)
class FileSignature:
    """The content of a signature file, not verified."""

    key: PublicKey
    """The key of the claimed signer; may be a `Certificate`."""
    namespace: str
    """The kind of thing signed, such as ``file`` or ``git``: a signature is valid in one namespace only."""
    reserved: bytes
    hash_name: str
    signature: bytes
    """The blob string(algorithm) string(value)."""


def sign_file(
    key: PrivateKey,
    message: bytes | BinaryIO,
    namespace: str,
    *,
    hash_name: str = HASHES[0],
    algorithm: str | None = None,
) -> str:
    """Sign ``message``, which is read to its end if it is a stream, and return the text of the signature file.

    Raises `SignatureError` for an empty namespace, an unknown hash and a legacy algorithm.
    """
    _check_namespace(namespace)
    if hash_name not in HASHES:
        raise SignatureError("unknown hash", phase=PHASE, expected=" or ".join(HASHES), received=repr(hash_name[:64]))
    trusted = _algorithms(key.public)
    if algorithm is None and trusted:
        algorithm = trusted[0]
    if algorithm not in trusted:
        raise SignatureError(
            f"{algorithm or key.public.key_type} is too weak to sign files with",
            phase=PHASE,
            expected=" or ".join(trusted),
        )
    data = _signed_data(namespace, b"", hash_name, _digest(message, hash_name))
    body = b"".join(
        (
            MAGIC,
            uint32(VERSION),
            string(key.public.blob),
            string(namespace),
            string(b""),
            string(hash_name),
            string(key.sign(data, algorithm)),
        )
    )
    base64 = binascii.b2a_base64(body, newline=False).decode("ascii")
    lines = [base64[start : start + LINE_LENGTH] for start in range(0, len(base64), LINE_LENGTH)]
    return "\n".join((BEGIN, *lines, END, ""))


def parse_signature(text: str, required_rsa_size: int | None = None) -> FileSignature:
    """Parse the text of a signature file.  Raises `SignatureError`, and `KeyFormatError` for its key."""
    if len(text) > MAX_TEXT:
        raise SignatureError("too long for a signature", phase=PHASE, expected=f"at most {MAX_TEXT} characters")
    inside, end, after = text.strip().partition(END)
    if not inside.startswith(BEGIN) or not end or after:
        raise SignatureError("not a signature file", phase=PHASE, expected=f"lines from {BEGIN} to {END}")
    try:
        fields = Reader(decode_base64("".join(inside[len(BEGIN) :].split())))
    except KeyFormatError:
        raise SignatureError("the signature is not valid base64", phase=PHASE) from None
    try:
        if fields.raw(len(MAGIC)) != MAGIC:
            raise SignatureError("not a signature file", phase=PHASE, expected="one that begins with SSHSIG")
        version = fields.uint32()
        if version != VERSION:
            raise SignatureError(
                "signature of an unknown version", phase=PHASE, expected=f"{VERSION}", received=f"{version}"
            )
        blob, namespace, reserved, hash_name = fields.string(), fields.text(), fields.string(), fields.text(64)
        signature = fields.string()
        fields.finish()
    except WireError as error:
        raise SignatureError(f"malformed signature: {error.message}", phase=PHASE) from None
    _check_namespace(namespace)
    if hash_name not in HASHES:
        raise SignatureError(
            "signature over an unknown hash", phase=PHASE, expected=" or ".join(HASHES), received=repr(hash_name)
        )
    return FileSignature(parse_key_or_certificate(blob, required_rsa_size), namespace, reserved, hash_name, signature)


def check_novalidate(
    signature: FileSignature, message: bytes | BinaryIO, namespace: str, *, touch_required: bool = False
) -> str:
    """Check ``signature`` over ``message`` with the key it names, whoever that belongs to; return the algorithm.

    As in OpenSSH, a security key need not have been touched unless ``touch_required``.  Raises `SignatureError`.
    """
    if signature.namespace != namespace:
        raise SignatureError(
            "the signature is for another namespace",
            phase=PHASE,
            expected=f"the namespace {namespace[:100]!r}",
            received=repr(signature.namespace[:100]),
        )
    data = _signed_data(
        signature.namespace, signature.reserved, signature.hash_name, _digest(message, signature.hash_name)
    )
    return signature.key.verify(
        signature.signature, data, _algorithms(signature.key), no_touch_required=not touch_required
    )


def verify_file(
    signature: FileSignature,
    message: bytes | BinaryIO,
    *,
    signers: AllowedSigners,
    identity: str,
    namespace: str,
    now: float,
    revoked: RevokedKeys | None = None,
    touch_required: bool = False,
) -> AllowedSigner:
    """Check that ``signature`` over ``message`` was made by somebody who may sign as ``identity``, such as an address.

    ``now`` is the time at which the signer's key must be valid, in seconds since the epoch.  Returns the line of the
    allowed_signers file that allows it.  Raises `SignatureError`.
    """
    check_novalidate(signature, message, namespace, touch_required=touch_required)
    check_not_revoked(signature.key, revoked)
    return signers.check(identity, signature.key, namespace, now)


def find_principals(
    signature: FileSignature, *, signers: AllowedSigners, now: float, revoked: RevokedKeys | None = None
) -> list[str]:
    """Return the principals, as written in allowed_signers, who may have made ``signature``, which is not verified.

    Raises `SignatureError` if there are none.
    """
    check_not_revoked(signature.key, revoked)
    principals = signers.find_principals(signature.key, now)
    if not principals:
        raise SignatureError(
            "the key does not belong to an allowed signer", phase=PHASE, received=signature.key.fingerprint
        )
    return principals


def check_not_revoked(key: PublicKey, revoked: RevokedKeys | None) -> None:
    """Raise `SignatureError` for a revoked key, and for a certificate of one or signed by one."""
    why = None if revoked is None else revoked.why(key)
    if why is not None:
        raise SignatureError(f"{why} was revoked", phase=PHASE, received=key.fingerprint)


def _algorithms(key: PublicKey) -> list[str]:
    """Return the algorithms that may sign files: none with SHA-1."""
    return [row.name for row in key.row.signatures if row.grade in TRUSTED_GRADES]


def _check_namespace(namespace: str) -> None:
    if not namespace:
        raise SignatureError("the namespace of a file signature is empty", phase=PHASE, expected="one such as 'file'")


def _signed_data(namespace: str, reserved: bytes, hash_name: str, digest: bytes) -> bytes:
    return MAGIC + string(namespace) + string(reserved) + string(hash_name) + string(digest)


def _digest(message: bytes | BinaryIO, hash_name: str) -> bytes:
    if isinstance(message, bytes):
        return hashlib.new(hash_name, message).digest()
    digest = hashlib.new(hash_name)
    while chunk := message.read(CHUNK):
        digest.update(chunk)
    return digest.digest()
