"""What people use: `connect`, and on the connection `run`, `start` and `open_tcp`."""

from __future__ import annotations

from jupyter_ssh.ssh.channels.streams import Reader, Writer
from jupyter_ssh.ssh.client.connecting import connect
from jupyter_ssh.ssh.client.connection import Connection
from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.process import Process, Pty, Result
from jupyter_ssh.ssh.client.prompts import HostKeyQuestion, NoPrompts, Prompts

__all__ = [
    "Connection",
    "ConnectionInfo",
    "HostKeyQuestion",
    "NoPrompts",
    "Process",
    "Prompts",
    "Pty",
    "Reader",
    "Result",
    "Writer",
    "connect",
]
