"""The desk: how the engine hands jobs to a thread that waits for it.

While a cell waits for the engine, the engine may need the cell's thread: to ask a question (only the thread that runs
the cell can use ``input``) or to print (only from there does output appear below the right cell, in the right order).
The waiting thread therefore runs the jobs that the engine puts on its desk.  There are two kinds of desks: one for a
thread that blocks, and one for a coroutine that awaits the engine in another event loop, such as that of the cells.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import queue
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from jupyter_ssh.ssh.errors import PromptUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

CURRENT_DESK: ContextVar[Desk | None] = ContextVar("jupyter_ssh_desk", default=None)
"""The desk of the call for which a task of the engine works.  Tasks inherit it from the task that started them."""

_OCCUPIED: list[Desk] = []
"""The desks in use, the newest last."""

# Seconds between a blocked thread's checks for a KeyboardInterrupt. On Windows, Ctrl-C or ■ never ends a wait on a
# lock; elsewhere it does, unless the signal arrives just between Python's last check and the wait.
_TICK = 0.05 if sys.platform == "win32" else 0.2


def waiting_desk() -> Desk | None:
    """Return the newest desk in use, for questions of a task that works for no particular call; None if none is."""
    return next((desk for desk in reversed(_OCCUPIED) if desk.open), None)


def say_in_cell(text: str) -> None:
    """Show ``text`` below the cell that the running task works for, if that cell is waiting.  Called on the engine."""
    if (desk := CURRENT_DESK.get()) is not None:
        desk.post(lambda: print(text, file=sys.stderr, flush=True))


def desk_of_thread(thread: int) -> Desk | None:
    """Return the desk at which the thread with this identifier blocks; None if it does not."""
    occupied = (desk for desk in reversed(_OCCUPIED) if isinstance(desk, BlockingDesk) and desk.thread == thread)
    return next((desk for desk in occupied if desk.open), None)


class Desk(ABC):
    """A place where a waiting thread does small jobs for the engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._questions: set[Callable[[], None]] = set()

    @property
    def open(self) -> bool:
        """Whether jobs are still done here."""
        return self._open

    @abstractmethod
    def _put(self, job: Callable[[], None]) -> None: ...

    def post(self, job: Callable[[], None]) -> bool:
        """Let the waiting thread run ``job`` soon; return False if it no longer waits.  Any thread may call this."""
        with self._lock:
            if not self._open:
                return False
            self._put(job)
            return True

    async def ask(self, question: Callable[[], T]) -> T:
        """Return the value of ``question()``, called by the waiting thread.  Called on the engine.

        Raises what the question raises, and `PromptUnavailable` if the thread no longer waits.  A KeyboardInterrupt
        cancels the asking task if it works for the interrupted call; for any other task it is a `PromptUnavailable`.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        works_for_call = CURRENT_DESK.get() is self

        def settle(action: Callable[[Any], None], value: Any) -> None:
            if not answer.done():
                action(value)

        def job() -> None:
            if answer.done():  # whoever asked has given up
                return
            try:
                value = question()
            except Exception as error:
                loop.call_soon_threadsafe(settle, answer.set_exception, error)
            except BaseException:  # a KeyboardInterrupt is meant for the waiting thread: it ends the whole call
                if works_for_call:
                    loop.call_soon_threadsafe(answer.cancel)
                else:
                    loop.call_soon_threadsafe(settle, answer.set_exception, _nobody("was interrupted"))
                raise
            else:
                loop.call_soon_threadsafe(settle, answer.set_result, value)

        def give_up() -> None:
            loop.call_soon_threadsafe(settle, answer.set_exception, _nobody())

        with self._lock:
            if not self._open:
                raise _nobody()
            self._questions.add(give_up)
            self._put(job)
        try:
            return await answer
        finally:
            self._questions.discard(give_up)

    def occupy(self) -> None:
        """Mark the desk as in use until `close`; to be called before the work starts, which may ask immediately."""
        _OCCUPIED.append(self)

    def close(self) -> None:
        """Accept no more jobs; questions without an answer fail with `PromptUnavailable`."""
        if self in _OCCUPIED:
            _OCCUPIED.remove(self)
        with self._lock:
            self._open = False
            questions = list(self._questions)
        for give_up in questions:
            give_up()


def _nobody(why: str = "has finished") -> PromptUnavailable:
    return PromptUnavailable(
        f"the cell in which this question could be answered {why}",
        phase="question",
        next_step="Run the cell again, or give what it asks for as an option.",
    )


def _do(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:  # a broken sys.stdout must not leave the remote process running
        log.exception("a job for the waiting thread failed")


class BlockingDesk(Desk):
    """The desk of a thread that blocks until the engine is done.

    A KeyboardInterrupt can occur in that thread between any two steps.  While it waits, it therefore shares with the
    engine only a `SimpleQueue`, which is safe against that, and no lock that might stay locked.
    """

    def __init__(self) -> None:
        super().__init__()
        # Bounded by its users: an output has one job here at a time, and a task that asks a question waits for it.
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._finished = False
        self.thread = threading.get_ident()
        """The identifier of the waiting thread."""

    def _put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def finish(self, _: object = None) -> None:
        """Make `serve` return after the jobs posted so far: the engine is done.  Any thread may call this."""
        self._finished = True
        self._jobs.put(None)

    def serve(self, timeout: float | None = None) -> bool:
        """Run jobs until `finish` is called; return False if that takes longer than ``timeout`` seconds.

        A KeyboardInterrupt ends the wait.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _TICK if deadline is None else max(deadline - time.monotonic(), 0)
            try:
                job = self._jobs.get(timeout=min(left, _TICK))
            except queue.Empty:
                if self._finished:
                    return True
                if deadline is not None and time.monotonic() >= deadline:
                    return False
                continue
            if job is None:
                return True
            _do(job)


class LoopDesk(Desk):
    """The desk of a coroutine that awaits the engine in another loop, such as that of the kernel's cells."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # here ipykernel stores which cell the output belongs to
        self.occupy()

    def _put(self, job: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(_do, job, context=self._context)
