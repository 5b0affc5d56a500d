"""What a server's channels need of a client's connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.protocol.session import ServerSession
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.options import ServerOptions
from jupyter_ssh.ssh.server.processes.process import ServedProcess


class ServerHost(ChannelHost, Protocol):
    """A client's connection, as its channels see it."""

    options: ServerOptions
    account: Account
    key_options: KeyOptions
    """The options of the key that authenticated the client (authorized_keys)."""
    user: str | None
    """The user name that the client logged in with."""
    client_address: tuple[str, int]
    server_address: tuple[str, int]

    @property
    def session(self) -> ServerSession:
        """The protocol session."""

    @property
    def host_keys(self) -> Sequence[PrivateKey]:
        """The host keys."""

    @property
    def forced_command(self) -> str | None:
        """The command that runs instead of the one the client requests."""

    @property
    def extra_environment(self) -> Mapping[str, str]:
        """Environment variables set by the server."""

    def left_behind(self, process: ServedProcess) -> None:
        """Take over a process that was hung up but has not ended yet."""
