"""Who we are and how far the connection is."""

from __future__ import annotations

import enum
from typing import Final


class Role(enum.Enum):
    """Which end of the connection this is."""

    CLIENT = "client"
    SERVER = "server"


class Phase(enum.Enum):
    """What the peer may send next; the value is the name for people.

    Phases speak of the receiving direction only: what we may send while keys change is `Transport.exchanging`.
    """

    VERSION = "version exchange"
    KEXINIT = "waiting for the peer's algorithms"
    WRONG_GUESS = "skipping a wrongly guessed key exchange packet"
    KEX = "key exchange"
    KEX_STRICT = "key exchange (strict)"
    NEWKEYS = "taking new keys into use"
    NEWKEYS_STRICT = "taking new keys into use (strict)"
    SERVICE = "starting authentication"
    AUTH = "authentication"
    OPEN = "connection"
    REKEY = "renewing the keys"
    REKEY_NEWKEYS = "taking renewed keys into use"
    CLOSED = "closed"


EXCHANGE_PHASES: Final = frozenset(
    {
        Phase.WRONG_GUESS,
        Phase.KEX,
        Phase.KEX_STRICT,
        Phase.NEWKEYS,
        Phase.NEWKEYS_STRICT,
        Phase.REKEY,
        Phase.REKEY_NEWKEYS,
    }
)
"""From the peer's KEXINIT to its NEWKEYS."""
