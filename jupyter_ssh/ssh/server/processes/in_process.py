"""Python code that a session runs instead of a child process, such as a subsystem."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.channels.streams import ByteReader
from jupyter_ssh.ssh.server.processes.process import Ending, ProcessEvents, ServedProcess, TerminalSize
from jupyter_ssh.ssh.wire.numbers import SSH_EXTENDED_DATA_STDERR

log = logging.getLogger(__name__)

CRASHED: Final = 1
"""The exit status if the code raised an exception, or returned something that is no exit status."""

MAX_STATUS: Final = 0xFFFFFFFF
"""The exit status is a uint32 (RFC 4254 §6.10)."""

ENDING_SIGNALS: Final = frozenset({"HUP", "INT", "KILL", "QUIT", "TERM"})


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What the client requested of a session, and who it is."""

    subsystem: str
    user: str
    """The user name that the client logged in with."""
    home: str
    """The account's home folder."""
    environment: Mapping[str, str]
    """The environment that a child process would get."""
    client_address: tuple[str, int]
    terminal: TerminalSize | None
    """The initial size if the client requested a terminal; there is no line discipline."""


ProcessFactory = Callable[[ProcessEvents, SessionStart], ServedProcess]
"""Starts the process of a session; events before it returns are lost.  Raises `ProcessStartError`."""

Subsystem = str | ProcessFactory
"""A command line for the account's shell, or the factory of a handler in this process: see `in_process`."""


class Output:
    """The stdout or stderr of an `InProcess`."""

    def __init__(self, process: InProcess, code: int | None) -> None:
        self._process = process
        self._code = code
        self.closed = False
        """Whether the client has stopped reading it."""

    def write(self, data: bytes) -> None:
        """Send ``data``; raises BrokenPipeError if the client has stopped reading it."""
        if self.closed:
            raise BrokenPipeError("the client has stopped reading this output")
        self._process.send(data, self._code)

    async def drain(self) -> None:
        """Wait until the client has room for more; data written without waiting is queued in memory."""
        await self._process.flowing.wait()


class InProcess(ServedProcess):
    """A coroutine that stands in for a child process; see `in_process`."""

    def __init__(
        self, events: ProcessEvents, start: SessionStart, run: Callable[[InProcess], Awaitable[int | None]]
    ) -> None:
        self.start = start
        self.stdin = ByteReader(self._taken)
        """The client's data; reading it gives the client room for more."""
        self.stdout = Output(self, None)
        self.stderr = Output(self, SSH_EXTENDED_DATA_STDERR)
        self.flowing = asyncio.Event()
        """Set while the client accepts output."""
        self.flowing.set()
        self.on_signal: Callable[[str], bool] = self.end_by_signal
        """Handles a signal, given its name without "SIG"; returns whether it had any effect."""
        self.on_resize: Callable[[TerminalSize], None] | None = None
        """Called with the new size when the terminal is resized."""
        self._events = events
        self._signal: str | None = None
        self._over = False
        self._task = asyncio.get_running_loop().create_task(self._run(run))
        # Not at the end of the coroutine: a task that is cancelled before its first step runs none of it.
        self._task.add_done_callback(self._done)

    async def _run(self, run: Callable[[InProcess], Awaitable[int | None]]) -> Ending:
        try:
            return self._ending(await run(self))
        except BrokenPipeError:
            return Ending(signal="PIPE")
        except Exception:
            log.exception("the subsystem %s failed", self.start.subsystem)
            return Ending(status=CRASHED)

    def _ending(self, result: object) -> Ending:
        status = 0 if result is None else result
        if isinstance(status, int) and 0 <= status <= MAX_STATUS:
            return Ending(status=int(status))
        log.error("the subsystem %s returned %r instead of an exit status", self.start.subsystem, result)
        return Ending(status=CRASHED)

    def _done(self, task: asyncio.Task[Ending]) -> None:
        ending = Ending(signal=self._signal or "HUP") if task.cancelled() else task.result()
        if not self._over:
            self._over = True
            self._events.ended(ending)

    def _taken(self, count: int) -> None:
        if not self._over:
            self._events.input_taken(count)

    def send(self, data: bytes, code: int | None) -> None:
        """Send output to the client; see `Output.write`."""
        if not self._over and data:
            self._events.output(data, code)

    def end_by_signal(self, name: str) -> bool:
        """Cancel the coroutine if the signal is one that ends processes; ignore others."""
        if name not in ENDING_SIGNALS or self._over:
            return False
        self._signal = name
        self._task.cancel()
        return True

    # --- the session's side: see `ServedProcess` ----------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._over:
            self._events.input_taken(len(data))
        else:
            self.stdin.feed(data)

    def write_eof(self) -> None:
        self.stdin.feed_eof()

    def pause(self) -> None:
        self.flowing.clear()

    def resume(self) -> None:
        self.flowing.set()

    def stop_output(self) -> bool:
        self.stdout.closed = True
        self.flowing.set()
        return True

    def signal(self, name: str) -> bool:
        return self.on_signal(name)

    def resize(self, size: TerminalSize) -> bool:
        if self.on_resize is None or self.start.terminal is None:
            return False
        self.on_resize(size)
        return True

    def hang_up(self) -> None:
        self._over = True
        self._task.cancel()

    @property
    def reaped(self) -> bool:
        return self._task.done()

    async def wait_reaped(self) -> None:
        await asyncio.wait([self._task])


def in_process(run: Callable[[InProcess], Awaitable[int | None]]) -> ProcessFactory:
    """Turn a coroutine function into a subsystem: ``listen(..., subsystems={"echo": in_process(echo)})``.

    ``run`` is called with an `InProcess`: it reads ``stdin``, writes ``stdout`` and ``stderr``, and returns the exit
    status, None for 0.  It is cancelled when the client disconnects or sends a signal that ends processes; if it
    raises, the status is 1.
    """
    return lambda events, start: InProcess(events, start, run)
