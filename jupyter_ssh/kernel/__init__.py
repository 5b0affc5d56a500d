"""The part that runs in the IPython kernel: the engine's thread, its connections, their display and their questions.

Names are imported on first use, so that registering the magics does not load the stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.connection import AsyncConnection, Connection
    from jupyter_ssh.kernel.connections.opening import connect, connect_async
    from jupyter_ssh.kernel.faces.awaitable import AsyncProcess, AsyncReader, AsyncWriter
    from jupyter_ssh.kernel.faces.blocking import Process, Reader, Writer
    from jupyter_ssh.ssh.client import Result

_HOMES = {
    "jupyter_ssh.kernel.connections.opening": ("connect", "connect_async"),
    "jupyter_ssh.kernel.connections.connection": ("AsyncConnection", "Connection"),
    "jupyter_ssh.kernel.faces.awaitable": ("AsyncProcess", "AsyncReader", "AsyncWriter"),
    "jupyter_ssh.kernel.faces.blocking": ("Process", "Reader", "Writer"),
    "jupyter_ssh.ssh.client": ("Result",),
}

__all__ = [
    "AsyncConnection",
    "AsyncProcess",
    "AsyncReader",
    "AsyncWriter",
    "Connection",
    "Process",
    "Reader",
    "Result",
    "Writer",
    "connect",
    "connect_async",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
