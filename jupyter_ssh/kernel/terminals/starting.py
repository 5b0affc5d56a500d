"""The doors from a cell to the terminals: starting the service of this kernel, and opening a session."""

from __future__ import annotations

import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.prompts import StdinPrompts
from jupyter_ssh.kernel.sessions import get_sessions
from jupyter_ssh.kernel.terminals.lines import RegistryLine
from jupyter_ssh.kernel.terminals.service import TerminalService, running_service, service_on_engine
from jupyter_ssh.ssh.errors import ConfigError

if TYPE_CHECKING:
    from jupyter_ssh.kernel.facade import Connection

ROWS, COLS = 24, 80
"""The size of a terminal until a page looks at it."""

_CONNECTION_FILE = re.compile(r"kernel-(.+)\.json")


@dataclass(frozen=True)
class Opened:
    """A session as a cell knows it."""

    place: str
    session: str
    name: str
    command: str | None = None


def kernel_place() -> tuple[str, Path] | None:
    """The id of the kernel that this is, and the Jupyter runtime directory it was started in; None elsewhere.

    A kernel that no Jupyter server has started has no id that one could ask for: it gets one of its own.
    """
    from jupyter_ssh.kernel.terminals.rendezvous import runtime_folder, valid_place

    application = _kernel_application()
    if application is None:
        return None
    file = Path(str(getattr(application, "abs_connection_file", "") or ""))
    match = _CONNECTION_FILE.fullmatch(file.name)
    if match is None or not valid_place(match[1]) or not file.parent.is_dir():
        return f"own-{secrets.token_hex(8)}", runtime_folder()
    return match[1], file.parent


def _kernel_application() -> Any:
    module = sys.modules.get("ipykernel.kernelapp")
    if module is None or not module.IPKernelApp.initialized():
        return None
    return module.IPKernelApp.instance()


def start_service() -> TerminalService:
    """The terminals of this kernel, started at the first call; blocks.  Raises `ConfigError` outside of a kernel."""
    service = running_service()
    if service is not None:
        return service
    found = kernel_place()
    if found is None:
        raise ConfigError(
            "terminals need a kernel",
            phase="terminal",
            received="a Python that no Jupyter has started",
            next_step="In a shell use: jupyter-ssh ssh [user@]host",
        )
    place, runtime = found
    kernel = getattr(_kernel_application(), "kernel", None)
    return get_engine().call(lambda: service_on_engine(place, runtime, kernel))


def open_session(connection: Connection, command: str | None = None, *, wanted: bool = True) -> Opened:
    """A terminal on ``connection``, one of the kernel's; blocks until it runs.

    ``wanted`` says that a page shall open a tab for it.
    """
    service = start_service()
    entry = get_sessions().entry(connection)
    target, options = (entry.target, entry.options) if entry is not None else (connection.name, {})

    async def work() -> Opened:
        if not service.has_room():
            raise ConfigError(
                "there are too many terminals in this kernel",
                phase="terminal",
                next_step="End some in JupyterLab's Running panel; %ssh_terminal --list shows them.",
            )
        line = RegistryLine(target, options, given=connection)
        session = service.add(line, command, ROWS, COLS, wanted=wanted)
        session.begin(StdinPrompts())  # where one more connection is needed, the cell asks
        try:
            await session.opened()
        except BaseException:
            service.end(session)
            raise
        return Opened(service.place, session.id, session.description()["name"], command)

    return get_engine().call(work)


def session_list() -> list[dict[str, Any]]:
    """The descriptions of this kernel's sessions; none where no terminal was ever opened."""
    service = running_service()
    if service is None:
        return []

    async def work() -> list[dict[str, Any]]:
        return [session.description() for session in service.sessions.values()]

    return get_engine().call(work)
