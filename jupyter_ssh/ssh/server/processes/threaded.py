"""A child process with pipes and a thread for each: for Windows, where pipes cannot be polled.

The loop of a kernel on Windows is a selector loop, which supports neither pipes nor processes.
"""

from __future__ import annotations

import asyncio
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from typing import IO

from jupyter_ssh.ssh.server.processes.process import Ending, ProcessEvents, ProcessStartError, Program, ServedProcess
from jupyter_ssh.ssh.server.processes.signals import ending_from_returncode

CHUNK = 64 * 1024
AHEAD = 8
"""How many chunks a reading thread may be ahead of the loop."""

STDERR = 1  # SSH_EXTENDED_DATA_STDERR, RFC 4254 §5.2

# All signals that ask a process to stop terminate it: Windows has no signals between processes.
_ENDING_SIGNALS = frozenset({"HUP", "INT", "KILL", "QUIT", "TERM"})


class ThreadedProcess(ServedProcess):
    """Connects a `subprocess.Popen` to a loop by threads; made by `start_with_threads`."""

    def __init__(self, events: ProcessEvents, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._loop = asyncio.get_running_loop()
        self._events = events
        self._process = process
        self._over = False
        self._ending: Ending | None = None
        self._reaped = asyncio.Event()
        self._flowing = threading.Event()
        self._flowing.set()
        self._open_outputs = 2
        # Bounded by the channel's window, which is given back only for data that has left this queue.
        self._input: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._start(self._feed, process.stdin)
        self._start(self._read, process.stdout, None)
        self._start(self._read, process.stderr, STDERR)
        self._start(self._wait)

    def write(self, data: bytes) -> None:
        self._input.put(data)

    def write_eof(self) -> None:
        self._input.put(None)

    def pause(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def signal(self, name: str) -> bool:
        if name not in _ENDING_SIGNALS or self._ending is not None:
            return False
        self._process.terminate()
        return True

    def hang_up(self) -> None:
        if not self._over:
            self._over = True
            self._flowing.set()
            self._input.put(None)
            if self._ending is None:
                self._process.terminate()

    @property
    def reaped(self) -> bool:
        return self._reaped.is_set()

    async def wait_reaped(self) -> None:
        await self._reaped.wait()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(
            target=target, args=arguments, name=f"{target.__name__} {self._process.pid}", daemon=True
        ).start()

    def _call(self, callback: Callable[..., None], *arguments: object) -> bool:
        """Call on the loop's thread; false if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            return False
        return True

    # --- on the threads -----------------------------------------------------------------------------------------------

    def _feed(self, stdin: IO[bytes]) -> None:
        broken = False
        while (data := self._input.get()) is not None:
            if not broken:
                try:
                    stdin.write(data)
                    stdin.flush()
                except OSError:
                    broken = True
            self._call(self._input_taken, len(data))
        try:
            stdin.close()
        except OSError:
            pass

    def _read(self, stream: IO[bytes], code: int | None) -> None:
        ahead = threading.Semaphore(AHEAD)

        def deliver(data: bytes) -> None:
            ahead.release()
            if not self._over:
                self._events.output(data, code)

        with stream:
            while True:
                self._flowing.wait()
                ahead.acquire()
                try:
                    # Read from the descriptor: read() on the stream would block until the chunk is full.
                    data = os.read(stream.fileno(), CHUNK)
                except OSError:
                    data = b""
                if not data or not self._call(deliver, data):
                    break
        self._call(self._output_ended)

    def _wait(self) -> None:
        self._call(self._exited, ending_from_returncode(self._process.wait()))

    # --- on the loop --------------------------------------------------------------------------------------------------

    def _input_taken(self, count: int) -> None:
        if not self._over:
            self._events.input_taken(count)

    def _output_ended(self) -> None:
        self._open_outputs -= 1
        self._end_when_over()

    def _exited(self, ending: Ending) -> None:
        self._ending = ending
        self._reaped.set()
        self._end_when_over()

    def _end_when_over(self) -> None:
        if self._ending is not None and self._open_outputs == 0 and not self._over:
            self._over = True
            self._input.put(None)
            self._events.ended(self._ending)


def start_with_threads(events: ProcessEvents, program: Program) -> ThreadedProcess:
    """Start ``program`` with pipes on stdin, stdout and stderr; raises `ProcessStartError`."""
    try:
        process = subprocess.Popen(
            program.arguments,
            executable=program.executable,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Windows only: ^C would otherwise reach our own console too.
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ProcessStartError(f"cannot run {program.executable}: {why}") from None
    return ThreadedProcess(events, process)
