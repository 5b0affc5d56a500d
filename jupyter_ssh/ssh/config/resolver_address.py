"""The address of a name server: ``address[@port] [trust-ad]`` (our own keyword ``DNSResolver``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_ssh.ssh.config.values import Kind, parse_port

PORT = 53
TRUST_AD = "trust-ad"
"""The word of resolv.conf(5) for a resolver that is trusted to validate DNSSEC."""


@dataclass(frozen=True, slots=True)
class ResolverAddress:
    """A name server; ``trusted``: its AD flag (RFC 4035 §3.2.3) is accepted as validation."""

    address: str
    port: int = PORT
    trusted: bool = False

    def __str__(self) -> str:
        return self.address if self.port == PORT else f"{self.address}@{self.port}"


def _read(arguments: Sequence[str]) -> ResolverAddress | None:
    words = arguments[0].split() + [word for argument in arguments[1:] for word in argument.split()]
    if [word.lower() for word in words] == ["none"]:
        return None
    address, at, port = words[0].partition("@") if words else ("", "", "")
    try:
        ipaddress.ip_address(address.partition("%")[0])
        number = parse_port(port) if at else PORT
    except ValueError:
        number = 0
    if not number or words[1:] not in ([], [TRUST_AD]):
        raise ValueError(f"Bad name server, expected address[@port] [{TRUST_AD}]")
    return ResolverAddress(address, number, len(words) > 1)


def _write(value: object) -> list[str]:
    return [f"{value} {TRUST_AD}" if value.trusted else str(value)] if isinstance(value, ResolverAddress) else []


RESOLVER = Kind(f"address[@port] [{TRUST_AD}]", _read, _write, most=2)
