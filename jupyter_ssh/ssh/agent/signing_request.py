"""Recognize what a client wants signed: a login (RFC 4252 §7), a file (PROTOCOL.sshsig), or something else."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.errors import SSHError, WireError
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import ALL_ALGORITHMS, parse_key_or_certificate
from jupyter_ssh.ssh.wire.numbers import SSH_MSG_USERAUTH_REQUEST
from jupyter_ssh.ssh.wire.types import Reader

PUBLICKEY = "publickey"
HOSTBOUND = "publickey-hostbound-v00@openssh.com"
FILE_MAGIC = b"SSHSIG"
MAX_NAME = 1024


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """The signed data of a publickey login."""

    user: str
    session_id: bytes
    host_key: PublicKey | None
    """The host's key, if the login is bound to it (PROTOCOL §3.1)."""


def login_request(data: bytes, blob: bytes) -> LoginRequest | None:
    """Parse ``data`` as a login with the key ``blob``; None if it is not one."""
    fields = Reader(data)
    try:
        session_id = fields.string(64)
        number, user, service = fields.byte(), fields.text(MAX_NAME), fields.text(64)
        method, signed, algorithm = fields.text(64), fields.boolean(), fields.text(64)
        key = fields.string()
        host_key = fields.string() if method == HOSTBOUND else None
        fields.finish()
        if number != SSH_MSG_USERAUTH_REQUEST or service != "ssh-connection" or not signed:
            return None
        if method not in (PUBLICKEY, HOSTBOUND) or algorithm not in ALL_ALGORITHMS or key != blob:
            return None
        return LoginRequest(user, session_id, None if host_key is None else parse_key_or_certificate(host_key, 1024))
    except (WireError, SSHError):
        return None


def purpose(data: bytes, blob: bytes) -> str:
    """Return the purpose of a signature, as text for a question."""
    login = login_request(data, blob)
    if login is not None:
        return f"to log in as {login.user!r}"
    return "to sign a file" if data.startswith(FILE_MAGIC) else "to sign data of an unknown kind"


def safe_for_security_key(data: bytes, blob: bytes, application: str) -> bool:
    """Return whether a security key may sign ``data``; one made for the web only signs what no web page can ask for.

    Otherwise a remote machine with a forwarded agent could log in to web sites (as in OpenSSH's agent).
    """
    return application.startswith("ssh:") or login_request(data, blob) is not None or data.startswith(FILE_MAGIC)
