"""What both halves of authentication share (RFC 4252)."""

from __future__ import annotations

from typing import Final

from ..wire.numbers import SSH_MSG_USERAUTH_REQUEST
from ..wire.types import boolean, string

SERVICE: Final = "ssh-userauth"
CONNECTION_SERVICE: Final = "ssh-connection"

MAX_PROMPTS: Final = 64
"""Questions in one keyboard-interactive message; a person answers a handful."""


def signed_data(session_id: bytes, user: str, algorithm: str, key: bytes) -> bytes:
    """What a publickey request signs (RFC 4252 §7)."""
    return b"".join(
        (
            string(session_id),
            bytes((SSH_MSG_USERAUTH_REQUEST,)),
            string(user),
            string(CONNECTION_SERVICE),
            string("publickey"),
            boolean(True),
            string(algorithm),
            string(key),
        )
    )
