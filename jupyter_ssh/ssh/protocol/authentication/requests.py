"""What both halves of authentication share (RFC 4252)."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.wire.numbers import SSH_MSG_USERAUTH_REQUEST
from jupyter_ssh.ssh.wire.types import boolean, string

SERVICE: Final = "ssh-userauth"
CONNECTION_SERVICE: Final = "ssh-connection"

MAX_PROMPTS: Final = 64
"""Questions in one keyboard-interactive message; a person answers a handful."""


PUBLICKEY: Final = "publickey"
PUBLICKEY_HOST_BOUND: Final = "publickey-hostbound-v00@openssh.com"
"""OpenSSH PROTOCOL §3.1: publickey with a signature over the server's host key too: it is of use nowhere else."""


def signed_data(session_id: bytes, user: str, algorithm: str, key: bytes, host_key: bytes | None = None) -> bytes:
    """What a publickey request signs (RFC 4252 §7); with ``host_key``, the server's blob, a host-bound one."""
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
