"""Host keys that a server announces after the login: UpdateHostKeys (ssh_config(5), OpenSSH's PROTOCOL §2.5).

A server announces all its host keys and proves that it has those that are new to the client.  The client then learns
them and forgets those that the server no longer has.  The only I/O here is that of the known_hosts files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyter_ssh.ssh.errors import KeyFormatError, ProtocolError, SignatureError, WireError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, is_certificate
from jupyter_ssh.ssh.keys.types.rsa import host_key_blob
from jupyter_ssh.ssh.keys.types.table import parse_public_key
from jupyter_ssh.ssh.trust.entries import Entry, Marker
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts
from jupyter_ssh.ssh.wire.types import Reader, string

ANNOUNCE: Final = "hostkeys-00@openssh.com"
PROVE: Final = "hostkeys-prove-00@openssh.com"
PHASE = "host key update"
MAX_KEYS = 64
"""The most keys in one announcement; servers have three or four."""
MAX_NAMES = 2
"""The most names in a line that may be changed; a line with more was written by a person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an announcement changes in the user's files."""

    keys: tuple[PublicKey, ...]
    """All keys of the server, to be known afterwards."""
    new: tuple[PublicKey, ...] = ()
    """The keys that are not known yet and have to be proved."""
    old: tuple[Entry, ...] = ()
    """Entries with keys that the server no longer has."""
    obstacle: str | None = None
    """Why nothing is changed, although there would be changes to make."""

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.obstacle is None and bool(self.new or self.old)


def encode_keys(keys: Iterable[PublicKey]) -> bytes:
    """Return the payload of an announcement or of a request for proof; certificates are left out."""
    return b"".join(string(key.blob) for key in keys if not isinstance(key, Certificate))


def decode_announcement(details: bytes, algorithms: Collection[str]) -> list[PublicKey]:
    """Return the keys of an announcement that sign with one of ``algorithms``; others, and certificates, are left out.

    Raises `ProtocolError`.
    """
    keys: list[PublicKey] = []
    for blob in _blobs(details):
        if is_certificate(blob):
            continue
        try:
            key = parse_public_key(host_key_blob(blob))
        except KeyFormatError:
            continue  # of an unknown type, or too short
        if not set(algorithms).intersection(key.signature_algorithms):
            continue
        if key in keys:
            raise ProtocolError("the server announced a host key twice", phase=PHASE, received=key.fingerprint)
        keys.append(key)
    return keys


def _blobs(details: bytes) -> list[bytes]:
    fields, blobs = Reader(details), []
    try:
        while fields.remaining:
            blobs.append(fields.string())
            if len(blobs) > MAX_KEYS:
                raise ProtocolError("too many host keys", phase=PHASE, expected=f"at most {MAX_KEYS}")
    except WireError as error:
        raise ProtocolError(f"malformed host keys: {error.message}", phase=PHASE, expected=error.expected) from None
    return blobs


def plan_update(
    known_hosts: KnownHosts, host: str, port: int, address: str | None, announced: Sequence[PublicKey]
) -> Plan:
    """Return what changes for a host that announced its keys; ``address`` is its address with CheckHostIP.

    As in OpenSSH nothing changes if a person wrote the lines (markers, wildcards, several names), or if one of the new
    or obsolete keys is known by other names too, which would no longer agree.
    """
    names = [host_name(host, port)] + ([host_name(address, port)] if address is not None else [])
    entries: dict[tuple[Path, int], Entry] = {}
    seen: dict[tuple[Path, int], set[str]] = {}
    for name in names:
        for entry in known_hosts.named(name):
            place = (entry.file, entry.line)
            entries[place] = entry
            seen.setdefault(place, set()).add(name)
    announced_blobs = {key.blob for key in announced}
    known = {entry.blob for entry in entries.values() if entry.marker is Marker.NONE}
    new = tuple(key for key in announced if key.blob not in known)
    old = tuple(entry for entry in entries.values() if entry.blob not in announced_blobs)
    blobs = announced_blobs.union(entry.blob for entry in old)
    return Plan(tuple(announced), new, old, _obstacle(known_hosts, entries, seen, names, blobs))


def _obstacle(
    known_hosts: KnownHosts,
    entries: dict[tuple[Path, int], Entry],
    seen: dict[tuple[Path, int], set[str]],
    names: Sequence[str],
    blobs: Iterable[bytes],
) -> str | None:
    for place, entry in entries.items():
        if entry.marker is not Marker.NONE or entry.has_wildcards or entry.hosts.count(",") >= MAX_NAMES:
            return f"{entry.place} was written by a person"
        if len(names) > 1 and "," in entry.hosts and len(seen[place]) < len(names):
            return f"{entry.place} has another name or address too"
    for blob in blobs:
        for entry in known_hosts.with_key(blob):
            if (entry.file, entry.line) not in entries:
                return f"one of the keys is known by another name: {entry.place}"
    return None


# --- proof ------------------------------------------------------------------------------------------------------------


def _proof_data(session_id: bytes, key: PublicKey) -> bytes:
    return string(PROVE) + string(session_id) + string(key.blob)


def _proof_algorithm(key: PublicKey, exchange_algorithm: str) -> str | None:
    """Return the algorithm of the key exchange if that and ``key`` are RSA, else None for the key's default."""
    return exchange_algorithm if exchange_algorithm in key.signature_algorithms else None


def prove(details: bytes, session_id: bytes, keys: Sequence[PrivateKey], exchange_algorithm: str) -> bytes:
    """Return the server's answer to a request for proof: a signature by each key.

    Raises `ProtocolError` if a key is not the server's.
    """
    ours = {key.public.blob: key for key in keys}
    signatures = []
    for blob in _blobs(details):
        key = ours.get(blob)
        if key is None:
            raise ProtocolError("proof was requested for a key that is not the server's", phase=PHASE)
        algorithm = _proof_algorithm(key.public, exchange_algorithm)
        signatures.append(string(key.sign(_proof_data(session_id, key.public), algorithm)))
    return b"".join(signatures)


def check_proof(details: bytes, session_id: bytes, keys: Sequence[PublicKey]) -> None:
    """Check the server's proof for ``keys``, in this order.  Raises `SignatureError`."""
    fields = Reader(details)
    try:
        signatures = [fields.string() for _ in keys]
        fields.finish()
    except WireError as error:
        raise SignatureError(f"malformed proof: {error.message}", phase=PHASE) from None
    for key, signature in zip(keys, signatures, strict=True):
        # Nobody touches a host's security key for a proof.
        key.verify(signature, _proof_data(session_id, key), no_touch_required=True)
