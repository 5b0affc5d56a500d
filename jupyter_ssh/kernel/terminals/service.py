"""The terminals of this process: its sessions, the pages connected to it, and its end.

`start_service` starts it once; it lives in the loop of the engine and ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.kernel.terminals.comms import Comms
from jupyter_ssh.kernel.terminals.frames import CONTROL_BYTES, encode_control
from jupyter_ssh.kernel.terminals.limits import (
    CONNECTIONS,
    ENDED_KEPT,
    ENDED_SECONDS,
    HELLO_SECONDS,
    HOSTS,
    SESSIONS,
    VERSION,
)
from jupyter_ssh.kernel.terminals.lines import RegistryLine
from jupyter_ssh.kernel.terminals.link import KERNEL_ENDED, NO_SERVICE, SILENT, TOO_MANY, Link
from jupyter_ssh.kernel.terminals.listener import Listener
from jupyter_ssh.kernel.terminals.outlet import Outlet
from jupyter_ssh.kernel.terminals.session import Line, TerminalSession

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 15.0
"""How often sessions are looked for that nobody needs any more."""


class TerminalService:
    """All terminals of one place.  Everything is called in the engine's loop."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.start = secrets.token_urlsafe(16)
        self.sessions: dict[str, TerminalSession] = {}
        self.links: set[Link] = set()
        self.listener: Listener | None = None
        self.comms: Comms | None = None
        self._changed: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._telling = False
        self._sweeper = asyncio.create_task(self._sweep())

    # --- pages --------------------------------------------------------------------------------------------------------

    def connected(self, outlet: Outlet) -> Link:
        """A page has connected through some transport; its `Link` takes what comes."""
        link = Link(self, outlet)
        if len(self.links) >= CONNECTIONS:
            outlet.close(TOO_MANY, "too many connections")
            link.closed = True
            return link
        self.links.add(link)
        asyncio.get_running_loop().call_later(HELLO_SECONDS, self._expect_hello, link)
        return link

    @staticmethod
    def _expect_hello(link: Link) -> None:
        if not link.greeted:
            link.close(SILENT, "no hello came")

    @property
    def pages(self) -> int:
        """How many pages are connected; the server that asks what there is counts as none."""
        return sum(link.is_page for link in self.links)

    def welcome(self) -> dict[str, Any]:
        """The answer to `hello`."""
        return {
            "type": "welcome",
            "version": VERSION,
            "place": self.place,
            "pid": os.getpid(),
            "start": self.start,
            "sessions": [session.description() for session in self.sessions.values()],
        }

    def _tell(self, message: dict[str, Any]) -> None:
        for link in list(self.links):
            if link.greeted:
                link.outlet.control(message)

    def _on_change(self, session: TerminalSession) -> None:
        # Several changes of one turn of the loop are told together.
        self._changed.add(session.id)
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_changes)

    def _tell_changes(self) -> None:
        self._telling = False
        changed, self._changed = self._changed, set()
        for identity in changed:
            if (session := self.sessions.get(identity)) is not None:
                self._tell({"type": "session", "description": session.description()})

    # --- sessions -----------------------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether there may be one more session; ended ones that nobody looks at give way."""
        if len(self.sessions) >= SESSIONS:
            spare = [session for session in self.sessions.values() if session.over and not session.audience.viewers]
            for session in spare[:1]:
                self.end(session)
        return len(self.sessions) < SESSIONS

    def open(self, host: str, command: str | None, options: Mapping[str, str], rows: int, cols: int) -> TerminalSession:
        """A session that a page asked for; its questions go to the pages that look at it."""
        line = RegistryLine(host, {"command_line": list(options.items())})  # as %ssh has it: they share
        session = self.add(line, command, rows, cols)
        session.begin()
        return session

    def add(self, line: Line, command: str | None, rows: int, cols: int, *, wanted: bool = False) -> TerminalSession:
        """A session that has not begun yet."""
        session = TerminalSession(line, command, rows, cols, wanted=wanted, on_change=self._on_change)
        self.sessions[session.id] = session
        return session

    def end(self, session: TerminalSession) -> None:
        """End a session and forget it; takes some time in the background."""
        if self.sessions.pop(session.id, None) is None:
            return
        self._tell({"type": "gone", "session": session.id})
        for link in list(self.links):
            for viewer in [viewer for viewer in session.audience.viewers if viewer.link is link]:
                link.forget(viewer)
        self._keep(asyncio.create_task(session.end()))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        """Forget ended sessions that nobody has looked at for long, and those that are too many."""
        left = [session for session in self.sessions.values() if session.over and not session.audience.viewers]
        left.sort(key=lambda session: session.audience.left_at)
        for number, session in enumerate(left):
            if now - session.audience.left_at > ENDED_SECONDS or number < len(left) - ENDED_KEPT:
                self.end(session)

    def list_hosts(self, answer: Callable[[list[dict[str, str]]], None]) -> None:
        """Give ``answer`` the hosts that one could connect to."""

        async def work() -> None:
            from jupyter_ssh.kernel.hosts import named_hosts
            from jupyter_ssh.kernel.sessions import get_sessions

            named = [(connection.name, "connected") for connection in get_sessions().opened()]
            with contextlib.suppress(Exception):  # what a file says wrongly shall not keep the list away
                named += await asyncio.get_running_loop().run_in_executor(None, named_hosts)
            hosts: dict[str, str] = {}
            for name, source in named:
                hosts.setdefault(name, source)
            listed = [{"name": name, "source": source} for name, source in list(hosts.items())[:HOSTS]]
            while len(encode_control({"hosts": listed})) > CONTROL_BYTES - 1024:
                del listed[len(listed) * 3 // 4 :]
            answer(listed)

        self._keep(asyncio.create_task(work()))

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self, code: int = KERNEL_ENDED, reason: str = "the kernel has ended") -> None:
        """End all sessions and connections, and remove what was made for them."""
        self._sweeper.cancel()
        for link in list(self.links):
            link.close(code, reason)
        sessions, self.sessions = list(self.sessions.values()), {}
        if self.comms is not None:
            self.comms.close()
        if self.listener is not None:
            self.listener.close()
        if sessions:
            await asyncio.gather(*(session.end() for session in sessions), return_exceptions=True)
        for task in list(self._tasks):
            task.cancel()


# --- the service of this process --------------------------------------------------------------------------------------

_service: TerminalService | None = None
_engine: Engine | None = None


async def service_on_engine(place: str, folder: Path | None = None, kernel: Any = None) -> TerminalService:
    """The service of this process, started at the first call.  To be awaited in the engine's loop.

    ``place`` is the kernel's id or ``host``; ``folder`` the Jupyter runtime directory to be found in; ``kernel`` the
    ipykernel whose channels carry the fallback transport.
    """
    global _service, _engine
    engine = get_engine()
    if _service is None or _engine is not engine:
        service = TerminalService(place)
        try:
            service.listener = await Listener.start(service, place, folder)
        except OSError as error:  # the fallback transport needs no socket
            log.warning("no private socket for the terminals: %s", error)
        if kernel is not None:
            service.comms = Comms(service, kernel, engine)
        _service, _engine = service, engine
        engine.add_closer(_close)
    return _service


def running_service() -> TerminalService | None:
    """The service, if there is one in this process (and not only in the one it was forked from)."""
    from jupyter_ssh.kernel.engine import running_engine

    return _service if _engine is not None and _engine is running_engine() else None


async def _close() -> None:
    global _service
    service, _service = _service, None
    if service is not None:
        await service.close()


def stop_service() -> None:
    """End the terminals of this process, as when the extension is unloaded; blocks until they have."""
    global _service
    service = running_service()
    if service is None or _engine is None:
        return
    _service = None
    _engine.call(lambda: service.close(NO_SERVICE, "the extension was unloaded"))
