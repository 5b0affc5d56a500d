"""The embedded server: an ordinary user's sshd inside a Python process."""

from __future__ import annotations

from jupyter_ssh.ssh.server.listening import Server, listen
from jupyter_ssh.ssh.server.logins.passwords import PasswordTable, hash_password
from jupyter_ssh.ssh.server.options import ServerOptions

__all__ = ["PasswordTable", "Server", "ServerOptions", "hash_password", "listen"]
