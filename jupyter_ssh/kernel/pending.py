"""A value that the engine is working on, which a thread can wait for and any event loop can await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar

from jupyter_ssh.kernel.cells.desk import BlockingDesk
from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.ssh.errors import ConnectionClosed, DeadlineExceeded

T = TypeVar("T")


class Pending(Generic[T]):
    """A value that is not available yet: ``await`` it, or block with `result`."""

    def __init__(self, engine: Engine, factory: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = engine.submit(factory)

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._work).__await__()

    @hides_own_frames
    def result(self, timeout: float | None = None) -> T:
        """Wait for the value and return it; ■ ends only the wait.

        Raises `DeadlineExceeded` after ``timeout`` seconds, and the error of the work if it failed.
        """
        desk = BlockingDesk()
        try:
            desk.occupy()
            self._work.add_done_callback(desk.finish)
            if not desk.serve(timeout):
                raise DeadlineExceeded.after(timeout or 0, "background command")
        finally:
            desk.close()
        try:
            return self._work.result()
        except CancelledError:
            raise ConnectionClosed("the wait was cancelled", phase="background command") from None

    def __repr__(self) -> str:
        return f"<Pending, {'done' if self._work.done() else 'not yet done'}: await it, or call .result()>"
