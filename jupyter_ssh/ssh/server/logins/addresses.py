"""Lists of addresses as in ``from=``: patterns, CIDR ranges and ``!``."""

from __future__ import annotations

import ipaddress

from jupyter_ssh.ssh.config.patterns import matches
from jupyter_ssh.ssh.net.addresses import parse_address, plain_address


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
        else:
            hit = matches(text, pattern)
        if negated and hit:
            return False
        found = found or hit
    return found
