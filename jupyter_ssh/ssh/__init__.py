"""The SSH stack, usable without Jupyter: ``from jupyter_ssh.ssh import connect, listen``.

Names are imported at first use, so that a client never loads the server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import (
        DEVNULL,
        PIPE,
        STDOUT,
        Connection,
        ConnectionInfo,
        HostKeyQuestion,
        NoPrompts,
        Process,
        Prompts,
        Pty,
        Reader,
        Result,
        Stream,
        Writer,
        connect,
    )
    from jupyter_ssh.ssh.errors import *
    from jupyter_ssh.ssh.server import PasswordTable, Server, ServerOptions, hash_password, listen

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "AgentError",
    "AgentRefused",
    "AgentUnavailable",
    "AuthenticationError",
    "CertificateAddressError",
    "CertificateAuthorityUnknown",
    "CertificateError",
    "CertificateExpired",
    "CertificateNotYetValid",
    "CertificateOptionError",
    "CertificatePrincipalError",
    "CertificateSignatureError",
    "CertificateSignedByCertificate",
    "CertificateTypeError",
    "ChannelClosed",
    "ChannelError",
    "ChannelOpenError",
    "ChannelRequestDenied",
    "ConfigError",
    "ConnectError",
    "Connection",
    "ConnectionClosed",
    "ConnectionInfo",
    "ConnectionLost",
    "DeadlineExceeded",
    "DisconnectedByPeer",
    "HostCertificateError",
    "HostKeyChanged",
    "HostKeyError",
    "HostKeyQuestion",
    "HostKeyRevoked",
    "HostKeyUnknown",
    "KeyExchangeError",
    "KeyFileError",
    "KeyFormatError",
    "KeygenError",
    "KnownHostsError",
    "MemoryBudgetExceeded",
    "NameNotFound",
    "NegotiationError",
    "NoPrompts",
    "PacketError",
    "PacketIntegrityError",
    "PassphraseNeeded",
    "PasswordTable",
    "Process",
    "PromptUnavailable",
    "Prompts",
    "ProtocolError",
    "ProxyError",
    "Pty",
    "Reader",
    "RemoteCommandError",
    "Result",
    "SSHError",
    "Server",
    "ServerOptions",
    "SignatureError",
    "StrayMessages",
    "Stream",
    "TerminalNeeded",
    "UnexpectedMessage",
    "VersionError",
    "WindowError",
    "WireError",
    "Writer",
    "WrongPassphrase",
    "connect",
    "hash_password",
    "listen",
]

_HOMES = {
    "jupyter_ssh.ssh.client": (
        "DEVNULL",
        "PIPE",
        "STDOUT",
        "Connection",
        "ConnectionInfo",
        "HostKeyQuestion",
        "NoPrompts",
        "Process",
        "Prompts",
        "Pty",
        "Reader",
        "Result",
        "Stream",
        "Writer",
        "connect",
    ),
    "jupyter_ssh.ssh.server": ("PasswordTable", "Server", "ServerOptions", "hash_password", "listen"),
}
"""Where names come from; all others are errors."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = next((home for home, names in _HOMES.items() if name in names), "jupyter_ssh.ssh.errors")
        return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
