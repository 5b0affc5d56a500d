"""Look up SSHFP records: VerifyHostKeyDNS (ssh_config(5)).

The signatures are validated here, up to the root's keys or the user's own trust anchors; or by a resolver that the user
trusts, through ``options trust-ad`` in resolv.conf(5) or our own keyword ``DNSResolver``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from jupyter_ssh.ssh.config.resolver_address import TRUST_AD, ResolverAddress
from jupyter_ssh.ssh.net import dnssec
from jupyter_ssh.ssh.trust.sshfp import DnsFinding, SshfpRecord

log = logging.getLogger("jupyter_ssh.ssh")

LOOKUP_SECONDS: Final = 10.0
"""Seconds a lookup may take, including all queries for its validation."""
TRY_SECONDS: Final = 2.0
"""Seconds a name server may take before the next one is asked."""
ROUNDS: Final = 2
MAX_SERVERS: Final = 3
"""The most name servers, as in resolv.conf(5)."""
MAX_QUESTIONS: Final = 40
MAX_ALIASES: Final = 8
MAX_RECORDS: Final = 64
PAYLOAD: Final = 1232
"""Bytes of a UDP message that no network fragments (DNS flag day 2020)."""
RESOLV_CONF: Final = Path("/etc/resolv.conf")
BY_US: Final = "DNSSEC"


class NoAnswer(Exception):
    """No name server gave a usable answer; the text is a clause."""


def is_numeric(host: str) -> bool:
    """Return whether a host is an address, for which there are no records."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def system_resolvers(environment: Mapping[str, str], path: Path = RESOLV_CONF) -> list[ResolverAddress]:
    """Return this machine's name servers, trusted if resolv.conf(5) or RES_OPTIONS says so."""
    words = [line.split() for line in _lines(path)]
    options = [option for line in words if line[:1] == ["options"] for option in line[1:]]
    trusted = TRUST_AD in [*options, *environment.get("RES_OPTIONS", "").split()]
    addresses = [line[1] for line in words if line[:1] == ["nameserver"] and len(line) > 1]
    if os.name != "posix":
        addresses = _of_windows()
    numeric = [address for address in addresses if is_numeric(address)]
    return [ResolverAddress(address, trusted=trusted) for address in numeric[:MAX_SERVERS]]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _of_windows() -> list[str]:
    import dns.resolver

    try:
        return [str(address) for address in dns.resolver.Resolver().nameservers]  # from the registry
    except (dns.exception.DNSException, OSError):
        return []


async def look_up(
    host: str,
    servers: Sequence[ResolverAddress],
    anchors: str | None = None,
    seconds: float = LOOKUP_SECONDS,
) -> DnsFinding:
    """Return what DNS says about the keys of ``host``; never raises because of a name server.

    ``anchors`` names a file of trust anchors to use instead of the root's keys.
    """
    lookup = _Lookup(servers, seconds)
    try:
        return await lookup.run(host, anchors)
    except (NoAnswer, dnssec.Unproven) as reason:
        return DnsFinding(lookup.records, doubt=str(reason))
    except Exception as error:  # whatever a hostile answer does to the libraries must not end the connection
        log.debug("the lookup of SSHFP records for %s failed", host, exc_info=True)
        return DnsFinding(lookup.records, doubt=f"the answer is unusable ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class _Reply:
    message: dns.message.Message
    server: ResolverAddress

    @property
    def validated(self) -> bool:
        """Whether a trusted resolver has validated it."""
        return self.server.trusted and bool(self.message.flags & dns.flags.AD)


class _Lookup:
    """One lookup; ``records`` are those found so far, validated or not."""

    def __init__(self, servers: Sequence[ResolverAddress], seconds: float) -> None:
        self.records: tuple[SshfpRecord, ...] = ()
        self._servers = list(servers)
        self._questions = MAX_QUESTIONS
        self._seconds = seconds
        # Passed to each query: dnspython misses a cancellation if unrelated data arrives at the same time.
        self._end = asyncio.get_running_loop().time() + seconds

    async def run(self, host: str, anchors: str | None) -> DnsFinding:
        name = dns.name.from_text(host)
        links, replies, rrset = await self._follow(name)
        if rrset is None:
            return DnsFinding()
        self.records = tuple(_records(rrset))
        if all(reply.validated for reply in replies):
            return DnsFinding(self.records, f"the name server {replies[-1].server}")
        read = dnssec.root_anchors() if anchors is None else await asyncio.to_thread(dnssec.read_anchors, anchors)
        chain = dnssec.Chain(self._ask_message, read, time.time())
        for reply, link in links:
            await chain.prove(reply.message, link)
        return DnsFinding(self.records, BY_US)

    async def _follow(
        self, name: dns.name.Name
    ) -> tuple[list[tuple[_Reply, dns.rrset.RRset]], list[_Reply], dns.rrset.RRset | None]:
        """Return the records of a name, following aliases, with the replies on the way."""
        links: list[tuple[_Reply, dns.rrset.RRset]] = []
        replies = [await self._ask(name, dns.rdatatype.SSHFP)]
        for _ in range(MAX_ALIASES):
            message = replies[-1].message
            rrset = dnssec.found(message, name, dns.rdatatype.SSHFP)
            if rrset is not None:
                return [*links, (replies[-1], rrset)], replies, rrset
            alias = dnssec.found(message, name, dns.rdatatype.CNAME)
            if alias is not None:
                links.append((replies[-1], alias))
                name = alias[0].target
            elif links and links[-1][0] is replies[-1]:
                # The server knows the alias but not its target.
                replies.append(await self._ask(name, dns.rdatatype.SSHFP))
            else:
                return links, replies, None
        raise NoAnswer("there are too many aliases")

    async def _ask_message(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.message.Message:
        return (await self._ask(name, rdtype)).message

    async def _ask(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> _Reply:
        why = "no name server is configured"
        for server in self._servers * ROUNDS:
            left = self._end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._questions -= 1
            if self._questions < 0:
                raise NoAnswer("it takes too many queries")
            query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=PAYLOAD)
            # Validating ourselves, we want to see what the resolver would withhold (RFC 4035 §4.9.2).
            query.flags |= dns.flags.AD if server.trusted else dns.flags.CD
            try:
                message, _ = await dns.asyncquery.udp_with_fallback(
                    query,
                    server.address,
                    timeout=min(TRY_SECONDS, left),
                    port=server.port,
                    ignore_unexpected=True,
                    ignore_errors=True,  # until the deadline: others may send answers too
                )
            except dns.exception.Timeout:
                why = f"no answer from the name server {server}"
            except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
                why = f"the name server {server}: {getattr(error, 'strerror', None) or error or type(error).__name__}"
            else:
                if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    self._servers.sort(key=lambda each: each is not server)  # the next query goes there first
                    return _Reply(message, server)
                why = f"the name server {server} says {dns.rcode.to_text(message.rcode())}"
        if asyncio.get_running_loop().time() >= self._end:
            why = f"no answer within {self._seconds:g} s"
        raise NoAnswer(why)


def _records(rrset: dns.rrset.RRset) -> list[SshfpRecord]:
    read = [(each.algorithm, each.fp_type, each.fingerprint) for each in list(rrset)[:MAX_RECORDS]]
    return [SshfpRecord(*each) for each in read]
