"""The embedded server: an sshd for one ordinary user, inside a Python process."""

from __future__ import annotations

from jupyter_ssh.ssh.server.listening import Server, listen
from jupyter_ssh.ssh.server.logins.passwords import PasswordTable, hash_password
from jupyter_ssh.ssh.server.options import ServerOptions
from jupyter_ssh.ssh.server.processes.in_process import InProcess, SessionStart, in_process

__all__ = [
    "InProcess",
    "PasswordTable",
    "Server",
    "ServerOptions",
    "SessionStart",
    "hash_password",
    "in_process",
    "listen",
]
