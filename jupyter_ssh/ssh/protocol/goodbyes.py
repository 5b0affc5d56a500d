"""What the peer is told of an error that ends the connection (RFC 4253 §11.1)."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.errors import HostKeyError, KeyFormatError, ProtocolError, SSHError, WireError
from jupyter_ssh.ssh.wire import numbers as n

_REASONS: Final[dict[type[SSHError], int]] = {
    HostKeyError: n.SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
    KeyFormatError: n.SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
    WireError: n.SSH_DISCONNECT_PROTOCOL_ERROR,
}
"""What the peer is told of its errors that are not `ProtocolError`, which know their reason themselves."""


def goodbye_reason(error: SSHError) -> int | None:
    """The code of SSH_MSG_DISCONNECT; None for an error that is none of the peer's business."""
    if isinstance(error, ProtocolError):
        return error.reason
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
