"""GATE: which message numbers the peer may send, by our role and the phase.

`Dispatcher` looks a handler up only for a number that the row handles.  A number that it ignores is counted and goes
unread, see `strays`; any other number ends the connection.  Nothing else decides whether a message may be read.  Which
phase follows which is in NEXT, see `transitions`.

RFC 4253 §7.1 allows only key-exchange messages between the peer's KEXINIT and its NEWKEYS; strict key exchange
(OpenSSH PROTOCOL §1.10) forbids even IGNORE and DEBUG during the first exchange, so that no message can be slipped in
before encryption begins.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from jupyter_ssh.ssh.protocol.roles import Phase, Role, Stage
from jupyter_ssh.ssh.wire import numbers as n

DISCONNECT: Final = frozenset({n.SSH_MSG_DISCONNECT})

GENERIC: Final = DISCONNECT | {n.SSH_MSG_IGNORE, n.SSH_MSG_UNIMPLEMENTED, n.SSH_MSG_DEBUG}
"""RFC 4253 §11: at any time, except during a strict key exchange."""

EXCHANGE_NUMBERS: Final = frozenset(range(30, 50))
"""RFC 4250 §4.1.2: each key exchange method gives them its own meaning."""

UNASSIGNED: Final = frozenset(range(1, 256)) - n.NAMES.keys() - EXCHANGE_NUMBERS - frozenset(range(60, 80))
"""Numbers without a meaning: answered with UNIMPLEMENTED (RFC 4253 §11.4) once keys are in use.

60 to 79 are not among them: each authentication method gives them its own meaning.
"""

ENCRYPTED: Final = GENERIC | UNASSIGNED | {n.SSH_MSG_KEXINIT}

PING: Final = frozenset({n.SSH2_MSG_PING, n.SSH2_MSG_PONG})

EXCHANGE: Final = {
    Role.CLIENT: {
        Stage.AGREEMENT: frozenset({n.SSH_MSG_KEX_ECDH_REPLY}),
        Stage.GROUP: frozenset({n.SSH_MSG_KEX_DH_GEX_GROUP}),
        Stage.IN_GROUP: frozenset({n.SSH_MSG_KEX_DH_GEX_REPLY}),
    },
    Role.SERVER: {
        Stage.AGREEMENT: frozenset({n.SSH_MSG_KEX_ECDH_INIT}),
        Stage.GROUP: frozenset({n.SSH_MSG_KEX_DH_GEX_REQUEST, n.SSH_MSG_KEX_DH_GEX_REQUEST_OLD}),
        Stage.IN_GROUP: frozenset({n.SSH_MSG_KEX_DH_GEX_INIT}),
    },
}

CONNECTION: Final = frozenset(range(n.SSH_MSG_GLOBAL_REQUEST, n.SSH_MSG_REQUEST_FAILURE + 1)) | frozenset(
    range(n.SSH_MSG_CHANNEL_OPEN, n.SSH_MSG_CHANNEL_FAILURE + 1)
)

NOTHING: Final[frozenset[int]] = frozenset()

STRAY: Final = {
    Role.CLIENT: frozenset(
        {
            n.SSH_MSG_SERVICE_ACCEPT,
            n.SSH_MSG_EXT_INFO,
            n.SSH_MSG_USERAUTH_FAILURE,
            n.SSH_MSG_USERAUTH_SUCCESS,
            n.SSH_MSG_USERAUTH_BANNER,
            n.SSH_MSG_USERAUTH_PK_OK,
        }
    ),
    Role.SERVER: frozenset(
        {
            n.SSH_MSG_SERVICE_REQUEST,
            n.SSH_MSG_EXT_INFO,
            n.SSH_MSG_USERAUTH_REQUEST,  # RFC 4252 §5.1: it was under way when authentication succeeded
        }
    ),
}
"""Messages of the authentication that come after it, from servers and clients in use; OpenSSH ignores them too."""


class Row(NamedTuple):
    """The numbers that are handled and those that are ignored; all others are forbidden."""

    handled: frozenset[int]
    ignored: frozenset[int] = NOTHING


def _handled(role: Role) -> dict[Phase, frozenset[int]]:
    client = role is Role.CLIENT
    exchange = EXCHANGE[role]
    return {
        Phase.VERSION: NOTHING,
        Phase.KEXINIT: GENERIC | {n.SSH_MSG_KEXINIT},
        Phase.WRONG_GUESS: DISCONNECT | EXCHANGE_NUMBERS,
        Phase.KEX: GENERIC | exchange[Stage.AGREEMENT],
        Phase.KEX_STRICT: DISCONNECT | exchange[Stage.AGREEMENT],
        Phase.GROUP: GENERIC | exchange[Stage.GROUP],
        Phase.GROUP_STRICT: DISCONNECT | exchange[Stage.GROUP],
        Phase.GEX: GENERIC | exchange[Stage.IN_GROUP],
        Phase.GEX_STRICT: DISCONNECT | exchange[Stage.IN_GROUP],
        Phase.NEWKEYS: GENERIC | {n.SSH_MSG_NEWKEYS},
        Phase.NEWKEYS_STRICT: DISCONNECT | {n.SSH_MSG_NEWKEYS},
        Phase.SERVICE: ENCRYPTED
        | {n.SSH_MSG_EXT_INFO, n.SSH_MSG_SERVICE_ACCEPT if client else n.SSH_MSG_SERVICE_REQUEST},
        Phase.AUTH: ENCRYPTED
        | PING
        | (
            {
                n.SSH_MSG_EXT_INFO,  # RFC 8308 §2.4: again just before USERAUTH_SUCCESS
                n.SSH_MSG_USERAUTH_FAILURE,
                n.SSH_MSG_USERAUTH_SUCCESS,
                n.SSH_MSG_USERAUTH_BANNER,
                n.SSH_MSG_USERAUTH_PK_OK,
            }
            if client
            # Paramiko asks for the service again before each attempt, and sshd grants it again.
            else {n.SSH_MSG_SERVICE_REQUEST, n.SSH_MSG_USERAUTH_REQUEST, n.SSH_MSG_USERAUTH_INFO_RESPONSE}
        ),
        Phase.OPEN: ENCRYPTED | PING | CONNECTION,
        Phase.REKEY: GENERIC | exchange[Stage.AGREEMENT],
        Phase.REKEY_WRONG_GUESS: DISCONNECT | EXCHANGE_NUMBERS,
        Phase.REKEY_GROUP: GENERIC | exchange[Stage.GROUP],
        Phase.REKEY_GEX: GENERIC | exchange[Stage.IN_GROUP],
        Phase.REKEY_NEWKEYS: GENERIC | {n.SSH_MSG_NEWKEYS},
        Phase.CLOSED: NOTHING,
    }


GATE: Final[dict[tuple[Role, Phase], Row]] = {
    # Nothing is ignored before the login or while keys change.
    (role, phase): Row(handled, STRAY[role] if phase is Phase.OPEN else NOTHING)
    for role in Role
    for phase, handled in _handled(role).items()
}
