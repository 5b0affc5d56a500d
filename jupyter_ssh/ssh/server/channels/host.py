"""What the channels of a server need of a client's connection."""

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
    """What the key may do that let the client in."""
    user: str | None
    """The name that was logged in with."""
    client_address: tuple[str, int]
    server_address: tuple[str, int]

    @property
    def session(self) -> ServerSession:
        """The session."""

    @property
    def host_keys(self) -> Sequence[PrivateKey]:
        """The server's."""

    @property
    def forced_command(self) -> str | None:
        """What runs in the place of what the client asks for."""

    @property
    def extra_environment(self) -> Mapping[str, str]:
        """Variables of the server's own choice."""

    def left_behind(self, process: ServedProcess) -> None:
        """Take care of a process that was hung up and may take a moment to end."""
