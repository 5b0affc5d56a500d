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
    GROUP = "agreeing on a group"
    GROUP_STRICT = "agreeing on a group (strict)"
    GEX = "key exchange in the group"
    GEX_STRICT = "key exchange in the group (strict)"
    NEWKEYS = "taking new keys into use"
    NEWKEYS_STRICT = "taking new keys into use (strict)"
    SERVICE = "starting authentication"
    AUTH = "authentication"
    OPEN = "connection"
    REKEY = "renewing the keys"
    REKEY_GROUP = "agreeing on a group to renew the keys"
    REKEY_GEX = "renewing the keys in the group"
    REKEY_NEWKEYS = "taking renewed keys into use"
    CLOSED = "closed"


class Stage(enum.Enum):
    """What the peer's next message of a key exchange is; the value is the phase it may come in: in the first exchange
    of a connection, in that of one with strict key exchange, in those that renew the keys."""

    AGREEMENT = (Phase.KEX, Phase.KEX_STRICT, Phase.REKEY)
    """Its public value, where one message from each side does it."""
    GROUP = (Phase.GROUP, Phase.GROUP_STRICT, Phase.REKEY_GROUP)
    """A group, or the wish for one (RFC 4419)."""
    IN_GROUP = (Phase.GEX, Phase.GEX_STRICT, Phase.REKEY_GEX)
    """Its public value, in that group."""


EXCHANGE_PHASES: Final = frozenset(phase for stage in Stage for phase in stage.value) | {
    Phase.WRONG_GUESS,
    Phase.NEWKEYS,
    Phase.NEWKEYS_STRICT,
    Phase.REKEY_NEWKEYS,
}
"""From the peer's KEXINIT to its NEWKEYS."""
