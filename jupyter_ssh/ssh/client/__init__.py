"""What people use: `connect`, and on the connection `run`, `start` and `open_tcp`."""

from __future__ import annotations

from .connection import Connection, ConnectionInfo, connect
from .process import Process, Pty, Result
from .prompts import HostKeyQuestion, NoPrompts, Prompts
from .streams import Reader, Writer

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
