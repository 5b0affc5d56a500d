"""Definitions shared by both halves of authentication (RFC 4252)."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.wire.numbers import SSH_MSG_USERAUTH_REQUEST
from jupyter_ssh.ssh.wire.types import boolean, string

SERVICE: Final = "ssh-userauth"
CONNECTION_SERVICE: Final = "ssh-connection"

MAX_PROMPTS: Final = 64
"""The limit of questions in one keyboard-interactive message; in practice there are a few."""


PUBLICKEY: Final = "publickey"
PUBLICKEY_HOST_BOUND: Final = "publickey-hostbound-v00@openssh.com"
"""OpenSSH PROTOCOL §3.1: publickey whose signature also covers the host key, so that no other server accepts it."""


def signed_data(session_id: bytes, user: str, algorithm: str, key: bytes, host_key: bytes | None = None) -> bytes:
    """Return what the signature of a publickey request covers (RFC 4252 §7).

    With ``host_key``, the server's key blob, the request is host-bound."""
    return b"".join(
        (
            string(session_id),
            bytes((SSH_MSG_USERAUTH_REQUEST,)),
            string(user),
            string(CONNECTION_SERVICE),
            string(PUBLICKEY if host_key is None else PUBLICKEY_HOST_BOUND),
            boolean(True),
            string(algorithm),
            string(key),
            b"" if host_key is None else string(host_key),
        )
    )
