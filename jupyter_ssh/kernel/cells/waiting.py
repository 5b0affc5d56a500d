"""Waiting for a computation that Python cannot interrupt, so that Ctrl-C and ■ still work."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TICK = 0.1
"""Seconds between checks for a KeyboardInterrupt, which does not end a wait on Windows."""


def interruptible(job: Callable[[], T]) -> T:
    """Run ``job`` in a thread of its own; return its value, or raise what it raises.

    A KeyboardInterrupt ends the wait; the thread then goes on, but its result is discarded, and the process can exit.
    """
    outcome: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            outcome.put((context.run(job), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=work, name="jupyter-ssh work", daemon=True).start()
    while True:
        try:
            value, error = outcome.get(timeout=_TICK)
            break
        except queue.Empty:
            continue
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
