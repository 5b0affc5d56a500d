"""NEXT: which phase follows which, by our role and by a trigger.

It complements GATE, which says what the peer may send in a phase.  A pair that is not in the table is a bug of ours,
because GATE lets no message through that could cause it.
"""

from __future__ import annotations

import enum
from typing import Final

from jupyter_ssh.ssh.protocol.roles import Phase, Role, Stage


class Trigger(enum.Enum):
    """What takes a session to its next phase."""

    VERSION = "the peer's identification string was received"
    WRONG_GUESS = "algorithms were agreed on, and the packet that the peer sent along is for others"
    AGREEMENT = "algorithms were agreed on; the peer's public value is next"
    AGREEMENT_STRICT = "the same, and the key exchange is strict"
    GROUP = "algorithms were agreed on; a group, or the request for one, is next"
    GROUP_STRICT = "the same for a group, and the key exchange is strict"
    IN_GROUP = "there is a group; the peer's public value is next"
    SECRET = "the shared secret is known"
    NEWKEYS = "the peer's NEWKEYS was received"
    SERVICE = "the authentication service was granted"
    LOGIN = "a user is logged in"
    END = "the session is over"


OF_LAYERS: Final = frozenset({Trigger.SERVICE, Trigger.LOGIN})
"""Those of the layers above the transport.  They may come while keys change: deciding on a login may take a while."""

RESUME: Final = None
"""In NEXT: back to the phase that the key exchange interrupted, or to the one that has followed it meanwhile."""

BEGINNINGS: Final = {
    Stage.AGREEMENT: (Trigger.AGREEMENT, Trigger.AGREEMENT_STRICT),
    Stage.GROUP: (Trigger.GROUP, Trigger.GROUP_STRICT),
}
"""By how a key exchange begins: its trigger, and that of a first one that is strict (OpenSSH PROTOCOL §1.10)."""

Row = dict[Trigger, Phase | None]

_BEGIN_FIRST: Final[Row] = {
    Trigger.AGREEMENT: Phase.KEX,
    Trigger.AGREEMENT_STRICT: Phase.KEX_STRICT,
    Trigger.GROUP: Phase.GROUP,
    Trigger.GROUP_STRICT: Phase.GROUP_STRICT,
}
_BEGIN_AGAIN: Final[Row] = {Trigger.AGREEMENT: Phase.REKEY, Trigger.GROUP: Phase.REKEY_GROUP}
_INTERRUPT: Final[Row] = _BEGIN_AGAIN | {Trigger.WRONG_GUESS: Phase.REKEY_WRONG_GUESS}


def _rows(role: Role) -> dict[Phase, Row]:
    # A client may ask for the service again before each attempt, as Paramiko does; sshd grants it again.
    service_again: Row = {Trigger.SERVICE: Phase.AUTH} if role is Role.SERVER else {}
    return {
        Phase.VERSION: {Trigger.VERSION: Phase.KEXINIT},
        Phase.KEXINIT: _BEGIN_FIRST | {Trigger.WRONG_GUESS: Phase.WRONG_GUESS},
        Phase.WRONG_GUESS: {**_BEGIN_FIRST},
        Phase.KEX: {Trigger.SECRET: Phase.NEWKEYS},
        Phase.KEX_STRICT: {Trigger.SECRET: Phase.NEWKEYS_STRICT},
        Phase.GROUP: {Trigger.IN_GROUP: Phase.GEX},
        Phase.GROUP_STRICT: {Trigger.IN_GROUP: Phase.GEX_STRICT},
        Phase.GEX: {Trigger.SECRET: Phase.NEWKEYS},
        Phase.GEX_STRICT: {Trigger.SECRET: Phase.NEWKEYS_STRICT},
        Phase.NEWKEYS: {Trigger.NEWKEYS: Phase.SERVICE},
        Phase.NEWKEYS_STRICT: {Trigger.NEWKEYS: Phase.SERVICE},
        Phase.SERVICE: _INTERRUPT | {Trigger.SERVICE: Phase.AUTH},
        Phase.AUTH: _INTERRUPT | {Trigger.LOGIN: Phase.OPEN} | service_again,
        Phase.OPEN: {**_INTERRUPT},
        Phase.REKEY_WRONG_GUESS: {**_BEGIN_AGAIN},
        Phase.REKEY: {Trigger.SECRET: Phase.REKEY_NEWKEYS},
        Phase.REKEY_GROUP: {Trigger.IN_GROUP: Phase.REKEY_GEX},
        Phase.REKEY_GEX: {Trigger.SECRET: Phase.REKEY_NEWKEYS},
        Phase.REKEY_NEWKEYS: {Trigger.NEWKEYS: RESUME},
    }


NEXT: Final[dict[tuple[Role, Phase, Trigger], Phase | None]] = {
    (role, phase, trigger): following
    for role in Role
    for phase, row in _rows(role).items()
    for trigger, following in (row | {Trigger.END: Phase.CLOSED}).items()
}


def next_phase(role: Role, phase: Phase, trigger: Trigger) -> Phase | None:
    """Return the entry of NEXT; raise `RuntimeError` if there is none."""
    try:
        return NEXT[role, phase, trigger]
    except KeyError:
        raise RuntimeError(f"nothing follows the phase {phase.name} of a {role.value} by {trigger.name}") from None
