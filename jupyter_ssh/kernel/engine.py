"""The engine: one thread with one asyncio loop.

All connections of a kernel live in the loop of the thread "jupyter-ssh", which starts on first use, never on import.
Other threads reach it in one way: they pass in a function that returns a coroutine, and get the coroutine's value, its
error, or a future.  Nothing else crosses the boundary, so that the engine could become a process of its own.

A thread that waits for the engine can always be interrupted: see `Engine.call`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_ssh.kernel.cells.desk import CURRENT_DESK, BlockingDesk, Desk, LoopDesk
from jupyter_ssh.kernel.cells.tracebacks import with_own_frames_hidden
from jupyter_ssh.ssh.errors import ConnectionClosed, DeadlineExceeded, SSHError

if TYPE_CHECKING:
    from jupyter_ssh.ssh.client.report.surfaces import Surface

T = TypeVar("T")
Factory = Callable[[], Coroutine[Any, Any, T]]

log = logging.getLogger(__name__)

THREAD_NAME = "jupyter-ssh"

GRACE = 0.8
"""Seconds in which an interrupted call may clean up: signal the remote process, then close its channel."""
SWITCH_INTERVAL = 0.0002
"""Seconds for which a computing thread keeps the interpreter after the engine asks for it; Python's default is 5 ms.

While a cell computes, each read from the network waits this long, and each packet may, as the cryptography library
releases the interpreter while it decrypts: with the default, downloads run at a third of the speed or less.  The
shorter interval costs nothing while the engine is idle, and too little to measure if several threads compute."""
STOP_TIMEOUT = 2.0
"""Seconds in which connections may disconnect when the interpreter exits."""


class Work(Future[T]):
    """A coroutine that runs on the engine.  `cancel` asks it to end; the future is done only once it has ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, factory: Factory[T]) -> None:
        super().__init__()
        self._loop = loop
        self._factory = factory
        self._task: asyncio.Task[T] | None = None  # the loop itself keeps only weak references to tasks

    def cancel(self) -> bool:
        """Raise CancelledError in the coroutine, at each call again; return False if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif super().cancel():  # cancelled before it started
            self.set_running_or_notify_cancel()

    def _start(self) -> None:
        if self.done():
            return
        try:
            self._task = self._loop.create_task(self._factory())
        except Exception as error:
            self.set_exception(error)
        else:
            self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
        elif (error := task.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(task.result())


class Engine:
    """A thread with an asyncio loop; `get_engine` returns the one of this process."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self.loop.set_exception_handler(_log_loop_error)
        self._closers: list[Factory[None]] = []
        self._works: set[Work[Any]] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    # --- for other threads --------------------------------------------------------------------------------------------

    def submit(self, factory: Factory[T], desk: Desk | None = None) -> Work[T]:
        """Start the coroutine ``factory()`` on the engine and return its future.

        Any thread may wait for the future, or await it through `asyncio.wrap_future`.  The coroutine can ask questions
        at ``desk``, or not at all if that is None.
        """
        work: Work[T] = Work(self.loop, factory)
        self._launch(work, desk)
        return work

    def _launch(self, work: Work[Any], desk: Desk | None) -> None:
        if self._stopped:
            raise RuntimeError("the engine has been stopped")
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        context = contextvars.copy_context()
        context.run(CURRENT_DESK.set, desk)
        self.loop.call_soon_threadsafe(work._start, context=context)

    def call(self, factory: Factory[T], timeout: float | None = None, *, grace: float = GRACE) -> T:
        """Run the coroutine ``factory()`` on the engine; return its value, or raise its error.

        Blocks the calling thread, which meanwhile asks the engine's questions and prints its output.  On
        KeyboardInterrupt, the coroutine is cancelled and has ``grace`` seconds to clean up; a second KeyboardInterrupt
        ends the call immediately.  Raises `DeadlineExceeded` after ``timeout`` seconds.
        """
        __tracebackhide__ = True
        self._refuse_own_thread()
        desk = BlockingDesk()
        work: Work[T] = Work(self.loop, factory)
        work.add_done_callback(desk.finish)
        try:
            try:
                desk.occupy()
                self._launch(work, desk)
                finished = desk.serve(timeout)
            except BaseException:
                work.cancel()
                desk.serve(grace)
                raise
            if not finished:
                work.cancel()
                desk.serve(grace)
                raise DeadlineExceeded.after(timeout or 0, "operation")
        finally:
            desk.close()
            work.cancel()  # does nothing if the work is done; cancels a second time if the grace was not enough
        try:
            return work.result()
        except CancelledError:
            raise ConnectionClosed("the operation was cancelled", phase="operation") from None

    async def wait(self, factory: Factory[T]) -> T:
        """Do the same as `call` for a coroutine of another loop, without blocking that loop."""
        self._refuse_own_thread()
        desk = LoopDesk()
        try:
            return await asyncio.wrap_future(self.submit(factory, desk))
        except SSHError as error:
            raise with_own_frames_hidden(error.with_traceback(None)) from error.__cause__
        finally:
            desk.close()

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("the engine cannot wait for itself: await the coroutine instead")

    # --- the end ------------------------------------------------------------------------------------------------------

    def add_closer(self, closer: Factory[None]) -> None:
        """Run the coroutine ``closer()`` before the loop stops, to close what is open."""
        self._closers.append(closer)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Close what is open and end the thread, within about ``timeout`` seconds; idempotent."""
        if self._stopped:
            return
        self._stopped = True
        try:
            self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self._shut_down(timeout)))
        except RuntimeError:  # already closed
            return
        self._thread.join(timeout + 0.5)

    async def _shut_down(self, timeout: float) -> None:
        try:
            closers = [asyncio.ensure_future(closer()) for closer in self._closers]
            if closers:
                await asyncio.wait(closers, timeout=timeout)
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            if rest:
                await asyncio.wait(rest, timeout=min(timeout, 0.5))
        finally:
            self.loop.stop()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # ipykernel sets a policy whose loop cannot start processes (ProxyCommand)
        return asyncio.ProactorEventLoop()
    return asyncio.new_event_loop()


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("%s", context.get("message"), exc_info=context.get("exception"))


# --- the engine of this process ---------------------------------------------------------------------------------------

_lock = threading.Lock()
_engine: Engine | None = None
_left_behind: list[Engine] = []
"""Engines of a parent process, kept because closing their sockets or loop would affect the parent."""


def _surface() -> Surface:
    """Return where errors are read: there are magics only where the extension was loaded."""
    from jupyter_ssh.ssh.client.report.surfaces import MAGICS, SHELL

    return MAGICS if "jupyter_ssh.magics" in sys.modules else SHELL


def get_engine() -> Engine:
    """Return the engine of this process, starting it if it does not run."""
    global _engine
    with _lock:
        if _engine is None or _engine._stopped:
            from jupyter_ssh.ssh.client.report.surfaces import set_surface  # with the stack, not before first use

            set_surface(_surface)
            _engine = Engine()
            atexit.register(_engine.stop)
        return _engine


def running_engine() -> Engine | None:
    """Return the engine of this process, or None if it was never started."""
    return _engine


def _after_fork() -> None:
    # The child does not have the engine's thread, and it shares the loop's selector and the sockets with the parent.
    global _engine, _lock
    _lock = threading.Lock()
    if _engine is not None:
        atexit.unregister(_engine.stop)
        _left_behind.append(_engine)
        _engine._stopped = True
        _engine = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
