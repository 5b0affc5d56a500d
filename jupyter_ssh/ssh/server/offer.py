"""What a server offers unless it is told otherwise: less than a client, who has to reach what is there."""

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
"""Safe from quantum computers, and with a curve beside that nobody mistrusts.  OpenSSH since 9.0 and PuTTY since 0.78
have one of them; whoever lets in older clients adds what those have (``+curve25519-sha256``)."""

MACS_OFFERED: Final = tuple(name for name in names(MACS) if MACS[name].etm)
"""With the others a packet is decrypted before it is known to be genuine."""


def exchanges(legacy: bool) -> tuple[str, ...]:
    """Return the key exchange methods; with ``legacy`` all but broken ones."""
    return tuple(dict.fromkeys((*EXCHANGES_OFFERED, *names(EXCHANGES, legacy)))) if legacy else EXCHANGES_OFFERED


def macs(legacy: bool) -> tuple[str, ...]:
    """Return the MACs; with ``legacy`` all but broken ones."""
    return names(MACS, legacy) if legacy else MACS_OFFERED
