"""One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.errors import CertificateError, KeyFormatError
from jupyter_ssh.ssh.keys import PublicKey, fingerprint, parse_public_key
from jupyter_ssh.ssh.keys.certificates.certificate import PLAIN_TYPE, parse_certificate
from jupyter_ssh.ssh.keys.types.rsa import RSA, SIGNATURE_NAMES, host_key_blob
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, MAX_BLOB, decode_base64
from jupyter_ssh.ssh.trust.host_names import HASH_MARK, split_hash
from jupyter_ssh.ssh.trust.patterns import has_wildcards

MAX_LINE = 1 << 18
"""Bytes of a line: enough for the longest key and many names."""


class Marker(enum.Enum):
    """The word that may stand before the host names."""

    NONE = ""
    CERT_AUTHORITY = "@cert-authority"
    REVOKED = "@revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """A well-formed line, which assigns a key to hosts."""

    file: Path
    line: int
    """Counted from 1."""
    hosts: str
    """The comma-separated patterns, or the hashed name, as written."""
    key_type: str
    blob: bytes
    """The key as RFC 4253 §6.6 encodes it; not decoded until `key` is called."""
    marker: Marker = Marker.NONE

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    @property
    def hashed(self) -> bool:
        """Whether the host's name cannot be read."""
        return self.hosts.startswith(HASH_MARK)

    @property
    def has_wildcards(self) -> bool:
        """Whether the line has wildcards or negations, so that it is not for exactly the hosts it spells out."""
        return not self.hashed and has_wildcards(self.hosts)

    @property
    def names(self) -> list[str]:
        """The names the line spells out; none for a hashed one."""
        return [] if self.hashed else [name for name in self.hosts.split(",") if name and not has_wildcards(name)]

    @property
    def is_supported(self) -> bool:
        """Whether the key is of a type that a server can prove to us."""
        return PLAIN_TYPE.get(self.key_type, self.key_type) in KEY_TYPES

    @property
    def nickname(self) -> str:
        """The key's type as people read it, such as ``ED25519``."""
        return KEY_TYPES[self.key_type].nickname if self.key_type in KEY_TYPES else self.key_type

    @property
    def plain_blob(self) -> bytes:
        """The key without its certificate: as in OpenSSH a line with a certificate revokes the key in it."""
        return parse_certificate(self.blob).key.blob if self.key_type in PLAIN_TYPE else self.blob

    @property
    def fingerprint(self) -> str:
        """``SHA256:…`` of the key."""
        return fingerprint.sha256(self.blob)

    def key(self, required_rsa_size: int | None = None) -> PublicKey:
        """Return the decoded key.  Raises `KeyFormatError` for one that is weak or of an unknown type."""
        return parse_public_key(self.blob, required_rsa_size)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was ignored, and why; line 0 stands for the file as a whole."""

    file: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}" if self.line else f"{self.file}: {self.why}"


def parse_line(raw: bytes, file: Path, line: int) -> Entry | BadLine | None:
    """Return the entry in one line, None for a comment or a blank line, or what is wrong with it."""
    if len(raw) > MAX_LINE:
        return BadLine(file, line, f"the line is longer than {MAX_LINE >> 10} KiB")
    words = raw.split(None, 4)
    if not words or words[0].startswith(b"#"):
        return None
    marker = Marker.NONE
    if words[0].startswith(b"@"):
        try:
            marker = Marker(words[0].decode("ascii"))
        except ValueError:
            return BadLine(file, line, "unknown marker; the known ones are @revoked and @cert-authority")
        del words[0]
    if len(words) < 3 or words[1].startswith(b"#"):
        return BadLine(file, line, "not 'hosts key-type key'; perhaps the line was cut off")
    hosts = words[0].decode("utf-8", "surrogateescape")
    if hosts.startswith("|") and split_hash(hosts) is None:
        return BadLine(file, line, "malformed hashed host name")
    if words[1].isdigit() and words[2].isdigit():
        return BadLine(file, line, "a key of SSH protocol 1, which is no longer in use")
    try:
        blob = host_key_blob(decode_base64(words[2]))
    except KeyFormatError:
        return BadLine(file, line, "the key is not valid base64; perhaps the line was cut off")
    fields = _count_fields(blob)  # a certificate contains numbers too
    key_type = words[1].decode("ascii", "replace")
    if key_type in SIGNATURE_NAMES:
        key_type = RSA.name
    if fields and blob[4 : 4 + blob[3]] != key_type.encode():
        return BadLine(file, line, "the key is not of the type that precedes it")
    if key_type in PLAIN_TYPE:
        try:
            parse_certificate(blob)
        except (CertificateError, KeyFormatError) as error:
            return BadLine(file, line, f"the certificate cannot be used: {error.message}")
        return Entry(file, line, hosts, key_type, blob, marker)
    if fields < 2 or (key_type in KEY_TYPES and fields != KEY_TYPES[key_type].blob_fields):
        return BadLine(file, line, "the key is incomplete; perhaps the line was cut off")
    return Entry(file, line, hosts, key_type, blob, marker)


def _count_fields(blob: bytes) -> int:
    """Return the number of strings a blob consists of; 0 if it does not, or if the first is too long for a name."""
    size = len(blob)
    if not 4 < size <= MAX_BLOB or blob[:3] != b"\0\0\0":
        return 0
    offset = count = 0
    while offset + 4 <= size:
        offset += 4 + int.from_bytes(blob[offset : offset + 4], "big")
        count += 1
    return count if offset == size else 0
