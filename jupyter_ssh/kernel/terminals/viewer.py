"""One page that looks at one session: what was sent to it, what it has drawn, and what it has typed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from jupyter_ssh.kernel.terminals.limits import STALL_SECONDS, WINDOW, WINDOW_MOST
from jupyter_ssh.kernel.terminals.ring import Ring
from jupyter_ssh.pages.limits import DATA_BYTES
from jupyter_ssh.pages.services import Page

SERVICE: Final = "terminals"
"""The name of the service, in the frames of its viewers."""
QUICK_SECONDS = 0.25
"""A window that is drawn in less may be larger."""
SLOW_SECONDS = 1.0
"""A window that takes longer may be smaller."""


@dataclass(slots=True)
class Typed:
    """Input offsets of a viewer; they outlive its connections."""

    received: int
    """All input before it has come."""
    handed: int
    """All input before it was handed to the remote."""
    told: int
    """What the page was told of ``handed``."""


class Viewer:
    """A page that looks at a session, through a stream of its connection."""

    def __init__(self, page: Page, stream: int, identity: str, typed: Typed) -> None:
        self.page = page
        self.stream = stream
        self.identity = identity
        self.typed = typed
        self.rows = 24
        self.cols = 80
        self.visible = True
        self.sent = 0
        """All output before this offset was sent, or need not be."""
        self.acked = 0
        """All output before this offset has been drawn."""
        self.window = WINDOW
        self.begun = 0
        """Where the output began, or went on, that the page was last told to expect."""
        self.overrun = False
        """The ring has dropped what would have been next; the viewer is attached anew when it goes on."""
        self.skipping: int | None = None
        """Nothing is sent until the output has paused; the page has thrown away all that is not before this offset."""
        self._behind_since: float | None = None
        self._mark = (0, 0.0)
        """Output offset and time at which the window was last thought about."""

    def send(self, verb: str, members: dict[str, Any]) -> None:
        """Send a control frame about this stream."""
        self.page.send(SERVICE, verb, {"stream": self.stream, **members})

    def begin(self, offset: int) -> None:
        """Go on at ``offset``, with the window of the beginning."""
        self.begun = self.sent = self.acked = offset
        self.overrun = False
        self.window = WINDOW
        self._behind_since = None
        self._mark = (offset, time.monotonic())

    def jump(self, offset: int) -> None:
        """Go on at ``offset`` after a skip: what is before it need not be sent any more."""
        self.begin(offset)
        self.skipping = None

    def push(self, ring: Ring) -> None:
        """Send what there is, as far as the window and the connection allow."""
        if self._behind_since is None and self.acked < ring.end:
            self._behind_since = time.monotonic()
        if self.skipping is not None or self.overrun:
            return
        if self.sent < ring.start:
            self.overrun = True
            return
        transport = self.page.transport
        while transport.writable:
            size = min(DATA_BYTES, ring.end - self.sent, self.acked + self.window - self.sent)
            if size <= 0:
                return
            transport.data(self.stream, self.sent, ring.pieces(self.sent, size), size)
            self.sent += size

    def acknowledge(self, offset: int, ring: Ring) -> bool:
        """Note that the page has drawn all before ``offset``; return False if that was not sent."""
        if offset > self.sent:
            return False
        if offset > self.acked:
            self.acked = offset
            now = time.monotonic()
            self._behind_since = now if offset < ring.end else None
            self._adapt(now)
        return True

    def _adapt(self, now: float) -> None:
        offset, since = self._mark
        if self.acked - offset < self.window:
            return
        if now - since < QUICK_SECONDS:
            self.window = min(WINDOW_MOST, self.window * 2)
        elif now - since > SLOW_SECONDS:
            self.window = max(WINDOW, self.window // 2)
        self._mark = (self.acked, now)

    def holds(self, now: float) -> bool:
        """Return whether what this viewer still needs may not be dropped: the remote waits instead."""
        if not self.visible or self.skipping is not None or self.overrun:
            return False
        return self._behind_since is None or now - self._behind_since < STALL_SECONDS
