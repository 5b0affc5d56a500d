"""The SSH stack, usable without Jupyter: ``from jupyter_ssh.ssh import connect, listen``.

Names are imported at first use, so that one who needs a client never loads the server.  The errors
(`jupyter_ssh.ssh.errors`) can be imported from here too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client import Pty, connect
    from jupyter_ssh.ssh.errors import *
    from jupyter_ssh.ssh.server import listen

__all__ = ["Pty", "SSHError", "connect", "listen"]

_HOMES = {
    "Pty": "jupyter_ssh.ssh.client",
    "connect": "jupyter_ssh.ssh.client",
    "listen": "jupyter_ssh.ssh.server",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    errors = import_module("jupyter_ssh.ssh.errors")
    value = getattr(errors, name, None)
    if isinstance(value, type) and issubclass(value, errors.SSHError):
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
