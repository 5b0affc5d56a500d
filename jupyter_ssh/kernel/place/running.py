"""Starting and stopping the place of this process, with its services, on the engine.

To add a service, write a file with a `Service` and add it to `_services`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from pathlib import Path
from typing import Any

from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.kernel.place.current import running_place, set_place
from jupyter_ssh.pages.close_codes import NO_SERVICE
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.pages.rendezvous import valid_place
from jupyter_ssh.pages.services import Service
from jupyter_ssh.ssh.errors import ConfigError

__all__ = ["kernel_place", "place_on_engine", "running_place", "start_place", "stop_place"]

_CONNECTION_FILE = re.compile(r"kernel-(.+)\.json")

_starting: tuple[Engine, asyncio.Lock] | None = None
"""The current engine, and a lock that is held while its place is being started."""


def _services() -> list[Service]:
    from jupyter_ssh.kernel.connections.registry import get_connections
    from jupyter_ssh.kernel.terminals.service import TerminalService

    questions = QuestionService()
    return [questions, TerminalService(questions, get_connections().changes_on_engine())]


# --- which place this is ----------------------------------------------------------------------------------------------


def kernel_place() -> tuple[str, Path | None] | None:
    """Return the id of this kernel and the Jupyter runtime directory of its connection file; None if this process is
    not a kernel.

    A kernel that was not started by a Jupyter server has no such id, and gets a random one and the usual directory.
    """
    application = _kernel_application()
    if application is None:
        return None
    file = Path(str(getattr(application, "abs_connection_file", "") or ""))
    match = _CONNECTION_FILE.fullmatch(file.name)
    if match is None or not valid_place(match[1]) or not file.parent.is_dir():
        return f"own-{secrets.token_hex(8)}", None
    return match[1], file.parent


def _kernel_application() -> Any:
    module = sys.modules.get("ipykernel.kernelapp")
    if module is None or not module.IPKernelApp.initialized():
        return None
    return module.IPKernelApp.instance()


# --- starting and stopping it -----------------------------------------------------------------------------------------


async def place_on_engine(name: str, folder: Path | None = None, kernel: Any = None) -> Place:
    """Return the place of this process, starting it on the first call.  To be awaited in the engine's loop.

    ``name`` is the kernel's id or ``host``; ``folder`` is the Jupyter runtime directory for the place file; ``kernel``
    is the ipykernel whose channels carry the fallback transport.
    """
    global _starting
    engine = get_engine()
    if _starting is None or _starting[0] is not engine:
        _starting = engine, asyncio.Lock()
        engine.add_closer(_close)
    async with _starting[1]:
        place = running_place()
        if place is None:
            place = Place(name, *_services())
            try:
                await place.listen(folder, kernel)
            except BaseException:  # also if the cell that needs it is interrupted
                await place.close()
                raise
            set_place(place, engine)
        return place


def start_place() -> Place:
    """Return the place of this kernel, starting it on the first call; blocks.

    Raises `ConfigError` if this process is not a kernel.
    """
    place = running_place()
    if place is not None:
        return place
    found = kernel_place()
    if found is None:
        raise ConfigError(
            "terminals need a kernel",
            phase="terminal",
            received="a Python process that is not a Jupyter kernel",
            next_step="In a shell, use: jupyter-ssh ssh [user@]host",
        )
    name, runtime = found
    kernel = getattr(_kernel_application(), "kernel", None)
    return get_engine().call(lambda: place_on_engine(name, runtime, kernel))


async def _close() -> None:
    place = running_place()
    set_place(None, None)
    if place is not None:
        await place.close()


def stop_place() -> None:
    """Stop the place of this process, as the extension is being unloaded; blocks until it has stopped."""
    place = running_place()
    if place is None:
        return
    set_place(None, None)
    get_engine().call(lambda: place.close(NO_SERVICE, "the extension was unloaded"))
