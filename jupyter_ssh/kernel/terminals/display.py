"""The display of a session: the newest output, the sizes, the newest snapshot, and the pages that view it.

This module knows nothing of SSH.  The session passes in output, and is told when it may read more.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jupyter_ssh.kernel.terminals.limits import (
    SKIP_HELD,
    SKIP_PAUSE,
    SKIP_SECONDS,
    SKIP_TAIL,
    SNAPSHOT,
    TYPED,
    VIEWERS,
)
from jupyter_ssh.kernel.terminals.ring import Ring, Sizes
from jupyter_ssh.kernel.terminals.viewer import SERVICE, Typed, Viewer
from jupyter_ssh.pages.frames import encode_control, service_frame
from jupyter_ssh.pages.limits import LARGE_CONTROL_BYTES
from jupyter_ssh.pages.services import Page

READ_BYTES: Final = 128 << 10
"""The most bytes that the session reads at a time; it waits until the ring has room for them."""
REMEMBERED: Final = 64
"""How many viewers have their input offsets remembered, including ones that have left."""
_HOLD_TICK: Final = 1.0
_LINE_BYTES: Final = 64 << 10


@dataclass(frozen=True)
class Snapshot:
    """A screen as a page showed it: ``text`` draws it in an empty terminal of that size."""

    offset: int
    rows: int
    cols: int
    text: str

    def described(self) -> dict[str, Any]:
        """Return its fields as they are sent in `attached`."""
        return {"offset": self.offset, "rows": self.rows, "cols": self.cols, "text": self.text}


class Full(Exception):
    """The session has as many viewers as are allowed."""


class TypedTooMuch(Exception):
    """A page has sent more input than may be unacknowledged."""


class Display:
    """The display of one session.

    ``describe`` returns the session's description; ``on_fit`` is called with a new size.
    """

    def __init__(self, session: str, rows: int, cols: int) -> None:
        self.session = session
        self.ring = Ring()
        self.sizes = Sizes(rows, cols)
        self.snapshot: Snapshot | None = None
        self.viewers: list[Viewer] = []
        self.lead: Viewer | None = None
        self.describe: Callable[[], dict[str, Any]] = dict
        self.on_fit: Callable[[int, int], None] = lambda rows, cols: None
        self.on_cut: Callable[[], None] = lambda: None
        """Called when a page gets output whose beginning is missing."""
        self.left_at = time.monotonic()
        """When the last viewer left."""
        self._typed: OrderedDict[str, Typed] = OrderedDict()
        self._last_output = 0.0
        self._room = asyncio.Event()
        self._skips: set[asyncio.Task[None]] = set()

    # --- output -------------------------------------------------------------------------------------------------------

    def written(self, data: bytes) -> None:
        """Add ``data``, output of the remote process, and send it to the viewers."""
        self.ring.append(data)
        self._last_output = time.monotonic()
        for viewer in self.viewers:
            viewer.push(self.ring)

    def _held(self) -> bool:
        oldest = self.ring.end + READ_BYTES - self.ring.capacity
        if oldest <= 0:
            return False
        now = time.monotonic()
        return any(viewer.acked < oldest and viewer.holds(now) for viewer in self.viewers)

    async def room(self) -> None:
        """Wait until the ring may drop its oldest bytes: until no viewer that makes progress still needs them."""
        while self._held():
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), _HOLD_TICK)  # nothing reports a viewer that stalls
            except asyncio.TimeoutError:
                pass

    def push(self, viewer: Viewer) -> None:
        """Continue sending to ``viewer``, after it acknowledged output, became visible, or its connection drained."""
        if not viewer.attached:
            # The snapshots of many sessions would be more than may wait for a page: each waits until it can be sent.
            if viewer.page.transport.writable:
                self.attach(viewer, viewer.have)
        elif viewer.overrun or viewer.sent < self.ring.start:
            viewer.overrun = True
            if viewer.visible and viewer.skipping is None and viewer.page.transport.writable:
                self.attach(viewer, None)
        viewer.push(self.ring)
        self._room.set()

    # --- viewers ------------------------------------------------------------------------------------------------------

    def join(self, page: Page, stream: int, identity: str, typed: int) -> Viewer:
        """Return a new viewer, which replaces one with the same ``identity``.  Raises `Full`."""
        for old in [viewer for viewer in self.viewers if viewer.identity == identity]:
            old.page.close_stream(old.stream)
        if len(self.viewers) >= VIEWERS:
            raise Full
        record = self._typed.get(identity)
        if record is None or typed > record.received:
            record = self._typed[identity] = Typed(typed, typed, typed)
        self._typed.move_to_end(identity)
        viewer = Viewer(page, stream, identity, record)
        self.viewers.append(viewer)
        present = {each.identity for each in self.viewers}
        for name in [name for name in self._typed if name not in present][: max(0, len(self._typed) - REMEMBERED)]:
            del self._typed[name]
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer whose page is gone, or no longer views the session."""
        if viewer in self.viewers:
            self.viewers.remove(viewer)
            self.left_at = time.monotonic()
            if self.lead is viewer:
                self.lead = None
                others = [other for other in self.viewers if other.visible] or self.viewers
                if others:
                    self.take_lead(others[-1])
            self.fit()
            self._room.set()

    def attach(self, viewer: Viewer, have: int | None) -> None:
        """Send `attached`, and prepare ``viewer`` for the output that follows.

        The output continues at offset ``have`` if the ring still has that; otherwise it starts with the newest
        snapshot, or else with the oldest complete line in the ring.
        """
        ring = self.ring
        snapshot: Snapshot | None = None
        cut = False
        if have is not None and ring.start <= have <= ring.end:
            first = have
        elif self.snapshot is not None and self.snapshot.offset >= ring.start:
            snapshot = self.snapshot
            first = snapshot.offset
        else:
            first, cut = self._beginning()
        if self.lead is None:
            self.lead = viewer
        message = self._attached(viewer, first, snapshot, cut)
        if snapshot is not None and self._is_too_large(viewer, message):
            first, cut = self._beginning()
            message = self._attached(viewer, first, None, cut)
        viewer.begin(first)
        viewer.page.transport.discard(viewer.stream)
        viewer.send("attached", message)
        if cut:
            self.on_cut()

    @staticmethod
    def _is_too_large(viewer: Viewer, members: dict[str, Any]) -> bool:
        frame = service_frame(SERVICE, "attached", {"stream": viewer.stream, **members})
        return len(encode_control(frame)) > LARGE_CONTROL_BYTES

    def _beginning(self) -> tuple[int, bool]:
        start = self.ring.start
        return (self.ring.line_start(start, _LINE_BYTES), True) if start else (0, False)

    def _attached(self, viewer: Viewer, first: int, snapshot: Snapshot | None, cut: bool) -> dict[str, Any]:
        return {
            "session": self.session,
            "description": self.describe(),
            "from": first,
            "snapshot": snapshot.described() if snapshot is not None else None,
            "sizes": self.sizes.since(first),
            "live": self.ring.end,
            "cut": cut,
            "input": viewer.typed.received,
            "lead": self.lead is viewer,
        }

    # --- messages of pages --------------------------------------------------------------------------------------------

    def keep(self, viewer: Viewer, snapshot: Snapshot) -> bool:
        """Keep a page's snapshot if it is the newest; return False if the page cannot have that screen."""
        if snapshot.offset > viewer.sent or viewer.overrun or len(snapshot.text) > SNAPSHOT:
            return False
        if self.snapshot is None or snapshot.offset >= self.snapshot.offset:
            self.snapshot = snapshot
        return True

    def show(self, viewer: Viewer, rows: int, cols: int, visible: bool) -> None:
        """Set the size of the page's terminal, and whether it is visible."""
        appeared = visible and not viewer.visible
        viewer.rows, viewer.cols, viewer.visible = rows, cols, visible
        if appeared:
            self.take_lead(viewer)
        self.fit()
        self.push(viewer)

    def fit(self) -> None:
        """Set the session's size to the smallest rows and columns of the visible viewers, or of all if none is."""
        looking = [viewer for viewer in self.viewers if viewer.visible] or self.viewers
        if not looking:
            return
        size = min(viewer.rows for viewer in looking), min(viewer.cols for viewer in looking)
        if size == self.sizes.current:
            return
        rows, cols = size
        self.sizes.change(self.ring.end, rows, cols, self.ring.start)
        members = {"session": self.session, "offset": self.ring.end, "rows": rows, "cols": cols}
        for page in {viewer.page for viewer in self.viewers}:
            page.send(SERVICE, "resized", members)
        self.on_fit(rows, cols)

    def take_lead(self, viewer: Viewer) -> None:
        """Make this viewer the one whose terminal answers queries in the output."""
        former, self.lead = self.lead, viewer
        if former is not viewer:
            for each in (former, viewer):
                if each is not None:
                    each.send("lead", {"lead": each is viewer})

    def accept(self, viewer: Viewer, offset: int, payload: bytes) -> bytes | None:
        """Return the part of this input that is new; None if earlier input is missing.  Raises `TypedTooMuch`."""
        typed = viewer.typed
        if offset > typed.received:
            return None
        fresh = payload[typed.received - offset :]
        if typed.received + len(fresh) - typed.handed > TYPED:
            raise TypedTooMuch
        typed.received += len(fresh)
        return fresh

    def handed_over(self) -> None:
        """Acknowledge all accepted input: it is on its way to the remote, or never will be."""
        for typed in self._typed.values():
            typed.handed = typed.received
        for viewer in self.viewers:
            if viewer.typed.told != viewer.typed.handed:
                self.tell_input(viewer)

    def tell_input(self, viewer: Viewer) -> None:
        """Acknowledge the page's input."""
        viewer.typed.told = viewer.typed.handed
        viewer.send("input", {"offset": viewer.typed.handed})

    # --- skipping output ----------------------------------------------------------------------------------------------

    def skip(self, viewer: Viewer, offset: int) -> bool:
        """Send nothing until the output has paused, then continue with the last lines.

        The page has discarded everything from ``offset`` on, and will discard what is still on its way.  Returns False
        if the output before ``offset`` has not been sent.
        """
        if not viewer.attached:
            return True  # `attached` will say where the output continues
        if offset > viewer.sent:
            return False
        if offset < viewer.begun:
            return True  # it was attached again meanwhile, and expects the output from there: there is nothing to skip
        begun = time.monotonic() + (SKIP_HELD if self._held() else 0.0)
        is_new = viewer.skipping is None
        viewer.skipping = offset
        viewer.page.transport.discard(viewer.stream)
        self._room.set()
        if is_new:
            task = asyncio.create_task(self._skip(viewer, begun))
            self._skips.add(task)
            task.add_done_callback(self._skips.discard)
        return True

    async def _skip(self, viewer: Viewer, begun: float) -> None:
        while True:
            now = time.monotonic()
            quiet_at = max(self._last_output, begun) + SKIP_PAUSE
            end = min(quiet_at, begun + SKIP_SECONDS)
            if now >= end:
                break
            await asyncio.sleep(end - now)
        first = viewer.skipping
        if viewer not in self.viewers or first is None:
            return
        last = max(first, self.ring.last_lines(self.sizes.current[0], SKIP_TAIL))
        viewer.jump(last)
        viewer.send("skipped", {"from": first, "to": last})
        self.push(viewer)

    def close(self) -> None:
        """Remove all viewers."""
        for task in list(self._skips):
            task.cancel()
        self.viewers.clear()
        self._room.set()
