"""Numeric addresses as people write them."""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> IPAddress | None:
    """Read an address, without its scope and IPv4 not wrapped into IPv6; None for what is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def plain_address(text: str) -> str:
    """Write an address without its scope, and IPv4 not wrapped into IPv6 (a dual-stack socket reports it so)."""
    address = parse_address(text)
    return text if address is None else str(address)
