"""Detect that this machine has slept, so that connections can be checked at once.

While a machine sleeps its timers stand still, and so would keepalive.  A short timer for all connections of an event
loop checks whether much more time has passed than it was set for.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

PERIOD = 5.0
"""Seconds between two checks, while there are connections."""

SLACK: Final = 10.0
"""Tolerated delay in seconds, as on a busy machine.  Checking connections too often does no harm."""


def seconds() -> float:
    """Return a clock that advances during sleep; if the system has none, the time of day (setting it does no harm)."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    else:
        return time.time()


class WakeWatch:
    """The watch of one event loop: it calls registered functions with the seconds for which the machine slept."""

    def __init__(self) -> None:
        self._heard_by: dict[object, Callable[[float], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def add(self, who: object, woke: Callable[[float], None]) -> None:
        """Register ``woke`` to be called after each sleep, until `remove`."""
        self._heard_by[who] = woke
        if self._timer is None:
            self._set()

    def remove(self, who: object) -> None:
        """Undo `add`; idempotent."""
        self._heard_by.pop(who, None)
        if not self._heard_by and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self._last = seconds()
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._look)

    def _look(self) -> None:
        slept = seconds() - self._last - PERIOD
        self._set()
        if slept > SLACK:
            for woke in list(self._heard_by.values()):
                woke(slept)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, WakeWatch] = WeakKeyDictionary()


def wake_watch() -> WakeWatch:
    """Return the `WakeWatch` of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        _watches[loop] = WakeWatch()
    return _watches[loop]
