"""``jupyter_ssh.connect`` and ``connect_async``."""

from __future__ import annotations

from typing import Any

from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.door import door


@door
def connect(target: str, **options: Any) -> Connection:
    """Connect to ``target`` ("alice@host", "host", "ssh://alice@host:2222") and return the open connection.

    Options are those of `jupyter_ssh.ssh.connect`: ``port=2222``, ``identity_file=PATH``, and every keyword of
    ssh_config in snake_case. Host keys are checked against known_hosts; questions are asked in the cell.
    With ``reconnect=True`` a connection that was lost is made again when it is used next; nothing is run twice.
    """
    return get_connections().open_own(target, options)


async def connect_async(target: str, **options: Any) -> Connection:
    """`connect` for ``await``: the kernel's loop goes on meanwhile."""
    return await get_connections().open_own_async(target, options)
