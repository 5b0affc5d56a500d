"""The reason that the peer is given for an error that ends the connection (RFC 4253 §11.1)."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.errors import HostKeyError, KeyFormatError, ProtocolError, SSHError, WireError
from jupyter_ssh.ssh.wire import numbers as n

_REASONS: Final[dict[type[SSHError], int]] = {
    HostKeyError: n.SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
    KeyFormatError: n.SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
    WireError: n.SSH_DISCONNECT_PROTOCOL_ERROR,
}
"""The reasons for errors of the peer other than `ProtocolError`, which carries its own one."""


def goodbye_reason(error: SSHError) -> int | None:
    """Return the reason code for SSH_MSG_DISCONNECT; None for an error that does not concern the peer."""
    if isinstance(error, ProtocolError):
        return error.reason
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
