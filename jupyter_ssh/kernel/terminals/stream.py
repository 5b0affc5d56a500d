"""The kind of stream of the terminals: output of a session to one viewer, and what is typed there."""

from __future__ import annotations

from jupyter_ssh.kernel.terminals.display import TypedTooMuch
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.kernel.terminals.viewer import SERVICE, Viewer
from jupyter_ssh.pages.frames import FrameError
from jupyter_ssh.pages.services import Refusal, Stream


class TerminalStream(Stream):
    """A viewer of a session."""

    def __init__(self, session: TerminalSession, viewer: Viewer) -> None:
        super().__init__(SERVICE)
        self.session = session
        self.viewer = viewer

    def receive(self, offset: int, payload: bytes) -> None:
        """Type ``payload``; what came already is dropped, and what is missing before it is asked for again."""
        session, viewer = self.session, self.viewer
        try:
            accepted = session.type(viewer, offset, payload)
        except TypedTooMuch:
            raise FrameError("more input than may be unacknowledged", phase="page frames") from None
        if not accepted:
            refusal = Refusal("bad-offset", "Some input is missing before this.")
            viewer.page.send_error(refusal, {"stream": viewer.stream}, SERVICE)
            viewer.send("input", {"offset": viewer.typed.received})

    def writable_again(self) -> None:
        """Go on sending output."""
        self.session.display.push(self.viewer)

    def closed(self) -> None:
        """Forget the viewer: the page looks no more."""
        self.session.display.leave(self.viewer)
        self.session.changed()
