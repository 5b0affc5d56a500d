"""The service ``terminals``: the sessions of this place, and the pages' messages about them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any, Final

from jupyter_ssh.kernel.terminals.display import Full, Snapshot
from jupyter_ssh.kernel.terminals.limits import (
    COLS,
    COMMAND,
    ENDED_KEPT,
    ENDED_SECONDS,
    HOST,
    HOSTS,
    OPTIONS,
    ROWS,
    SESSIONS,
    SNAPSHOT,
    TITLE,
)
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.kernel.terminals.sources import ConnectionSource, RegistrySource
from jupyter_ssh.kernel.terminals.stream import TerminalStream
from jupyter_ssh.kernel.terminals.viewer import SERVICE, Viewer
from jupyter_ssh.pages.frames import encode_control
from jupyter_ssh.pages.limits import CONTROL_BYTES
from jupyter_ssh.pages.members import MemberError, Members
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.pages.services import Page, Refusal, Service
from jupyter_ssh.ssh.channels.changes import Changes

SWEEP_SECONDS: Final = 15.0
"""The interval between searches for ended sessions that can be removed."""


class TerminalService(Service):
    """All terminals of one place.  All methods are called in the loop in which it was made."""

    name = SERVICE
    large = frozenset({"snapshot"})
    references = ("session",)

    def __init__(self, questions: QuestionService, changes: Changes | None = None) -> None:
        super().__init__()
        self._changes = changes
        """The changes of the engine, to which those of the terminals are added."""
        self.verbs = {
            "hosts": self._hosts,
            "open": self._open,
            "end": self._end,
            "reconnect": self._reconnect,
            "shown": self._shown,
            "attach": self._attach,
            "detach": self._detach,
            "size": self._size,
            "ack": self._ack,
            "title": self._title,
            "snapshot": self._snapshot,
            "skip": self._skip,
        }
        self.sessions: dict[str, TerminalSession] = {}
        self._questions = questions
        self._changed: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._telling = False
        self._sweeper = asyncio.create_task(self._sweep())

    # --- announcements ------------------------------------------------------------------------------------------------

    def announce(self, page: Page) -> dict[str, Any]:
        """Return the descriptions of all sessions."""
        return {"sessions": [session.description() for session in self.sessions.values()]}

    def _on_change(self, session: TerminalSession) -> None:
        # Changes in the same turn of the loop are announced together.
        self._changed.add(session.id)
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_changes)

    def _tell_changes(self) -> None:
        self._telling = False
        changed, self._changed = self._changed, set()
        for identity in changed:
            if (session := self.sessions.get(identity)) is not None:
                self.tell("session", {"description": session.description()})

    # --- sessions -----------------------------------------------------------------------------------------------------

    @property
    def in_use(self) -> bool:
        """Whether there are sessions."""
        return bool(self.sessions)

    def has_room(self) -> bool:
        """Return whether one more session is allowed; if necessary, remove an ended one without viewers."""
        if len(self.sessions) >= SESSIONS:
            spare = [session for session in self.sessions.values() if session.over and not session.display.viewers]
            for session in spare[:1]:
                self.end(session)
        return len(self.sessions) < SESSIONS

    def open(self, host: str, command: str | None, options: Mapping[str, str], rows: int, cols: int) -> TerminalSession:
        """Begin a session that a page asked for; its questions are asked on the pages that view it."""
        source = RegistrySource(host, {"command_line": list(options.items())})  # as for %ssh, so that both share
        session = self.add(source, command, rows, cols)
        session.begin()
        return session

    def add(
        self, source: ConnectionSource, command: str | None, rows: int, cols: int, *, wanted: bool = False
    ) -> TerminalSession:
        """Add a session without beginning it."""
        session = TerminalSession(
            source, self._questions, command, rows, cols, wanted=wanted, on_change=self._on_change
        )
        self.sessions[session.id] = session
        if self._changes is not None:
            self._changes.adopt(session.changes)
        return session

    def end(self, session: TerminalSession) -> None:
        """Remove a session and end it in the background."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.tell("gone", {"session": session.id})
        viewers = list(session.display.viewers)
        session.display.viewers.clear()
        for viewer in viewers:
            viewer.page.close_stream(viewer.stream)
        self._keep(asyncio.create_task(session.end()))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        """Remove ended sessions that have had no viewers for `ENDED_SECONDS`, and the oldest above `ENDED_KEPT`."""
        left = [session for session in self.sessions.values() if session.over and not session.display.viewers]
        left.sort(key=lambda session: session.display.left_at)
        for number, session in enumerate(left):
            if now - session.display.left_at > ENDED_SECONDS or number < len(left) - ENDED_KEPT:
                self.end(session)

    async def close(self) -> None:
        """End all sessions."""
        self._sweeper.cancel()
        sessions, self.sessions = list(self.sessions.values()), {}
        if sessions:
            await asyncio.gather(*(session.end() for session in sessions), return_exceptions=True)
        for task in list(self._tasks):
            task.cancel()

    # --- messages about sessions --------------------------------------------------------------------------------------

    def _session(self, members: Members) -> TerminalSession:
        session = self.sessions.get(members.text("session", 100))
        if session is None:
            raise Refusal("no-session", "This session no longer exists.", "Open a new terminal.")
        return session

    def _hosts(self, page: Page, members: Members) -> None:
        request = members.request()

        async def answer() -> None:
            hosts = await _list_hosts()
            if not page.closed:
                page.send(SERVICE, "hosts", {"request": request, "hosts": hosts})

        self._keep(asyncio.create_task(answer()))

    def _open(self, page: Page, members: Members) -> None:
        request = members.request()
        host = members.text("host", HOST, 1)
        command = members.optional_text("command", COMMAND)
        options = _options(members.raw("options"))
        rows, cols = _size(members)
        if not host.isprintable() or host.startswith("-") or not host.strip():
            raise MemberError("host", "[user@]host or ssh://[user@]host[:port]")
        if not self.has_room():
            raise Refusal("too-many", "There are too many sessions.", "End one of them in the Running panel.")
        session = self.open(host.strip(), command or None, options, rows, cols)
        page.send(SERVICE, "opened", {"request": request, "session": session.id})

    def _end(self, page: Page, members: Members) -> None:
        self.end(self._session(members))

    def _reconnect(self, page: Page, members: Members) -> None:
        self._session(members).reconnect()

    def _shown(self, page: Page, members: Members) -> None:
        session = self._session(members)
        if session.wanted:
            session.wanted = False
            session.changed()

    # --- messages of viewers ------------------------------------------------------------------------------------------

    def _attach(self, page: Page, members: Members) -> None:
        number = members.stream()
        session = self._session(members)
        identity = members.text("viewer", 64, 1)
        rows, cols = _size(members)
        visible = members.boolean("visible")
        have = members.optional_number("have")
        typed = members.number("typed")
        display = session.display
        page.close_stream(number)
        if page.full:
            raise Refusal("too-many", "This page views too many sessions.", "Close some of the tabs.")
        try:
            viewer = display.join(page, number, identity, typed)
        except Full:
            raise Refusal("too-many", "Too many pages view this session.", "Close some of them.") from None
        page.open_stream(number, TerminalStream(session, viewer))
        viewer.rows, viewer.cols, viewer.visible = rows, cols, visible
        viewer.have = have
        if page.transport.writable:  # otherwise `Display.push` attaches it once it is
            display.attach(viewer, have)
        display.fit()
        viewer.push(display.ring)
        session.changed()
        session.questions.show_to(page)

    def _viewer(self, page: Page, members: Members) -> tuple[TerminalSession, Viewer]:
        stream = page.stream(members.stream())
        if not isinstance(stream, TerminalStream):
            raise Refusal("no-stream", "Nothing is attached to this stream.")
        return stream.session, stream.viewer

    def _detach(self, page: Page, members: Members) -> None:
        _, viewer = self._viewer(page, members)
        page.close_stream(viewer.stream)

    def _size(self, page: Page, members: Members) -> None:
        session, viewer = self._viewer(page, members)
        rows, cols = _size(members)
        session.display.show(viewer, rows, cols, members.boolean("visible"))
        if members.raw("focus") is True:
            session.display.take_lead(viewer)

    def _ack(self, page: Page, members: Members) -> None:
        session, viewer = self._viewer(page, members)
        if not viewer.acknowledge(members.number("offset"), session.display.ring):
            raise Refusal("bad-offset", "The page acknowledged output that was not sent.", "Attach the stream again.")
        session.display.push(viewer)

    def _title(self, page: Page, members: Members) -> None:
        session, _ = self._viewer(page, members)
        session.set_title(members.text("title", 16 * TITLE))

    def _snapshot(self, page: Page, members: Members) -> None:
        session, viewer = self._viewer(page, members)
        rows, cols = _size(members)
        snapshot = Snapshot(members.number("offset"), rows, cols, members.text("text", SNAPSHOT))
        if not session.display.keep(viewer, snapshot):
            raise Refusal("bad-offset", "The snapshot shows output that was not sent.")

    def _skip(self, page: Page, members: Members) -> None:
        session, viewer = self._viewer(page, members)
        # Older pages send no offset; they discard what arrives from now on.
        offset = members.optional_number("offset")
        if not session.display.skip(viewer, viewer.sent if offset is None else offset):
            raise Refusal("bad-offset", "The page skipped output that was not sent.", "Attach the stream again.")


def _size(members: Members) -> tuple[int, int]:
    """Return ``rows`` and ``cols``."""
    return members.number("rows", *ROWS), members.number("cols", *COLS)


def _options(value: Any) -> dict[str, str]:
    """Return the ssh_config keywords in ``value``, with their values as text."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > OPTIONS:
        raise MemberError("options", f"an object with at most {OPTIONS} members")
    options: dict[str, str] = {}
    for name, given in value.items():
        if isinstance(given, bool):
            given = "yes" if given else "no"
        if not isinstance(given, (str, int)) or len(str(given)) > COMMAND or not name.isalnum():
            raise MemberError("options", "ssh_config keywords, each with a string, a number, or true or false")
        options[name] = str(given)
    return options


async def _list_hosts() -> list[dict[str, str]]:
    """Return the hosts to offer for a connection, as many as fit into a frame."""
    from jupyter_ssh.kernel.connections.registry import get_connections
    from jupyter_ssh.kernel.hosts import named_hosts

    named = [(connection.name, "connected") for connection in get_connections().opened()]
    with contextlib.suppress(Exception):  # an error in a file must not prevent the list
        named += await asyncio.get_running_loop().run_in_executor(None, named_hosts)
    hosts: dict[str, str] = {}
    for name, source in named:
        hosts.setdefault(name, source)
    listed = [{"name": name, "source": source} for name, source in list(hosts.items())[:HOSTS]]
    while len(encode_control({"hosts": listed})) > CONTROL_BYTES - 1024:
        del listed[len(listed) * 3 // 4 :]
    return listed
