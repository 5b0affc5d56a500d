"""Zones in memory, with answers signed by their keys: for what no name server would say by itself."""

from __future__ import annotations

import time

import dns.dnssec
import dns.message
import dns.name
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = dns.dnssec.Algorithm.ECDSAP256SHA256
ZONE, ENTRY, REVOKED = 256, 1, 128
YEAR = 365 * 86400


class Zone:
    """A zone's key, and answers signed with it; ``flags`` as of RFC 4034 §2.1.1."""

    def __init__(self, name: str, flags: int = ZONE | ENTRY, protocol: int = 3) -> None:
        self.name = dns.name.from_text(name)
        self._private = ec.generate_private_key(ec.SECP256R1())
        made = dns.dnssec.make_dnskey(self._private.public_key(), ALGORITHM, flags)
        self.key = made.replace(protocol=protocol)
        self.ds = dns.dnssec.make_ds(self.name, self.key, "SHA256")

    def message(
        self, name: str, rdtype: str, *rdatas: str, signer: str | None = None, since: int = -YEAR, until: int = YEAR
    ) -> dns.message.Message:
        """Records and their signature, from ``since`` until ``until`` seconds from now, in the name of ``signer``."""
        rrset = dns.rrset.from_text(name, 60, "IN", rdtype, *rdatas)
        now = time.time()
        by = self.name if signer is None else dns.name.from_text(signer)
        signature = dns.dnssec.sign(
            rrset, self._private, by, self.key, inception=now + since, expiration=now + until, verify=False
        )
        message = dns.message.make_response(dns.message.make_query(name, rdtype))
        message.answer += [rrset, dns.rrset.from_rdata(name, 60, signature)]
        return message

    def answer(self, name: str, rdtype: str, *rdatas: str) -> bytes:
        """As `message`, for the wire."""
        return self.message(name, rdtype, *rdatas).to_wire()

    def keys(self, *others: Zone, **more: int) -> dns.message.Message:
        """The zone's keys, signed by its own."""
        texts = [zone.key.to_text() for zone in (self, *others)]
        return self.message(self.name.to_text(), "DNSKEY", *texts, **more)
