"""Numeric addresses in their usual notation."""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> IPAddress | None:
    """Parse an address, dropping its scope and unmapping IPv4 from IPv6; None if it is not an address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def plain_address(text: str) -> str:
    """Return an address without its scope, and IPv4 unmapped from IPv6, as which dual-stack sockets report it."""
    address = parse_address(text)
    return text if address is None else str(address)
