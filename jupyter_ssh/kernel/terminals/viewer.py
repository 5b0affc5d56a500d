"""One page that views one session: the output sent to it, the output it has drawn, and its input."""

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
"""If a window of output is drawn faster than this, the window grows."""
SLOW_SECONDS = 1.0
"""If a window of output takes longer than this, the window shrinks."""


@dataclass(slots=True)
class Typed:
    """The input offsets of a viewer, which outlive its connections."""

    received: int
    """All input before this offset has been received."""
    handed: int
    """All input before this offset has been handed to the remote."""
    told: int
    """The last value of ``handed`` that was sent to the page."""


class Viewer:
    """A page that views a session, through a stream of its connection."""

    def __init__(self, page: Page, stream: int, identity: str, typed: Typed) -> None:
        self.page = page
        self.stream = stream
        self.identity = identity
        self.typed = typed
        self.rows = 24
        self.cols = 80
        self.visible = True
        self.sent = 0
        """All output before this offset has been sent, or need not be."""
        self.acked = 0
        """All output before this offset has been drawn."""
        self.window = WINDOW
        self.attached = False
        """Whether `attached` has been sent; until then nothing else about the output is."""
        self.have: int | None = None
        """The output offset up to which the page has everything, if it said so when it attached."""
        self.begun = 0
        """The offset from which the page was last told to expect output."""
        self.overrun = False
        """Whether the ring has dropped the next output; the viewer is attached again when it makes progress."""
        self.skipping: int | None = None
        """While a skip waits for the output to pause: the offset from which on the page has discarded everything."""
        self._behind_since: float | None = None
        self._mark = (0, 0.0)
        """The output offset and time of the last check of the window."""

    def send(self, verb: str, members: dict[str, Any]) -> None:
        """Send a control frame about this stream."""
        self.page.send(SERVICE, verb, {"stream": self.stream, **members})

    def begin(self, offset: int) -> None:
        """Continue at ``offset``, with the initial window."""
        self.attached = True
        self.begun = self.sent = self.acked = offset
        self.overrun = False
        self.window = WINDOW
        self._behind_since = None
        self._mark = (offset, time.monotonic())

    def jump(self, offset: int) -> None:
        """Continue at ``offset`` after a skip; output before it is no longer sent."""
        self.begin(offset)
        self.skipping = None

    def push(self, ring: Ring) -> None:
        """Send the output that is available, as far as the window and the connection allow."""
        if self._behind_since is None and self.acked < ring.end:
            self._behind_since = time.monotonic()
        if self.skipping is not None or self.overrun or not self.attached:
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
        """Record that the page has drawn all output before ``offset``; return False if that was not sent."""
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
        """Return whether to keep the output that this viewer still needs, and hold the remote back instead."""
        if not self.visible or self.skipping is not None or self.overrun:
            return False
        return self._behind_since is None or now - self._behind_since < STALL_SECONDS
