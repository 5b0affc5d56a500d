"""The client API: `connect`, and on the connection `run`, `start` and `open_tcp`."""

from __future__ import annotations

from jupyter_ssh.ssh.channels.interfaces import Reader, Stream, Writer
from jupyter_ssh.ssh.client.connecting import connect
from jupyter_ssh.ssh.client.connection import Connection
from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.process import Process
from jupyter_ssh.ssh.client.prompts import HostKeyQuestion, NoPrompts, Prompts
from jupyter_ssh.ssh.client.pty import Pty
from jupyter_ssh.ssh.client.redirection import DEVNULL, PIPE, STDOUT
from jupyter_ssh.ssh.client.result import Result

__all__ = [
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
]
