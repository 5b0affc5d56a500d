"""What lives in the IPython kernel: the engine's thread, the connections on it, and how they look and ask."""

from __future__ import annotations

from jupyter_ssh.kernel.facade import Connection, Process, Result, TcpStream, connect, connect_async

__all__ = ["Connection", "Process", "Result", "TcpStream", "connect", "connect_async"]
