"""Delivery of the engine's changes to the kernel's thread.

    engine: ``_put``  ->  the newest of each kind for each subject  ->  kernel's thread: ``_deliver``  ->  listener

The engine never waits.  A cell may compute for an hour: meanwhile, newer counters and states replace older ones, and
only a limited number of subjects that began and ended in that time are kept.  While a cell waits for the engine, the
waiting thread delivers changes (desk.py); otherwise the kernel's loop does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from typing import Final

from jupyter_ssh.kernel.cells.desk import Desk, desk_of_thread
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.ssh.channels.changes import Change, Changes, Ended, Listener, Opened, Subscription
from jupyter_ssh.ssh.errors import ConfigError

log = logging.getLogger(__name__)

PASSED: Final = 100
"""How many subjects that began and ended while the kernel's thread was busy are still told; the newest are kept."""


class Listening:
    """A listener in the kernel's thread, until `stop`; must be made in that thread, while its loop runs."""

    def __init__(self, listener: Listener, engine: Engine, changes: Changes) -> None:
        self._listener: Listener | None = listener
        self._engine = engine
        self._subscription: Subscription | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigError(
                "listening to changes needs a running event loop, and there is none here",
                phase="listening",
                next_step="Listen from a notebook cell, or from a coroutine.",
            ) from None
        self._context = contextvars.copy_context()  # here ipykernel stores which cell the output belongs to
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._waiting: dict[tuple[int, type[Change]], Change] = {}
        """The changes to deliver, in order."""
        self._passed: dict[int, None] = {}
        """The numbers of the subjects whose beginning and end are both still to be delivered."""
        self._scheduled = False
        """Whether a delivery is scheduled on the loop."""
        self._desk: Desk | None = None
        """The desk on which a delivery waits, if one does."""
        engine.loop.call_soon_threadsafe(self._begin, changes)

    def stop(self) -> None:
        """Stop telling the listener, effective immediately; idempotent.

        If called in a thread other than the kernel's, it does not wait for a call in progress.
        """
        self._silence()
        with contextlib.suppress(RuntimeError):  # the engine has stopped
            self._engine.loop.call_soon_threadsafe(self._end)

    def _silence(self) -> None:
        with self._lock:
            self._listener = None
            self._waiting.clear()
            self._passed.clear()

    # --- the engine's side --------------------------------------------------------------------------------------------

    def _begin(self, changes: Changes) -> None:
        if self._listener is not None:
            self._subscription = changes.listen(self._put, present=True)

    def _end(self) -> None:
        if self._subscription is not None:
            self._subscription.remove()

    def _put(self, change: Change) -> None:
        with self._lock:
            if self._listener is None:
                return
            self._keep(change)
            schedule, self._scheduled = not self._scheduled, True
        desk = desk_of_thread(self._thread)
        if desk is not None and desk is not self._desk:
            self._desk = desk  # before the delivery is posted, which may be over by the time `post` returns
            if not desk.post(self._deliver):
                self._desk = None
        if schedule:
            try:
                self._loop.call_soon_threadsafe(self._deliver_in_loop, context=self._context)
            except RuntimeError:  # the loop is closed
                self._silence()
                self._end()

    def _keep(self, change: Change) -> None:
        number = change.subject.number
        self._waiting.pop((number, type(change)), None)
        self._waiting[number, type(change)] = change
        if isinstance(change, Ended) and (number, Opened) in self._waiting:
            self._passed[number] = None
            if len(self._passed) > PASSED:
                oldest = next(iter(self._passed))
                del self._passed[oldest]
                for key in [key for key in self._waiting if key[0] == oldest]:
                    del self._waiting[key]

    # --- the kernel's side --------------------------------------------------------------------------------------------

    def _deliver_in_loop(self) -> None:
        with self._lock:
            self._scheduled = False
        self._deliver()

    def _deliver(self) -> None:
        self._desk = None
        for _ in range(len(self._waiting)):  # changes that arrive meanwhile get a delivery of their own
            with self._lock:
                listener = self._listener
                if listener is None or not self._waiting:
                    return
                key = next(iter(self._waiting))
                change = self._waiting.pop(key)
                if isinstance(change, Opened):
                    self._passed.pop(key[0], None)
            try:
                listener(change)
            except Exception:
                log.exception("a listener to the changes of %s %r failed", change.subject.kind, change.subject.name)
            except BaseException:  # a KeyboardInterrupt is meant for the cell; deliver the rest later
                self._loop.call_soon(self._deliver, context=self._context)
                raise
