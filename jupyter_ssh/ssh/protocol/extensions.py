"""Extension negotiation, RFC 8308: what each side says of itself in SSH_MSG_EXT_INFO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire.messages import ExtInfo
from jupyter_ssh.ssh.wire.types import Reader, string

MAX_EXTENSIONS: Final = 64


HOST_BOUND: Final = "publickey-hostbound@openssh.com"
"""The server takes signatures that name its host key too (OpenSSH PROTOCOL §3.1)."""


def server_ext_info(signature_algorithms: Sequence[str]) -> bytes:
    """The payload of a server's EXT_INFO: the signatures it takes, and what else it can do."""
    pairs = (("server-sig-algs", ",".join(signature_algorithms)), (HOST_BOUND, "0"), ("ping@openssh.com", "0"))
    return ExtInfo(len(pairs), b"".join(string(name) + string(value) for name, value in pairs)).encode()


def take_extensions(message: ExtInfo, extensions: dict[str, bytes]) -> None:
    """Adds what the peer says to ``extensions``; raises `WireError`."""
    reader = Reader(message.extensions)
    for _ in range(message.count):
        name = reader.text()
        extensions[name] = reader.string()
        if len(extensions) > MAX_EXTENSIONS:
            raise WireError("too many extensions", expected=f"at most {MAX_EXTENSIONS}")
    reader.finish()
