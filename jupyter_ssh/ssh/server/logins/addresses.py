"""Lists of addresses as in ``from=``: patterns, CIDR ranges and ``!``."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from jupyter_ssh.ssh.config.patterns import matches
from jupyter_ssh.ssh.net.addresses import parse_address, plain_address

_OF_ADDRESSES: Final = re.compile(r"(?=.*[.:*?])([0-9.*?]+|[0-9a-f:*?]+)", re.IGNORECASE)
"""A pattern that some address may match, unlike "client.example", "*.example" and "cafe.de"."""


def check_addresses(pattern_list: str) -> None:
    """Check that each item of a list as in `address_matches` may match some address.  Raises `ValueError`."""
    for address in ("0.0.0.0", "::"):
        address_matches(address, pattern_list)
    for item in pattern_list.split(","):
        pattern = item.strip().removeprefix("!")
        if "/" not in pattern and parse_address(pattern) is None and not _OF_ADDRESSES.fullmatch(pattern):
            raise ValueError("names of clients are not looked up")


def address_matches(address: str, pattern_list: str) -> bool:
    """Return whether an address matches a comma-separated list; a negated match overrides others (ssh_config(5),
    PATTERNS).

    Host names are not looked up, so a name in the list never matches.  Raises `ValueError` for an empty item or a range
    with host bits set.
    """
    subject = parse_address(address)
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
        elif (exact := parse_address(pattern)) is not None:
            hit = exact == subject  # however it is written
        else:
            hit = matches(text, pattern)
        if negated and hit:
            return False
        found = found or hit
    return found
