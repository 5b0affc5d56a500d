"""``%ssh_close [host] | --all``: close connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.ssh.config.arguments import Usage

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def ssh_close(shell: InteractiveShell, line: str) -> None:
    """Close the named connections, by default the current one, or all.

    A connection that a terminal, a background command or another connection needs stays open for it, except with
    ``--all``.
    """
    connections = get_connections()
    names = line.split()
    if unknown := [name for name in names if name.startswith("-") and name != "--all"]:
        raise Usage(f"unknown option {unknown[0]}", phase="options", expected="%ssh_close [host ...] | --all")
    if "--all" in names:
        opened = [connection for entry, connection in connections.entries().items() if not entry.connection.closed]
        connections.close(list(connections.entries().values()), for_all=True)
        for connection in opened:
            print(f"Closed {connection.name}.")
        if not opened:
            print("No connections are open.")
        return
    if not names or names == ["."]:
        chosen = [connections.current()]
    else:
        chosen = []
        for name in names:
            found = connections.find(name)
            if not found:
                open_names = ", ".join(connection.name for connection in connections.opened()) or "none"
                raise Usage(f"there is no open connection to {name}", phase="options", expected=f"one of: {open_names}")
            chosen += [connection for connection in found if connection not in chosen]
    connections.close(chosen)
    for connection in chosen:
        if holders := connections.holders(connection):
            print(f"{connection.name} stays open for {', '.join(holders)}; %ssh_close --all closes it anyway.")
        else:
            print(f"Closed {connection.name}.")
