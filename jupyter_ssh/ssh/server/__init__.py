"""The embedded server: an ordinary user's sshd inside a Python process."""

from __future__ import annotations

from .listening import Server, listen
from .options import ServerOptions
from .passwords import PasswordTable, hash_password

__all__ = ["PasswordTable", "Server", "ServerOptions", "hash_password", "listen"]
