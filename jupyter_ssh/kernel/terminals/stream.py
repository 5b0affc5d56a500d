"""The streams of the service ``terminals``: a session's output to one viewer, and the input from there."""

from __future__ import annotations

from jupyter_ssh.kernel.terminals.display import TypedTooMuch
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.kernel.terminals.viewer import SERVICE, Viewer
from jupyter_ssh.pages.frames import FrameError
from jupyter_ssh.pages.services import Refusal, Stream


class TerminalStream(Stream):
    """The stream of one viewer of a session."""

    def __init__(self, session: TerminalSession, viewer: Viewer) -> None:
        super().__init__(SERVICE)
        self.session = session
        self.viewer = viewer

    def receive(self, offset: int, payload: bytes) -> None:
        """Type ``payload``, without what was received before; if earlier input is missing, ask for it again."""
        session, viewer = self.session, self.viewer
        try:
            accepted = session.type(viewer, offset, payload)
        except TypedTooMuch:
            raise FrameError("too much unacknowledged input", phase="page frames") from None
        if not accepted:
            refusal = Refusal("bad-offset", "Some earlier input is missing.")
            viewer.page.send_error(refusal, {"stream": viewer.stream}, SERVICE)
            viewer.send("input", {"offset": viewer.typed.received})

    def writable_again(self) -> None:
        """Continue sending output."""
        self.session.display.push(self.viewer)

    def closed(self) -> None:
        """Remove the viewer, as its page no longer views the session."""
        self.session.display.leave(self.viewer)
        self.session.changed()
