"""One page's connection to this place: reads its frames, answers them, and keeps its viewers.

A frame of an unknown type, or with members that cannot be, is answered by `error`; bytes that are no frame end the
connection.  Neither touches a session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from jupyter_ssh.kernel.terminals.audience import Full, Snapshot, TypedTooMuch
from jupyter_ssh.kernel.terminals.frames import Data, FrameError
from jupyter_ssh.kernel.terminals.limits import COMMAND, HOST, OPTIONS, SERVER_CLIENT, SNAPSHOT, STREAMS, TITLE, VERSION
from jupyter_ssh.kernel.terminals.members import MemberError, Members

if TYPE_CHECKING:
    from jupyter_ssh.kernel.terminals.outlet import Outlet
    from jupyter_ssh.kernel.terminals.service import TerminalService
    from jupyter_ssh.kernel.terminals.session import TerminalSession
    from jupyter_ssh.kernel.terminals.viewer import Viewer

log = logging.getLogger(__name__)

BAD_FRAME: Final = 4400
SILENT: Final = 4408
VERSIONS: Final = 4409
KERNEL_ENDED: Final = 4410
NO_SERVICE: Final = 4404
TOO_MANY: Final = 4429


class Refusal(Exception):
    """What a page asked for cannot be; it is told so with ``code`` of docs/terminal-protocol.md."""

    def __init__(self, code: str, text: str, next_step: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.next_step = next_step


class Link:
    """The receiving half of one page's connection; ``outlet`` is the sending one."""

    def __init__(self, service: TerminalService, outlet: Outlet) -> None:
        self.service = service
        self.outlet = outlet
        self.greeted = False
        self.is_page = True
        self.closed = False
        self._viewers: dict[int, tuple[TerminalSession, Viewer]] = {}
        self._handlers: dict[str, Callable[[Members], None]] = {
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
            "answer": self._answer,
        }

    # --- the transport's side -----------------------------------------------------------------------------------------

    def control(self, message: dict[str, Any]) -> None:
        """A control frame has come; raises `FrameError` where the connection is to end."""
        if self.closed:
            return
        kind = message["type"]
        members = Members(message)
        if not self.greeted:
            self._hello(kind, message)
            return
        handler = self._handlers.get(kind)
        if handler is None:
            self._error(members, "unknown-type", f"This kernel knows no frame of the type {kind[:40]!r}.")
            return
        try:
            handler(members)
        except MemberError as error:
            self._error(members, "bad-frame", f"A frame of the type {kind} was not understood: {error}.")
        except Refusal as refusal:
            self._error(members, refusal.code, refusal.text, refusal.next_step)

    def data(self, frame: Data) -> None:
        """A data frame has come; raises `FrameError` where the connection is to end."""
        if self.closed:
            return
        if not self.greeted:
            raise FrameError("data before hello", phase="terminal frames", expected="hello")
        found = self._viewers.get(frame.stream)
        if found is None:
            self.outlet.control(
                {
                    "type": "error",
                    "stream": frame.stream,
                    "code": "no-stream",
                    "text": "Nothing is attached to this stream.",
                    "next_step": None,
                }
            )
            return
        session, viewer = found
        try:
            accepted = session.type(viewer, frame.offset, frame.payload)
        except TypedTooMuch:
            raise FrameError("more input than may be unacknowledged", phase="terminal frames") from None
        if not accepted:
            self.outlet.control(
                {
                    "type": "error",
                    "stream": frame.stream,
                    "code": "bad-offset",
                    "text": "Some input is missing before this.",
                    "next_step": None,
                }
            )
            self.outlet.control({"type": "input", "stream": frame.stream, "offset": viewer.typed.received})

    def writable_again(self) -> None:
        """The transport takes data again."""
        for session, viewer in list(self._viewers.values()):
            session.audience.push(viewer)

    def gone(self) -> None:
        """The connection is over, on whichever side."""
        if self.closed:
            return
        self.closed = True
        self.service.links.discard(self)
        viewers, self._viewers = self._viewers, {}
        for session, viewer in viewers.values():
            session.audience.leave(viewer)
            session.changed()

    def close(self, code: int, reason: str) -> None:
        """End the connection."""
        if not self.closed:
            self.outlet.close(code, reason)
            self.gone()

    def forget(self, viewer: Viewer) -> None:
        """The page has come back on another connection: this one speaks for it no more."""
        self._viewers.pop(viewer.stream, None)

    # --- answers ------------------------------------------------------------------------------------------------------

    def _error(self, members: Members, code: str, text: str, next_step: str | None = None) -> None:
        message = {"type": "error", **members.reference(), "code": code, "text": text, "next_step": next_step}
        self.outlet.control(message)

    def _hello(self, kind: str, message: dict[str, Any]) -> None:
        if kind != "hello":
            raise FrameError("the first frame is not hello", phase="terminal frames", expected="hello")
        version = message.get("version")
        if version != VERSION or isinstance(version, bool):
            self.outlet.control(
                {
                    "type": "error",
                    "code": "version",
                    "text": f"The page speaks version {str(version)[:20]} of the terminal's protocol, "
                    f"the kernel version {VERSION}.",
                    "next_step": "Reload the page; if that does not help, install the same jupyter_ssh on both sides.",
                }
            )
            self.close(VERSIONS, "the versions do not fit")
            return
        self.greeted = True
        self.is_page = message.get("client") != SERVER_CLIENT
        self.outlet.control(self.service.welcome())

    def _session(self, members: Members) -> TerminalSession:
        session = self.service.sessions.get(members.text("session", 100))
        if session is None:
            raise Refusal("no-session", "There is no such session here any more.", "Open a new terminal.")
        return session

    def _viewer(self, members: Members) -> tuple[TerminalSession, Viewer]:
        found = self._viewers.get(members.stream())
        if found is None:
            raise Refusal("no-stream", "Nothing is attached to this stream.")
        return found

    # --- sessions -----------------------------------------------------------------------------------------------------

    def _hosts(self, members: Members) -> None:
        request = members.request()

        def answer(hosts: list[dict[str, str]]) -> None:
            if not self.closed:
                self.outlet.control({"type": "hosts", "request": request, "hosts": hosts})

        self.service.list_hosts(answer)

    def _open(self, members: Members) -> None:
        request = members.request()
        host = members.text("host", HOST, 1)
        command = members.optional_text("command", COMMAND)
        options = _options(members.raw("options"))
        rows, cols = members.size()
        if not host.isprintable() or host.startswith("-") or not host.strip():
            raise MemberError("host", "[user@]host or ssh://[user@]host[:port]")
        if not self.service.has_room():
            raise Refusal("too-many", "There are too many sessions here.", "End one of them in the Running panel.")
        session = self.service.open(host.strip(), command or None, options, rows, cols)
        self.outlet.control({"type": "opened", "request": request, "session": session.id})

    def _end(self, members: Members) -> None:
        self.service.end(self._session(members))

    def _reconnect(self, members: Members) -> None:
        self._session(members).reconnect()

    def _shown(self, members: Members) -> None:
        session = self._session(members)
        if session.wanted:
            session.wanted = False
            session.changed()

    # --- looking ------------------------------------------------------------------------------------------------------

    def _attach(self, members: Members) -> None:
        stream = members.stream()
        session = self._session(members)
        identity = members.text("viewer", 64, 1)
        rows, cols = members.size()
        visible = members.boolean("visible")
        have = members.optional_number("have")
        typed = members.number("typed")
        if stream in self._viewers:
            self._leave(stream)
        if len(self._viewers) >= STREAMS:
            raise Refusal("too-many", "This page looks at too many sessions.", "Close some of the tabs.")
        audience = session.audience
        try:
            viewer = audience.join(self, stream, identity, typed)
        except Full:
            raise Refusal("too-many", "Too many pages look at this session.", "Close some of them.") from None
        self._viewers[stream] = (session, viewer)
        viewer.rows, viewer.cols, viewer.visible = rows, cols, visible
        audience.attach(viewer, have)
        audience.fit()
        viewer.push(audience.ring)
        session.changed()
        session.questions.show_to(self)

    def _leave(self, stream: int) -> None:
        session, viewer = self._viewers.pop(stream)
        session.audience.leave(viewer)
        session.changed()

    def _detach(self, members: Members) -> None:
        self._viewer(members)
        self._leave(members.stream())

    def _size(self, members: Members) -> None:
        session, viewer = self._viewer(members)
        rows, cols = members.size()
        session.audience.show(viewer, rows, cols, members.boolean("visible"))
        if members.raw("focus") is True:
            session.audience.take_lead(viewer)

    def _ack(self, members: Members) -> None:
        session, viewer = self._viewer(members)
        if not viewer.acknowledge(members.number("offset"), session.audience.ring):
            raise Refusal("bad-offset", "Output was acknowledged that has not been sent.", "Attach the stream anew.")
        session.audience.push(viewer)

    def _title(self, members: Members) -> None:
        session, _ = self._viewer(members)
        session.set_title(members.text("title", 16 * TITLE))

    def _snapshot(self, members: Members) -> None:
        session, viewer = self._viewer(members)
        rows, cols = members.size()
        snapshot = Snapshot(members.number("offset"), rows, cols, members.text("text", SNAPSHOT))
        if not session.audience.keep(viewer, snapshot):
            raise Refusal("bad-offset", "A snapshot is of output that has not been sent.")

    def _skip(self, members: Members) -> None:
        session, viewer = self._viewer(members)
        # A page of before there was an offset throws away what it gets from here on.
        offset = members.optional_number("offset")
        if not session.audience.skip(viewer, viewer.sent if offset is None else offset):
            raise Refusal("bad-offset", "Output was skipped that has not been sent.", "Attach the stream anew.")

    # --- questions ----------------------------------------------------------------------------------------------------

    def _answer(self, members: Members) -> None:
        identity = members.text("question", 100)
        for session, _ in self._viewers.values():
            question = session.questions.find(identity)
            if question is not None:
                question.answered(members.raw("answer"))
                return
        # Too late, or the session is not looked at from here: the question, if it is open, stays open.


def _options(value: Any) -> dict[str, str]:
    """Keywords of ssh_config with their values as text."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > OPTIONS:
        raise MemberError("options", f"an object with at most {OPTIONS} members")
    options: dict[str, str] = {}
    for name, given in value.items():
        if isinstance(given, bool):
            given = "yes" if given else "no"
        if not isinstance(given, (str, int)) or len(str(given)) > COMMAND or not name.isalnum():
            raise MemberError("options", "keywords of ssh_config, with texts, numbers or true and false")
        options[name] = str(given)
    return options
