"""Threads for one kind of work, so that work which is stuck holds up nothing but its own kind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeVar

T = TypeVar("T")

MAX_WAITING: Final = 1024
"""How much work may wait for a thread."""


class Overloaded(RuntimeError):
    """No more work is taken: too much is waiting."""


class Workers:
    """At most ``most`` threads; each is started when there is work for it and ends when there is none left.

    A loop's default executor is shared by name lookups and all reading of files, and a file on a hung disk can occupy
    it whole.  It is also waited for when the process ends; these threads are not.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._running = 0
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._lock = threading.Lock()

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Call ``function`` in a thread; if this wait is cancelled before that has begun, it is not called.

        Raises `Overloaded`, and whatever ``function`` raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def wake(work: Future[T]) -> None:
            if not done.done():
                done.set_result(None)

        work = self.start(partial(function, *args), loop, wake)
        try:
            await done
            return work.result()
        finally:
            work.cancel()

    def start(
        self, function: Callable[[], T], loop: asyncio.AbstractEventLoop, done: Callable[[Future[T]], object]
    ) -> Future[T]:
        """Call ``function`` in a thread, then ``done`` in ``loop``, unless that is closed by then.

        Raises `Overloaded`, or `RuntimeError` if no thread can be started.
        """
        work: Future[T] = Future()

        def tell(work: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(done, work)

        work.add_done_callback(tell)
        self._add(work, function)
        return work

    def _add(self, work: Future[T], function: Callable[[], T]) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._waiting = deque(entry for entry in self._waiting if not entry[0].cancelled())
            if len(self._waiting) >= MAX_WAITING:
                raise Overloaded(f"{MAX_WAITING} pieces of work are waiting for a thread ({self._name})")
            self._waiting.append((work, function))
            if self._running < self._most:
                self._start_thread()

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:  # the system has no more threads; those that run will do
            if not self._running:
                self._waiting.pop()
                raise
        else:
            self._running += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                work, function = self._waiting.popleft()
            if not work.set_running_or_notify_cancel():
                continue
            try:
                work.set_result(function())
            except BaseException as error:
                work.set_exception(error)
            del work, function
