"""What lives in the IPython kernel: the engine's thread, the connections on it, and how they look and ask.

Names are imported at first use: the magics are registered without the stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.opening import connect, connect_async
    from jupyter_ssh.kernel.facade import Connection, Process, Result, TcpStream

__all__ = ["Connection", "Process", "Result", "TcpStream", "connect", "connect_async"]

_OPENING = ("connect", "connect_async")


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = "jupyter_ssh.kernel.connections.opening" if name in _OPENING else "jupyter_ssh.kernel.facade"
        return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
