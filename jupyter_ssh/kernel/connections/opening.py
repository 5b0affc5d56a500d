"""The functions `jupyter_ssh.connect` and `jupyter_ssh.connect_async`."""

from __future__ import annotations

from typing import Any

from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.connections.connection import Connection, entry_behind
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.faces.face import behind
from jupyter_ssh.ssh.errors import ConfigError


@hides_own_frames
def connect(target: str, **options: Any) -> Connection:
    """Connect to ``target`` ("alice@host", "host", "ssh://alice@host:2222") and return the open connection.

    Options are those of `jupyter_ssh.ssh.connect`: ``port=2222``, ``identity_file=PATH``, and every keyword of
    ssh_config in snake_case.  Host keys are checked against known_hosts; questions are asked in the cell.
    With ``reconnect=True``, a connection that was lost is made again on its next use; nothing is run twice.
    ``tunnel`` may also be a connection returned by `connect`, which then stays open for as long as this one needs it.
    """
    return get_connections().open_own(target, _checked(options))


async def connect_async(target: str, **options: Any) -> Connection:
    """Do what `connect` does without blocking the event loop."""
    return await get_connections().open_own_async(target, _checked(options))


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("reconnect") and options.get("sock") is not None:
        raise ConfigError(
            "a connection on a given socket cannot be made again",
            phase="options",
            received="sock and reconnect",
            next_step="Omit one of them.",
        )
    # The entry of a tunnel, and not the stack's connection: that is another one after the tunnel reconnects.
    return {name: behind(entry_behind(value)) for name, value in options.items()}
