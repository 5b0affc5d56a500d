"""DNSSEC (RFC 4035 §5): validate that records are signed by a chain of keys from a trust anchor.

Only existing records are validated, never the absence of records: ones that are not validated are treated alike,
whether their zone is unsigned or somebody stripped the signatures.  All input comes from name servers, which may lie,
so the length of each list is limited, as is the number of queries and signatures of a lookup (KeyTrap, CVE-2023-50387).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

ROOT_ANCHORS: Final = """
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
"""
"""The root's keys of 2017 and 2024, as IANA publishes them (root-anchors.xml)."""
MAX_ANCHORS_FILE: Final = 1 << 20
MAX_KEYS: Final = 16
MAX_SIGNATURES: Final = 8
MAX_VERIFICATIONS: Final = 64
DNSSEC_PROTOCOL: Final = 3
"""RFC 4034 §2.1.2."""

Anchors: TypeAlias = Mapping[dns.name.Name, Sequence[dns.rdata.Rdata]]
Ask: TypeAlias = Callable[[dns.name.Name, dns.rdatatype.RdataType], Awaitable[dns.message.Message]]


class Unproven(Exception):
    """Records could not be validated; the text is a clause that says why."""


def root_anchors() -> Anchors:
    """Return the built-in trust anchors."""
    return parse_anchors(ROOT_ANCHORS)


def read_anchors(path: Path | str) -> Anchors:
    """Read trust anchors from a file: DS or DNSKEY records as in a zone file.  Raises `Unproven`."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_ANCHORS_FILE).decode("utf-8")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unproven(f"the trust anchors of {path} cannot be read: {why}") from None
    try:
        anchors = parse_anchors(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise Unproven(f"{path} is not a file of trust anchors: {error}") from None
    if not anchors:
        raise Unproven(f"there are no DS or DNSKEY records in {path}")
    return anchors


def parse_anchors(text: str) -> Anchors:
    """Parse trust anchors by zone, ignoring other records.  Raises ``dns.exception.DNSException``."""
    import dns.zonefile

    anchors: dict[dns.name.Name, list[dns.rdata.Rdata]] = {}
    for rrset in dns.zonefile.read_rrsets(text, default_ttl=0, rdclass=None):
        if rrset.rdtype in (dns.rdatatype.DS, dns.rdatatype.DNSKEY):
            anchors.setdefault(rrset.name, []).extend(rrset)
    return anchors


def found(
    message: dns.message.Message,
    name: dns.name.Name,
    rdtype: dns.rdatatype.RdataType,
    covers: dns.rdatatype.RdataType = dns.rdatatype.NONE,
) -> dns.rrset.RRset | None:
    """Return the records of a name and type in an answer; for RRSIG those that cover the type ``covers``."""
    return message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype, covers)


class Chain:
    """The validation of one lookup.  ``ask`` fetches records with their signatures, ``now`` is in seconds."""

    def __init__(self, ask: Ask, anchors: Anchors, now: float) -> None:
        self._ask = ask
        self._anchors = anchors
        self._now = now
        self._keys: dict[dns.name.Name, list[DNSKEY]] = {}
        self._verifications = MAX_VERIFICATIONS

    async def prove(self, message: dns.message.Message, rrset: dns.rrset.RRset) -> None:
        """Validate ``rrset`` of ``message``.  Raises `Unproven`, and what ``ask`` raises."""
        why = "it is not signed"
        for signature in _signatures(message, rrset.name, rrset.rdtype):
            signer = signature.signer
            above = rrset.name.is_subdomain(signer)
            if not above or (rrset.rdtype == dns.rdatatype.DS and signer == rrset.name):
                why = f"the zone {signer} is not entitled to sign it"
            elif signature.labels != len(rrset.name.labels) - 1:
                # RFC 4035 §5.3.4 would require proof that there is no closer name.
                why = "it was expanded from a wildcard"
            else:
                try:
                    keys = await self._keys_of(signer)
                    self._verify(rrset, signature, signer, keys)
                    return
                except Unproven as reason:
                    why = str(reason)
        raise Unproven(why)

    async def _keys_of(self, zone: dns.name.Name) -> list[DNSKEY]:
        """Return the keys of a zone after validating one with its parent or a trust anchor (RFC 4035 §5.2)."""
        if zone in self._keys:
            return self._keys[zone]
        anchors = self._anchors.get(zone)
        if anchors is None:
            if not any(zone.is_subdomain(anchor) for anchor in self._anchors):
                raise Unproven(f"there is no trust anchor for {zone}")
            answer = await self._ask(zone, dns.rdatatype.DS)
            delegation = found(answer, zone, dns.rdatatype.DS)
            if delegation is None:
                raise Unproven(f"no parent of the zone {zone} vouches for its keys")
            await self.prove(answer, delegation)
            anchors = list(delegation)
        answer = await self._ask(zone, dns.rdatatype.DNSKEY)
        rrset = found(answer, zone, dns.rdatatype.DNSKEY)
        keys = [key for key in list(rrset or ())[:MAX_KEYS] if isinstance(key, DNSKEY) and _usable(key)]
        vouched = [key for key in keys if any(_is_of(key, zone, anchor) for anchor in list(anchors)[:MAX_KEYS])]
        if rrset is None or not vouched:
            raise Unproven(f"the keys of the zone {zone} are not those that its parent vouches for")
        why = f"the keys of the zone {zone} are not signed by those that its parent vouches for"
        for signature in _signatures(answer, zone, dns.rdatatype.DNSKEY):
            if signature.signer == zone:
                try:
                    self._verify(rrset, signature, zone, vouched)
                except Unproven as reason:
                    why = str(reason)
                else:
                    self._keys[zone] = keys
                    return keys
        raise Unproven(why)

    def _verify(self, rrset: dns.rrset.RRset, signature: RRSIG, zone: dns.name.Name, keys: Iterable[DNSKEY]) -> None:
        if not self._is_good(rrset, signature, zone, keys):
            at = dns.dnssec.to_timestamp(signature.expiration)
            since = dns.dnssec.to_timestamp(signature.inception)
            late = at < self._now
            if late or since > self._now:
                raise Unproven(f"the signature of the zone {zone} {'has expired' if late else 'is not valid yet'}")
            raise Unproven(f"the signature of the zone {zone} is INVALID")

    def _is_good(self, rrset: dns.rrset.RRset, signature: RRSIG, zone: dns.name.Name, keys: Iterable[DNSKEY]) -> bool:
        for key in keys:
            if key.algorithm != signature.algorithm or dns.dnssec.key_id(key) != signature.key_tag:
                continue
            self._verifications -= 1
            if self._verifications < 0:
                raise Unproven("it has too many signatures")
            one = dns.rdataset.from_rdata(0, key)
            try:
                dns.dnssec.validate_rrsig(rrset, signature, {zone: one}, None, self._now)
            except (dns.exception.ValidationFailure, dns.exception.UnsupportedAlgorithm, ValueError):
                continue
            return True
        return False


def _signatures(message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> list[RRSIG]:
    rrset = found(message, name, dns.rdatatype.RRSIG, rdtype)
    return [each for each in list(rrset or ())[:MAX_SIGNATURES] if isinstance(each, RRSIG)]


def _usable(key: DNSKEY) -> bool:
    # RFC 4034 §2.1.1 and §2.1.2, RFC 5011 §2.1
    return bool(key.flags & Flag.ZONE) and not key.flags & Flag.REVOKE and key.protocol == DNSSEC_PROTOCOL


def _is_of(key: DNSKEY, zone: dns.name.Name, anchor: dns.rdata.Rdata) -> bool:
    """Return whether a DS record (RFC 4034 §5.2), or an anchor that is a key itself, refers to this key."""
    if not isinstance(anchor, DS):
        return bool(key == anchor)
    if anchor.key_tag != dns.dnssec.key_id(key) or anchor.algorithm != key.algorithm:
        return False
    try:
        return bool(dns.dnssec.make_ds(zone, key, anchor.digest_type, validating=True) == anchor)
    except (dns.exception.DNSException, ValueError):
        return False
