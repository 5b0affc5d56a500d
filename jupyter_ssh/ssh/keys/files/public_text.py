"""Public keys as text: OpenSSH's line, RFC 4716, and the PEM formats of OpenSSL (``ssh-keygen -e`` and ``-i``)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import is_certificate, parse_certificate
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, decode_base64, find_row, parse_public_key, parse_public_line

RFC4716_BEGIN = "---- BEGIN SSH2 PUBLIC KEY ----"
RFC4716_END = "---- END SSH2 PUBLIC KEY ----"
LINE_LENGTH = 70
"""Line length of ssh-keygen's base64; RFC 4716 §3.2 allows 72."""
MAX_COMMENT = 1024
"""Maximum bytes of a header's value (RFC 4716 §3.3)."""
PEM_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY")


def parse_public_text(text: str, required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Parse the text of a file in any of the formats into key and comment; the key may be a certificate.

    Raises `KeyFormatError`, or `KeyFileError` if there is no key in it.
    """
    for mark, parse in _FORMATS:
        if mark in text:
            return parse(text, required_rsa_size)
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return parse_key_or_certificate_line(line, required_rsa_size)
    raise KeyFileError("no public key", phase="public key")


def parse_key_or_certificate_line(line: str, required_rsa_size: int | None = None) -> tuple[PublicKey, str]:
    """Parse a line like `parse_public_line` does, but accept a certificate too."""
    words = line.split(None, 2)
    if len(words) > 1 and words[0].endswith("-cert-v01@openssh.com"):
        certificate = parse_certificate(decode_base64(words[1]), required_rsa_size)
        if certificate.key_type != words[0]:
            raise KeyFormatError(
                "the certificate is not of the type that precedes it",
                expected=repr(words[0][:64]),
                received=certificate.key_type,
            )
        return certificate, words[2].strip() if len(words) > 2 else ""
    return parse_public_line(line, required_rsa_size)


def dump_rfc4716(key: PublicKey, comment: str = "") -> str:
    """Return the key in the format of RFC 4716; ``comment`` is written as UTF-8, as others do, instead of US-ASCII."""
    text = _shorten("".join(" " if character in "\r\n" else character for character in comment))
    return _armour(RFC4716_BEGIN, [*_fold(f'Comment: "{text}"')] if text else [], key.blob, RFC4716_END)


def dump_pem(key: PublicKey, *, pkcs8: bool = True) -> str:
    """Return ``BEGIN PUBLIC KEY`` (RFC 5280), or with ``pkcs8`` false ``BEGIN RSA PUBLIC KEY`` (RFC 8017).

    Raises `KeyFormatError` for key types without such a format.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kind = PublicFormat.SubjectPublicKeyInfo if pkcs8 else PublicFormat.PKCS1
    try:
        data: bytes = key.to_cryptography().public_bytes(Encoding.PEM, kind)  # type: ignore[attr-defined]
    except ValueError:
        raise KeyFormatError(
            f"a {key.key_type} key has no {'PKCS#8' if pkcs8 else 'PKCS#1'} format", expected="ssh-rsa"
        ) from None
    return data.decode("ascii")


def _parse_rfc4716(text: str, required_rsa_size: int | None) -> tuple[PublicKey, str]:
    if text.count(RFC4716_BEGIN) > 1:
        raise KeyFormatError("there is more than one public key in the file", expected="one")
    inside, end, _ = text.partition(RFC4716_BEGIN)[2].partition(RFC4716_END)
    if not end:
        raise KeyFormatError("RFC 4716 public key is truncated", expected=f"a last line {RFC4716_END}")
    # §3.3: a line that ends in a backslash continues on the next.
    lines = re.sub(r"\\[ \t]*(\r\n|\n|\r)", "", inside).splitlines()
    comment = ""
    body = []
    for line in filter(str.strip, lines):
        name, colon, value = line.partition(":")
        if not colon:
            body += line.split()
        elif body:
            raise KeyFormatError("RFC 4716 public key with a header after its data")
        elif name.strip().lower() == "comment":
            comment = value.strip()
            if len(comment) >= 2 and comment[0] == comment[-1] == '"':
                comment = comment[1:-1]
    blob = decode_base64("".join(body))
    if is_certificate(blob):
        return parse_certificate(blob, required_rsa_size), comment
    return parse_public_key(blob, required_rsa_size), comment


def _parse_pem(text: str, required_rsa_size: int | None) -> tuple[PublicKey, str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    blocks = re.findall(r"-----BEGIN ([A-Z0-9 ]{1,60})-----", text)
    if len(blocks) != 1 or blocks[0] not in PEM_LABELS:
        raise KeyFileError(
            "not a public key of a supported format",
            phase="public key",
            expected=f"one block {' or '.join(PEM_LABELS)}",
            received=", ".join(blocks[:3]) or "none",
        )
    try:
        loaded = load_pem_public_key(text.encode("utf-8", "surrogateescape"))
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFormatError("malformed PEM public key") from None
    for name in KEY_TYPES:
        row = find_row(name, required_rsa_size)
        key = row.public_from_cryptography(row, loaded)
        if key is not None:
            return key, ""
    raise KeyFormatError("public key of an unknown type", expected=" or ".join(KEY_TYPES))


_FORMATS: tuple[tuple[str, Callable[[str, int | None], tuple[PublicKey, str]]], ...] = (
    ("---- BEGIN SSH2 ", _parse_rfc4716),
    ("-----BEGIN ", _parse_pem),
)
"""(a mark of the format, its parser)."""


def _armour(begin: str, headers: list[str], blob: bytes, end: str) -> str:
    base64 = binascii.b2a_base64(blob, newline=False).decode("ascii")
    lines = [base64[start : start + LINE_LENGTH] for start in range(0, len(base64), LINE_LENGTH)]
    return "\n".join((begin, *headers, *lines, end, ""))


def _fold(header: str) -> list[str]:
    """Fold a header into lines of at most 72 bytes, each but the last ending in a backslash."""
    lines = [""]
    for character in header:
        if len((lines[-1] + character).encode("utf-8", "surrogateescape")) > LINE_LENGTH:
            lines[-1] += "\\"
            lines.append("")
        lines[-1] += character
    return lines


def _shorten(text: str) -> str:
    return text.encode("utf-8", "surrogateescape")[: MAX_COMMENT - 2].decode("utf-8", "ignore")
