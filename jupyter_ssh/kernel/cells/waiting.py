"""Waiting for a computation that Python cannot break, so that Ctrl-C and ■ work meanwhile."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TICK = 0.1
"""Seconds between two looks for a KeyboardInterrupt, where a wait is not broken by it (Windows)."""


def interruptible(job: Callable[[], T]) -> T:
    """Return the value of ``job``, computed in a thread of its own, and raises what it raises.

    A KeyboardInterrupt ends the wait; the thread then computes for nobody, and does not hold up the process's end.
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
