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

SIGNATURES: Final = "server-sig-algs"
"""The signature algorithms that the server accepts from keys (RFC 8308 §3.1)."""

IN_AUTHENTICATION: Final = "ext-info-in-auth@openssh.com"
"""The client accepts EXT_INFO during authentication too: what a server accepts may depend on the user (OpenSSH
PROTOCOL)."""


def server_ext_info(signature_algorithms: Sequence[str]) -> bytes:
    """Return the payload of a server's EXT_INFO: the signatures it accepts, and what else it supports."""
    return _ext_info((SIGNATURES, ",".join(signature_algorithms)), (HOST_BOUND, "0"), ("ping@openssh.com", "0"))


def server_ext_info_for_user(signature_algorithms: Sequence[str]) -> bytes:
    """Return the payload of the EXT_INFO for a client that announced `IN_AUTHENTICATION`, once the user is known."""
    return _ext_info((SIGNATURES, ",".join(signature_algorithms)))


def client_ext_info() -> bytes:
    """Return the payload of a client's EXT_INFO."""
    return _ext_info((IN_AUTHENTICATION, "0"))


def _ext_info(*pairs: tuple[str, str]) -> bytes:
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
