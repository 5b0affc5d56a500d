"""``%ssh_close [host] | --all``: close connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_ssh.kernel.sessions import get_sessions
from jupyter_ssh.ssh.config.arguments import Usage

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def ssh_close(shell: InteractiveShell, line: str) -> None:
    """Close the named connections, the current one without a name, or all."""
    sessions = get_sessions()
    names = line.split()
    if unknown := [name for name in names if name.startswith("-") and name != "--all"]:
        raise Usage(f"unknown option {unknown[0]}", phase="options", expected="%ssh_close [host ...] | --all")
    if "--all" in names:
        chosen = sessions.opened()
    elif not names or names == ["."]:
        chosen = [sessions.current()]
    else:
        chosen = []
        for name in names:
            found = sessions.find(name)
            if not found:
                open_names = ", ".join(connection.name for connection in sessions.opened()) or "none"
                raise Usage(f"there is no open connection to {name}", phase="options", expected=f"one of: {open_names}")
            chosen += [connection for connection in found if connection not in chosen]
    sessions.close(chosen)
    if "--all" in names:
        sessions.forget([entry.connection for entry in sessions.entries() if entry.connection.closed])
    for connection in chosen:
        print(f"Closed {connection.name}.")
    if not chosen:
        print("No connection was open.")
