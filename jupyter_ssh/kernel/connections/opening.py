"""``jupyter_ssh.connect`` and ``connect_async``."""

from __future__ import annotations

from typing import Any

from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.faces.face import behind
from jupyter_ssh.ssh.errors import ConfigError


@hides_own_frames
def connect(target: str, **options: Any) -> Connection:
    """Connect to ``target`` ("alice@host", "host", "ssh://alice@host:2222") and return the open connection.

    Options are those of `jupyter_ssh.ssh.connect`: ``port=2222``, ``identity_file=PATH``, and every keyword of
    ssh_config in snake_case. Host keys are checked against known_hosts; questions are asked in the cell.
    With ``reconnect=True`` a connection that was lost is made again when it is used next; nothing is run twice.
    ``tunnel`` may be a connection of `connect` as well.
    """
    return get_connections().open_own(target, _checked(options))


async def connect_async(target: str, **options: Any) -> Connection:
    """`connect` for ``await``: the kernel's loop goes on meanwhile."""
    return await get_connections().open_own_async(target, _checked(options))


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("reconnect") and options.get("sock") is not None:
        raise ConfigError(
            "a socket that was given cannot be connected again",
            phase="options",
            received="sock and reconnect",
            next_step="Leave one of them out.",
        )
    return {name: behind(value) for name, value in options.items()}
