"""The role of this side, and the phase of the connection."""

from __future__ import annotations

import enum
from typing import Final


class Role(enum.Enum):
    """Whether this side is the client or the server."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Role:
        """The peer's role."""
        return Role.SERVER if self is Role.CLIENT else Role.CLIENT


class Phase(enum.Enum):
    """What the peer may send next; the value is the name shown to people.

    Phases are about the receiving direction only; for what we may send during a key exchange see
    `Handshake.exchanging`.
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
    NEWKEYS = "waiting for the peer's new keys"
    NEWKEYS_STRICT = "waiting for the peer's new keys (strict)"
    SERVICE = "starting authentication"
    AUTH = "authentication"
    OPEN = "connection"
    REKEY = "key re-exchange"
    REKEY_WRONG_GUESS = "skipping a wrongly guessed key re-exchange packet"
    REKEY_GROUP = "agreeing on a group for the key re-exchange"
    REKEY_GEX = "key re-exchange in the group"
    REKEY_NEWKEYS = "waiting for the peer's new keys after a key re-exchange"
    CLOSED = "closed"


class Stage(enum.Enum):
    """What the peer's next message of a key exchange is."""

    AGREEMENT = "its public value, where one message from each side is enough"
    GROUP = "a group, or the request for one (RFC 4419)"
    IN_GROUP = "its public value in that group"


WRONG_GUESSES: Final = frozenset({Phase.WRONG_GUESS, Phase.REKEY_WRONG_GUESS})

REKEY_PHASES: Final = frozenset(
    {Phase.REKEY, Phase.REKEY_WRONG_GUESS, Phase.REKEY_GROUP, Phase.REKEY_GEX, Phase.REKEY_NEWKEYS}
)

EXCHANGE_PHASES: Final = REKEY_PHASES | {
    Phase.WRONG_GUESS,
    Phase.KEX,
    Phase.KEX_STRICT,
    Phase.GROUP,
    Phase.GROUP_STRICT,
    Phase.GEX,
    Phase.GEX_STRICT,
    Phase.NEWKEYS,
    Phase.NEWKEYS_STRICT,
}
"""From the peer's KEXINIT to its NEWKEYS."""
