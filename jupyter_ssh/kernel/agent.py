"""The agent that this kernel uses: the user's, or one that the kernel runs itself if the user has none.

As with ``eval $(ssh-agent)``, SSH_AUTH_SOCK of this process names the kernel's own agent once it runs, so ``%ssh``,
``!ssh``, ``!git`` and everything else started from here use it.  It ends with the kernel.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jupyter_ssh.kernel.cells.desk import waiting_desk
from jupyter_ssh.kernel.engine import Engine, get_engine, running_engine
from jupyter_ssh.kernel.place.page_prompts import page_prompts
from jupyter_ssh.kernel.prompts.cell import StdinPrompts
from jupyter_ssh.ssh.agent import HeldKey, Keyring
from jupyter_ssh.ssh.errors import AgentUnavailable, SSHError
from jupyter_ssh.ssh.net.agent import Agent, default_address, open_agent, with_agent
from jupyter_ssh.ssh.net.agent_server import AgentServer
from jupyter_ssh.ssh.net.askpass import confirm_with_askpass

T = TypeVar("T")

log = logging.getLogger(__name__)

VARIABLE = "SSH_AUTH_SOCK"

_lock = threading.Lock()
_own: tuple[Engine, AgentServer, str | None] | None = None
"""The kernel's own agent, the engine it runs on, and what SSH_AUTH_SOCK was before."""


def own_agent() -> AgentServer | None:
    """Return the kernel's own agent, if there is one."""
    return None if _own is None or _own[0] is not running_engine() else _own[1]


def start_own_agent() -> AgentServer:
    """Return the kernel's own agent, starting it if it does not run yet; blocks.  Raises `AgentUnavailable`."""
    global _own
    with _lock:
        running = own_agent()
        if running is not None:
            return running
        engine = get_engine()
        server = engine.call(_start)
        _own = engine, server, os.environ.get(VARIABLE)
        os.environ[VARIABLE] = server.path
        # No handlers of signals: they would keep a cell that computes in a library from being ended.
        engine.add_closer(lambda: _close(server))
        return server


async def _start() -> AgentServer:
    server = AgentServer(Keyring(time.monotonic, time.time), confirm)
    try:
        await server.start()
    except OSError as error:
        raise AgentUnavailable(f"cannot start an agent: {error.strerror}", phase="agent") from None
    return server


async def _close(server: AgentServer) -> None:
    global _own
    await server.close()
    if _own is not None and _own[1] is server:
        before, _own = _own[2], None
        if os.environ.get(VARIABLE) == server.path:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before


async def confirm(question: str) -> bool:
    """Return whether the owner of a key allows a signature.

    Asks in a cell that is waiting for the engine, else on a page, else through SSH_ASKPASS.  Raises `PromptUnavailable`
    if nobody can be asked; a cell that is computing is not interrupted.
    """
    desk = waiting_desk()
    if desk is not None:
        return await StdinPrompts(desk).confirm(question)
    if (pages := page_prompts()) is not None:
        return await pages.confirm(question)
    # A kernel's stderr is shown in cells.
    return await confirm_with_askpass(question, os.environ, lambda text: log.warning("SSH_ASKPASS: %s", text))


def agent_in_use() -> str | None:
    """Return the address that SSH_AUTH_SOCK names; None if it names none, or if no agent answers there.  Blocks."""
    address = default_address(os.environ)
    if address is None:
        return None

    async def look() -> bool:
        try:
            async with await open_agent(address):
                return True
        except (SSHError, asyncio.TimeoutError):
            return False

    return address if get_engine().call(look) else None


def ask_agent(address: str, work: Callable[[Agent], Awaitable[T]]) -> T:
    """Run ``work`` with the agent at ``address`` and return its value; blocks, but the cell can answer questions."""
    return get_engine().call(lambda: with_agent(address, work))


def held_keys(server: AgentServer) -> list[HeldKey]:
    """Return the keys in the kernel's own agent, with their constraints; blocks."""

    async def look() -> list[HeldKey]:
        return server.keyring.held()

    return get_engine().call(look)
