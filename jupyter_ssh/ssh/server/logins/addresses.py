"""Lists of addresses as ``from=`` takes them: patterns, CIDR ranges and ``!``."""

from __future__ import annotations

import ipaddress

from jupyter_ssh.ssh.config.patterns import matches

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain_address(text: str) -> str:
    """Return an address as people write it: no scope, IPv4 not wrapped into IPv6 (a dual-stack socket reports it
    so)."""
    address = _parse(text)
    return text if address is None else str(address)


def address_matches(address: str, pattern_list: str) -> bool:
    """Return whether an address fits a comma-separated list; a negated match wins over any other (ssh_config(5),
    PATTERNS).

    Host names are not looked up: a name in the list never fits.  Raises `ValueError` for an empty item or a range
    whose host bits are set.
    """
    subject = _parse(address)
    text = plain_address(address).lower()
    found = False
    for item in pattern_list.split(","):
        pattern = item.strip().lower()
        negated = pattern.startswith("!")
        pattern = pattern[1:] if negated else pattern
        if not pattern:
            raise ValueError("empty item in an address list")
        if "/" in pattern:
            network = ipaddress.ip_network(pattern)
            hit = subject is not None and subject.version == network.version and subject in network
        else:
            hit = matches(text, pattern)
        if negated and hit:
            return False
        found = found or hit
    return found


def _parse(text: str) -> IPAddress | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
