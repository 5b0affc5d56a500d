"""``%ssh_hosts``: the open connections, and the known hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jupyter_ssh.kernel.cards.connections import Row, hosts_html, hosts_text
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.entry import Entry
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.hosts import known_names
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

KNOWN_SHOWN = 50
"""Maximum number of names below the table."""


class Hosts:
    """The result of ``%ssh_hosts``: the ``rows`` of a table, and the names of ``known`` hosts."""

    def __init__(self, rows: Sequence[Row], known: Sequence[str]) -> None:
        self.rows = rows
        self.known = known

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        shown = list(self.known[:KNOWN_SHOWN])
        if len(self.known) > KNOWN_SHOWN:
            shown.append(f"and {len(self.known) - KNOWN_SHOWN} more")
        return {"text/plain": hosts_text(self.rows, shown), "text/html": hosts_html(self.rows, shown)}


def ssh_hosts(shell: InteractiveShell, line: str) -> Hosts:
    """Return the table of connections, including lost ones with the reason, and the known hosts."""
    return Hosts([_row(*each) for each in get_connections().entries().items()], known_names())


def _row(entry: Entry, connection: Connection) -> Row:
    info = connection.info
    state = connection.loss or connection.state
    if entry.given_back:
        state = f"open for {', '.join(get_connections().holders(connection))}"
    return Row(
        name=connection.name,
        state=state,
        since=time.strftime("%H:%M:%S", time.localtime(connection.opened_at)),
        server=printable(info.server_version).removeprefix("SSH-2.0-"),
        exchange=f"{info.exchange}{', post-quantum' if info.post_quantum else ''}",
        current=get_connections().is_current(connection),
        open=not entry.connection.closed,
    )
