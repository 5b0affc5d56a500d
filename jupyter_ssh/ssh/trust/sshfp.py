"""What DNS says about a host key: SSHFP records (RFC 4255), and how far to trust them."""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.trust.host_certificates import plain_key

ALGORITHMS: Final = {"rsa": 1, "dsa": 2, "ecdsa": 3, "ed25519": 4, "ed448": 6}
"""RFC 4255 §3.1.1, RFC 6594, RFC 7479, RFC 8709, by the key type's name for ``ssh-keygen -t``."""
HASHES: Final = {"sha1": 1, "sha256": 2}
"""RFC 4255 §3.1.2, RFC 6594."""
RECORD_TYPE: Final = 44
_HASH_NAMES: Final = {number: name for name, number in HASHES.items()}


@dataclass(frozen=True, slots=True)
class SshfpRecord:
    """One record; the numbers are those of the registries of RFC 4255 §5."""

    algorithm: int
    hash_type: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.algorithm} {self.hash_type} {self.digest.hex()}"


class Match(enum.Enum):
    """What the records say about a key."""

    NONE = "there is no SSHFP record"
    OTHER_TYPES = "the records are for other key types"
    MATCH = "a record has the fingerprint of this key"
    MISMATCH = "a record has the fingerprint of another key"


@dataclass(frozen=True, slots=True)
class DnsFinding:
    """The outcome of one lookup."""

    records: Sequence[SshfpRecord] = ()
    validated_by: str | None = None
    """What validated the signatures (DNSSEC), as a noun phrase; None if nothing did."""
    doubt: str | None = None
    """Why they were not validated, or why there is no answer, as a clause."""

    def match(self, key: PublicKey) -> Match:
        """Compare with a key: as in OpenSSH one mismatch for the key's type outweighs all matches (RFC 6594 §4.1)."""
        key = plain_key(key)
        number = ALGORITHMS.get(key.row.keygen_name)
        known = [each for each in self.records if each.hash_type in _HASH_NAMES]
        relevant = [each for each in known if each.algorithm == number]
        if not relevant:
            return Match.OTHER_TYPES if known else Match.NONE
        matches = all(hmac.compare_digest(digest(key, each.hash_type), each.digest) for each in relevant)
        return Match.MATCH if matches else Match.MISMATCH

    def vouches_for(self, key: PublicKey) -> bool:
        """Return whether this may replace a person's yes."""
        return self.validated_by is not None and self.match(key) is Match.MATCH

    def contradicts(self, key: PublicKey) -> bool:
        """Return whether this is a reason for alarm: the owner of the zone says that the host has other keys."""
        return self.validated_by is not None and self.match(key) in (Match.MISMATCH, Match.OTHER_TYPES)

    def text(self, key: PublicKey) -> str:
        """Return the finding as a sentence or two, beginning with OpenSSH's words for it."""
        match = self.match(key)
        if match is Match.NONE:
            return f"No matching host key fingerprint found in DNS: {self.doubt or match.value}."
        if self.contradicts(key):
            return (
                f"WARNING: No matching host key fingerprint found in DNS: {match.value}. The records are validated by"
                f" {self.validated_by}: this may be another machine, or the key may not have been published yet."
            )
        if match is not Match.MATCH:
            return f"No matching host key fingerprint found in DNS: {match.value}; {self._not_validated}."
        if self.validated_by is None:
            return (
                f"Matching host key fingerprint found in DNS, but {self._not_validated}: anybody between here and the "
                "name server can forge it."
            )
        return f"Matching host key fingerprint found in DNS, validated by {self.validated_by}."

    def summary(self, key: PublicKey) -> str:
        """Return the finding in a few words, for a table."""
        match = self.match(key)
        said = {Match.NONE: self.doubt or "no record", Match.MATCH: "matches"}.get(match, "does not match")
        if match is Match.NONE:
            return said
        return f"{said}, " + ("not validated" if self.validated_by is None else f"validated by {self.validated_by}")

    @property
    def _not_validated(self) -> str:
        return "not validated" + (f" ({self.doubt})" if self.doubt else "")


def digest(key: PublicKey, hash_type: int) -> bytes:
    """Return the fingerprint of a plain key as in a record (RFC 4255 §3.1.3).  Raises ``KeyError``."""
    return hashlib.new(_HASH_NAMES[hash_type], key.blob, usedforsecurity=False).digest()
