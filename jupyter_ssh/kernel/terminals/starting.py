"""Terminals for cells: starting this kernel's service, opening a session, and listing sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.place.current import running_place
from jupyter_ssh.kernel.place.running import start_place
from jupyter_ssh.kernel.prompts.choice import KernelPrompts
from jupyter_ssh.kernel.terminals.service import TerminalService
from jupyter_ssh.kernel.terminals.sources import RegistrySource
from jupyter_ssh.pages.place import Place
from jupyter_ssh.ssh.errors import ConfigError

if TYPE_CHECKING:
    from jupyter_ssh.kernel.connections.connection import Connection

ROWS, COLS = 24, 80
"""The size of a terminal until a page views it."""


@dataclass(frozen=True)
class Opened:
    """A session, as a cell refers to it."""

    place: str
    session: str
    name: str
    command: str | None = None


def _service(place: Place) -> TerminalService:
    service = place.services[TerminalService.name]
    assert isinstance(service, TerminalService)
    return service


def start_service() -> TerminalService:
    """Return the terminals of this kernel, starting them on the first call; blocks.

    Raises `ConfigError` if this process is not a kernel.
    """
    return _service(start_place())


def open_session(connection: Connection, command: str | None = None, *, wanted: bool = True) -> Opened:
    """Open a terminal on ``connection``, one of the kernel's; blocks until it runs.

    With ``wanted``, a page opens a tab for it.
    """
    place = start_place()
    service = _service(place)
    entry = get_connections().entry(connection)
    target, options = (entry.target, entry.options) if entry is not None else (connection.name, {})

    async def work() -> Opened:
        if not service.has_room():
            raise ConfigError(
                "there are too many terminals in this kernel",
                phase="terminal",
                next_step="End some in JupyterLab's Running panel; %ssh_terminal --list shows them.",
            )
        source = RegistrySource(target, options, given=connection)
        session = service.add(source, command, ROWS, COLS, wanted=wanted)
        session.begin(KernelPrompts())  # if another connection is needed, its questions are asked in the cell
        try:
            await session.opened()
        except BaseException:
            service.end(session)
            raise
        return Opened(place.name, session.id, session.description()["name"], command)

    return get_engine().call(work)


def session_list() -> list[dict[str, Any]]:
    """Return the descriptions of this kernel's sessions; empty if no terminal was ever opened."""
    place = running_place()
    if place is None:
        return []
    service = _service(place)

    async def work() -> list[dict[str, Any]]:
        return [session.description() for session in service.sessions.values()]

    return get_engine().call(work)
