"""The algorithms a server offers by default: fewer than a client, which has to reach existing servers."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names

EXCHANGES_OFFERED: Final = (
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
)
"""Post-quantum hybrids with a well-trusted curve.  OpenSSH since 9.0 and PuTTY since 0.78 have one of them; for older
clients add what those have (``+curve25519-sha256``)."""

MACS_OFFERED: Final = tuple(name for name in names(MACS) if MACS[name].etm)
"""Encrypt-then-MAC only: with the others a packet is decrypted before it is authenticated."""


def exchanges(legacy: bool) -> tuple[str, ...]:
    """Return the key exchange methods; with ``legacy`` all except broken ones."""
    return tuple(dict.fromkeys((*EXCHANGES_OFFERED, *names(EXCHANGES, legacy)))) if legacy else EXCHANGES_OFFERED


def macs(legacy: bool) -> tuple[str, ...]:
    """Return the MACs; with ``legacy`` all except broken ones."""
    return names(MACS, legacy) if legacy else MACS_OFFERED
