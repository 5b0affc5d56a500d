"""Key revocation lists (OpenSSH's PROTOCOL.krl): revoked keys and certificates in a compact form."""

from __future__ import annotations

import hashlib
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from jupyter_ssh.ssh.errors import KeyFormatError, SignatureError, WireError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.types.table import parse_public_key
from jupyter_ssh.ssh.wire.types import Reader, string, uint32, uint64

MAGIC = b"SSHKRL\n\0"
VERSION = 1
MAX_SIZE = 1 << 24
"""Maximum size of a list in bytes: two million serial numbers."""
PHASE = "key revocation list"

# Sections, and those inside the one about certificates.
CERTIFICATES, EXPLICIT_KEY, SHA1, SIGNATURE, SHA256, EXTENSION = 1, 2, 3, 4, 5, 255
SERIAL_LIST, SERIAL_RANGE, SERIAL_BITMAP, KEY_ID, CERTIFICATE_EXTENSION = 0x20, 0x21, 0x22, 0x23, 0x39


class Serials:
    """Serial numbers of certificates, as ranges and bitmaps; sorted at the first lookup."""

    def __init__(self) -> None:
        self._lows, self._highs = array("Q"), array("Q")
        self._bitmaps: list[tuple[int, int]] = []
        self._sorted = True

    def add(self, low: int, high: int | None = None) -> None:
        """Add one number, or all from ``low`` to ``high``.  Raises `KeyFormatError` for an invalid range."""
        high = low if high is None else high
        if not 0 <= low <= high < 1 << 64:
            raise KeyFormatError("invalid range of serial numbers", phase=PHASE, received=f"{low}-{high}")
        self._lows.append(low)
        self._highs.append(high)
        self._sorted = False

    def add_packed(self, data: bytes) -> None:
        """Add numbers of eight bytes each, big endian."""
        numbers = array("Q", data)
        if sys.byteorder == "little":
            numbers.byteswap()
        self._lows += numbers
        self._highs += numbers
        self._sorted = False

    def add_bitmap(self, offset: int, bits: int) -> None:
        """Add the numbers from ``offset`` on whose bit is set, beginning with the lowest bit."""
        if offset + bits.bit_length() > 1 << 64:
            raise KeyFormatError("a bitmap of serial numbers overflows", phase=PHASE)
        self._bitmaps.append((offset, bits))

    def __contains__(self, serial: int) -> bool:
        self._sort()
        place = bisect_right(self._lows, serial) - 1
        if place >= 0 and serial <= self._highs[place]:
            return True
        return any(serial >= offset and bits >> (serial - offset) & 1 for offset, bits in self._bitmaps)

    def ranges(self) -> list[tuple[int, int]]:
        """Return all numbers in order, adjacent ones merged into ranges."""
        self._sort()
        pairs = list(zip(self._lows, self._highs, strict=True))
        for offset, bits in self._bitmaps:
            pairs += [(offset + place, offset + place) for place in range(bits.bit_length()) if bits >> place & 1]
        return list(_merged(sorted(pairs)))

    def _sort(self) -> None:
        if self._sorted:
            return
        pairs = list(_merged(sorted(zip(self._lows, self._highs, strict=True))))
        self._lows = array("Q", (low for low, _ in pairs))
        self._highs = array("Q", (high for _, high in pairs))
        self._sorted = True


def _merged(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    current: tuple[int, int] | None = None
    for low, high in pairs:
        if current is not None and low <= current[1] + 1:
            current = (current[0], max(current[1], high))
            continue
        if current is not None:
            yield current
        current = (low, high)
    if current is not None:
        yield current


@dataclass(slots=True)
class RevokedCertificates:
    """Certificates of one authority, or of any."""

    serials: Serials = field(default_factory=Serials)
    key_ids: set[str] = field(default_factory=set)

    def why(self, certificate: Certificate) -> str | None:
        """Return which part of a certificate is revoked, or None."""
        if certificate.statement.key_id in self.key_ids:
            return "its certificate's key ID"
        # Zero means that the certificate was not given a number.
        serial = certificate.statement.serial
        return "its certificate's serial number" if serial and serial in self.serials else None


@dataclass(slots=True)
class Krl:
    """A key revocation list."""

    version: int = 0
    generated: int = 0
    """Seconds since the epoch."""
    comment: str = ""
    keys: set[bytes] = field(default_factory=set)
    """Blobs."""
    sha1: set[bytes] = field(default_factory=set)
    """Hashes of blobs."""
    sha256: set[bytes] = field(default_factory=set)
    certificates: dict[bytes | None, RevokedCertificates] = field(default_factory=dict)
    """By the blob of their authority; None stands for any authority."""
    signed_by: tuple[PublicKey, ...] = ()
    """The keys that signed the list; their signatures were verified."""

    def of(self, authority: bytes | None) -> RevokedCertificates:
        """Return the revoked certificates of an authority; more can be added to it."""
        return self.certificates.setdefault(authority, RevokedCertificates())

    def revoke(self, key: PublicKey) -> None:
        """Revoke a key, or a certificate by its serial number or, if it has none, by its key ID."""
        if not isinstance(key, Certificate):
            self.keys.add(key.blob)
        elif key.statement.serial:
            self.of(key.authority.blob).serials.add(key.statement.serial)
        else:
            self.of(key.authority.blob).key_ids.add(key.statement.key_id)

    def why(self, key: PublicKey) -> str | None:
        """Return which part of a key or certificate is revoked, as a noun phrase, or None."""
        plain = key.key if isinstance(key, Certificate) else key
        if self._has(plain.blob):
            return "the key"
        if not isinstance(key, Certificate):
            return None
        if self._has(key.authority.blob):
            return "the authority of its certificate"
        groups = (self.certificates.get(authority) for authority in (key.authority.blob, None))
        return next((why for group in groups if group is not None and (why := group.why(key))), None)

    def _has(self, blob: bytes) -> bool:
        return (
            blob in self.keys
            or hashlib.sha1(blob, usedforsecurity=False).digest() in self.sha1
            or hashlib.sha256(blob).digest() in self.sha256
        )

    def encode(self) -> bytes:
        """Return the list as a file's content, without signatures."""
        header = uint64(self.version) + uint64(self.generated) + uint64(0) + string("") + string(self.comment)
        parts = [MAGIC, uint32(VERSION), header]
        for authority, revoked in self.certificates.items():
            body = string(authority or b"") + string("") + _encode_certificates(revoked)
            parts.append(bytes([CERTIFICATES]) + string(body))
        for kind, items in ((EXPLICIT_KEY, self.keys), (SHA1, self.sha1), (SHA256, self.sha256)):
            if items:
                parts.append(bytes([kind]) + string(b"".join(map(string, sorted(items)))))
        return b"".join(parts)


def _encode_certificates(revoked: RevokedCertificates) -> bytes:
    ranges = revoked.serials.ranges()
    single = b"".join(uint64(low) for low, high in ranges if low == high)
    parts = [bytes([SERIAL_LIST]) + string(single)] if single else []
    parts += [bytes([SERIAL_RANGE]) + string(uint64(low) + uint64(high)) for low, high in ranges if low != high]
    if revoked.key_ids:
        parts.append(bytes([KEY_ID]) + string(b"".join(map(string, sorted(revoked.key_ids)))))
    return b"".join(parts)


def is_krl(data: bytes) -> bool:
    """Return whether ``data`` begins like a key revocation list."""
    return data.startswith(MAGIC)


def parse_krl(data: bytes, signers: Collection[PublicKey] = ()) -> Krl:
    """Parse a list.  Its signatures are verified; if there are ``signers``, one of them must have signed it.

    Raises `KeyFormatError`, also for a critical extension, because what is not understood must not be ignored.
    """
    if len(data) > MAX_SIZE:
        raise KeyFormatError("key revocation list too long", phase=PHASE, expected=f"at most {MAX_SIZE} bytes")
    if not is_krl(data):
        raise KeyFormatError("not a key revocation list", phase=PHASE)
    fields = Reader(data, len(MAGIC))
    try:
        krl = _read_header(fields)
        while fields.remaining:
            kind = fields.byte()
            if kind == SIGNATURE:
                _read_signature(krl, data, fields)
                continue
            if krl.signed_by:
                raise KeyFormatError("a section follows the signature", phase=PHASE)
            section = Reader(fields.string())
            reader = SECTIONS.get(kind)
            if reader is None:
                raise KeyFormatError("unknown section", phase=PHASE, received=f"type {kind}")
            reader(krl, section)
            section.finish()
    except WireError as error:
        raise KeyFormatError(
            f"malformed key revocation list: {error.message}", phase=PHASE, expected=error.expected
        ) from None
    if signers and not set(signers).intersection(krl.signed_by):
        raise KeyFormatError("the key revocation list is not signed by an accepted key", phase=PHASE)
    return krl


def _read_header(fields: Reader) -> Krl:
    version = fields.uint32()
    if version != VERSION:
        raise KeyFormatError("key revocation list of an unknown version", expected=f"{VERSION}", received=f"{version}")
    krl = Krl(fields.uint64(), fields.uint64())
    fields.uint64()  # flags; none are defined
    fields.string()
    krl.comment = fields.text()
    return krl


def _read_signature(krl: Krl, data: bytes, fields: Reader) -> None:
    key = parse_public_key(fields.string(), 1024)
    signed = data[: len(data) - fields.remaining]
    try:
        key.verify(fields.string(), signed)
    except SignatureError as error:
        raise KeyFormatError(
            f"the signature of the key revocation list is invalid: {error.message}", phase=PHASE
        ) from None
    krl.signed_by = (*krl.signed_by, key)


def _read_keys(krl: Krl, section: Reader) -> None:
    while section.remaining:
        # Any blob will do: a key of an unknown type cannot be presented to us either.
        krl.keys.add(section.string())


def _read_hashes(size: int, name: str) -> Callable[[Krl, Reader], None]:
    def read(krl: Krl, section: Reader) -> None:
        hashes: set[bytes] = getattr(krl, name)
        while section.remaining:
            digest = section.string()
            if len(digest) != size:
                raise KeyFormatError(f"a {name} hash has the wrong size", phase=PHASE, received=f"{len(digest)} bytes")
            hashes.add(digest)

    return read


def _read_extension(krl: Krl, section: Reader) -> None:
    name, critical = section.text(256), section.boolean()
    section.string()
    if critical:
        raise KeyFormatError("unknown critical extension", phase=PHASE, received=repr(name))


def _read_certificates(krl: Krl, section: Reader) -> None:
    authority = section.string() or None
    if authority is not None:
        parse_public_key(authority, 1024)
    section.string()
    revoked = krl.of(authority)
    while section.remaining:
        kind, body = section.byte(), Reader(section.string())
        if kind == CERTIFICATE_EXTENSION:
            _read_extension(krl, body)
        elif kind in CERTIFICATE_SECTIONS:
            CERTIFICATE_SECTIONS[kind](revoked, body)
        else:
            raise KeyFormatError("unknown certificate section", phase=PHASE, received=f"type {kind:#x}")
        body.finish()


def _read_serials(revoked: RevokedCertificates, body: Reader) -> None:
    if body.remaining % 8:
        raise KeyFormatError("a list of serial numbers has the wrong size", phase=PHASE)
    revoked.serials.add_packed(body.rest())


def _read_range(revoked: RevokedCertificates, body: Reader) -> None:
    revoked.serials.add(body.uint64(), body.uint64())


def _read_bitmap(revoked: RevokedCertificates, body: Reader) -> None:
    offset, bits = body.uint64(), body.mpint()
    if bits < 0:
        raise KeyFormatError("a bitmap of serial numbers is negative", phase=PHASE)
    revoked.serials.add_bitmap(offset, bits)


def _read_key_ids(revoked: RevokedCertificates, body: Reader) -> None:
    while body.remaining:
        revoked.key_ids.add(body.text())


SECTIONS: dict[int, Callable[[Krl, Reader], None]] = {
    CERTIFICATES: _read_certificates,
    EXPLICIT_KEY: _read_keys,
    SHA1: _read_hashes(20, "sha1"),
    SHA256: _read_hashes(32, "sha256"),
    EXTENSION: _read_extension,
}
CERTIFICATE_SECTIONS: dict[int, Callable[[RevokedCertificates, Reader], None]] = {
    SERIAL_LIST: _read_serials,
    SERIAL_RANGE: _read_range,
    SERIAL_BITMAP: _read_bitmap,
    KEY_ID: _read_key_ids,
}
