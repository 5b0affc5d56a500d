"""The desk between the engine and a thread that waits for it.

While a cell waits for the engine, the engine may need that very thread: to ask a question (only the thread that runs
the cell can use ``input``) or to print (only there does output land under the right cell, in the right order).  So
the waiting thread sits at a desk and does what is put on it.  There are two desks: one for a thread that blocks, one
for a coroutine that awaits in the loop of the person's own cell.
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
"""The desk of the call a task of the engine works for. Tasks inherit it from the one that started them."""

_OCCUPIED: list[Desk] = []
"""Desks where somebody sits now, the one that sat down last at the end."""

# The thread looks up this often for a KeyboardInterrupt. On Windows a wait on a lock is never broken by Ctrl-C or ■;
# elsewhere it is, unless the signal comes in the instant between Python's last look and the wait.
_TICK = 0.05 if sys.platform == "win32" else 0.2


def waiting_desk() -> Desk | None:
    """Return where somebody waits for the engine and can be asked, by a task that works for nobody in particular."""
    return next((desk for desk in reversed(_OCCUPIED) if desk.open), None)


def say_in_cell(text: str) -> None:
    """Have ``text`` shown under the cell that the running task works for, if one waits.  Called on the engine."""
    if (desk := CURRENT_DESK.get()) is not None:
        desk.post(lambda: print(text, file=sys.stderr, flush=True))


def desk_of_thread(thread: int) -> Desk | None:
    """Return where the thread with that identifier sits and blocks, if it does."""
    sitting = (desk for desk in reversed(_OCCUPIED) if isinstance(desk, BlockingDesk) and desk.thread == thread)
    return next((desk for desk in sitting if desk.open), None)


class Desk(ABC):
    """Where a waiting thread does small jobs for the engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._questions: set[Callable[[], None]] = set()

    @property
    def open(self) -> bool:
        """Whether somebody still sits here."""
        return self._open

    @abstractmethod
    def _put(self, job: Callable[[], None]) -> None: ...

    def post(self, job: Callable[[], None]) -> bool:
        """Have ``job`` done by the waiting thread, soon; False if nobody waits any more. Any thread may call it."""
        with self._lock:
            if not self._open:
                return False
            self._put(job)
            return True

    async def ask(self, question: Callable[[], T]) -> T:
        """Return the value of ``question()``, run by the waiting thread. Called on the engine.

        Raises what the question raises, and `PromptUnavailable` when nobody waits (any more).
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(action: Callable[[Any], None], value: Any) -> None:
            if not answer.done():
                action(value)

        def job() -> None:
            try:
                value = question()
            except Exception as error:
                loop.call_soon_threadsafe(settle, answer.set_exception, error)
            except BaseException:  # KeyboardInterrupt is the waiting thread's own: it ends the whole call
                loop.call_soon_threadsafe(answer.cancel)
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
        """Somebody sits here until `close`: for a call, before its work begins, which may ask at once."""
        _OCCUPIED.append(self)

    def close(self) -> None:
        """Nobody sits here any more: questions that wait for an answer end with `PromptUnavailable`."""
        if self in _OCCUPIED:
            _OCCUPIED.remove(self)
        with self._lock:
            self._open = False
            questions = list(self._questions)
        for give_up in questions:
            give_up()


def _nobody() -> PromptUnavailable:
    return PromptUnavailable(
        "the cell that could answer this question is over",
        phase="question",
        next_step="Run the cell again, or name what it needs in the options.",
    )


def _do(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:  # a broken sys.stdout must not leave the remote process behind
        log.exception("a job for the waiting thread failed")


class BlockingDesk(Desk):
    """For a thread that blocks until the engine is done.

    A KeyboardInterrupt may strike that thread between any two steps.  It therefore shares with the engine only the
    queue, which is made for that, and no lock that it could leave locked behind it.
    """

    def __init__(self) -> None:
        super().__init__()
        # Bounded by its users: an output has one job here at a time, a question is asked by a task that waits for it.
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._finished = False
        self.thread = threading.get_ident()
        """Who sits here."""

    def _put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def finish(self, _: object = None) -> None:
        """What is waited for is done: `serve` returns after the jobs posted so far. Any thread may call it."""
        self._finished = True
        self._jobs.put(None)

    def serve(self, timeout: float | None = None) -> bool:
        """Do jobs until `finish`; False if it has not come after ``timeout`` seconds.

        A KeyboardInterrupt breaks the wait at once.
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
    """For a coroutine that awaits the engine from another loop, such as that of the kernel's cells."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # ipykernel keeps there which cell the output belongs to
        self.occupy()

    def _put(self, job: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(_do, job, context=self._context)
