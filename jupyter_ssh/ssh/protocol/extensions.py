"""Extension negotiation, RFC 8308: what each side announces in SSH_MSG_EXT_INFO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire.messages import ExtInfo
from jupyter_ssh.ssh.wire.types import Reader, string

MAX_EXTENSIONS: Final = 64

HOST_BOUND: Final = "publickey-hostbound@openssh.com"
"""The server accepts signatures that name its host key too (OpenSSH PROTOCOL §3.1)."""


def server_ext_info(signature_algorithms: Sequence[str]) -> bytes:
    """Return the payload of a server's EXT_INFO: the signatures it accepts, and what else it supports."""
    pairs = (("server-sig-algs", ",".join(signature_algorithms)), (HOST_BOUND, "0"), ("ping@openssh.com", "0"))
    return ExtInfo(len(pairs), b"".join(string(name) + string(value) for name, value in pairs)).encode()


def take_extensions(message: ExtInfo, extensions: dict[str, bytes]) -> None:
    """Add what the peer announces to ``extensions``; raise `WireError` if it is malformed or too much."""
    reader = Reader(message.extensions)
    for _ in range(message.count):
        name = reader.text()
        extensions[name] = reader.string()
        if len(extensions) > MAX_EXTENSIONS:
            raise WireError("too many extensions", expected=f"at most {MAX_EXTENSIONS}")
    reader.finish()
