"""What lives in the IPython kernel: the engine's thread, the connections on it, and how they look and ask.

Names are imported at first use: the magics are registered without the stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_ssh.kernel.facade import Connection, Process, Result, TcpStream, connect, connect_async

__all__ = ["Connection", "Process", "Result", "TcpStream", "connect", "connect_async"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("jupyter_ssh.kernel.facade"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
