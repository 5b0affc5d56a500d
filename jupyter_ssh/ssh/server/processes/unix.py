"""A child process on Unix, with three pipes or on a pty."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping

from jupyter_ssh.ssh.server.processes.descriptors import DescriptorReader, DescriptorWriter, widen_pipe
from jupyter_ssh.ssh.server.processes.exit_watcher import ExitWatcher
from jupyter_ssh.ssh.server.processes.process import Ending, ProcessEvents, Program, ServedProcess, TerminalSize
from jupyter_ssh.ssh.server.processes.signals import NUMBERS
from jupyter_ssh.ssh.server.processes.spawning import spawn
from jupyter_ssh.ssh.server.processes.terminal import Terminal

if sys.platform == "win32":
    raise ImportError("use `threaded` on Windows")

STDERR = 1  # SSH_EXTENDED_DATA_STDERR, RFC 4254 §5.2


class UnixProcess(ServedProcess):
    """Connects a `subprocess.Popen` to a loop by descriptors; made by `start_with_pipes` and `start_on_terminal`."""

    def __init__(
        self,
        events: ProcessEvents,
        process: subprocess.Popen[bytes],
        stdin: int,
        outputs: Mapping[int, int | None],
        terminal: Terminal | None = None,
    ) -> None:
        """Take over ``stdin`` and the keys of ``outputs``, our ends of the pipes; its values are the data type
        codes."""
        loop = asyncio.get_running_loop()
        self._events = events
        self._process = process
        self._terminal = terminal
        self.tty = terminal.name if terminal else None
        self._over = False
        self._ending: Ending | None = None
        self._reaped = asyncio.Event()
        self._open_outputs = len(outputs)
        self._writer = DescriptorWriter(loop, stdin, self._input_taken)
        self._stdout: DescriptorReader | None = None  # None: a terminal, which is written to as well
        self._readers: list[DescriptorReader] = []
        for descriptor, code in outputs.items():
            gather = terminal is not None
            reader = DescriptorReader(loop, descriptor, self._deliver(code), self._output_ended, gather=gather)
            self._readers.append(reader)
            if code is None and terminal is None:
                self._stdout = reader
        self._watcher = ExitWatcher(loop, process, self._exited)

    @property
    def pid(self) -> int:
        """The child's process ID, also that of its process group and session."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.note_input(data)
        self._writer.write(data)

    def write_eof(self) -> None:
        if self._terminal is None:
            self._writer.write_eof()
        else:
            # Closing our end would hang up the line; send the key for end of file instead.
            for key in self._terminal.eof_keys():
                self._writer.write(key)

    def pause(self) -> None:
        for reader in self._readers:
            reader.pause()

    def resume(self) -> None:
        for reader in self._readers:
            reader.resume()

    def stop_output(self) -> bool:
        if self._stdout is None:
            return False
        if not self._stdout.closed:
            self._stdout.close()
            self._output_ended()
        return True

    def signal(self, name: str) -> bool:
        number = NUMBERS.get(name)
        if number is None or self._reaped.is_set():
            return False
        if self._terminal is not None and self._terminal.signal_foreground(name, number):
            return True
        return self._signal_group(number)

    def resize(self, size: TerminalSize) -> bool:
        return self._terminal is not None and self._terminal.resize(size)

    def send_break(self) -> bool:
        if self._terminal is None:
            return False
        self._terminal.send_break(self._writer.write)
        return True

    def hang_up(self) -> None:
        if self._over:
            return
        self._over = True
        # For a terminal the system sends SIGHUP when we close it: bash forgets its jobs if it gets SIGHUP twice.
        if self._terminal is None and not self._reaped.is_set():
            self._signal_group(signal.SIGHUP)
            # A stopped process does not handle SIGHUP until it is continued.
            self._signal_group(signal.SIGCONT)
        self._close()
        self._reap_when_over()

    @property
    def reaped(self) -> bool:
        return self._reaped.is_set()

    async def wait_reaped(self) -> None:
        await self._reaped.wait()

    def _signal_group(self, number: int) -> bool:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _deliver(self, code: int | None) -> Callable[[bytes], None]:
        return lambda data: self._events.output(data, code)

    def _input_taken(self, count: int) -> None:
        if not self._over:
            self._events.input_taken(count)

    def _output_ended(self) -> None:
        self._open_outputs -= 1
        self._end_when_over()

    def _exited(self, ending: Ending) -> None:
        self._ending = ending
        self._end_when_over()
        self._reap_when_over()

    def _end_when_over(self) -> None:
        # Output first: clients disconnect on the status, and would lose output that comes after it.
        if self._ending is not None and self._open_outputs == 0 and not self._over:
            self._over = True
            self._close()
            self._reap_when_over()
            self._events.ended(self._ending)

    def _reap_when_over(self) -> None:
        # While the group may still be signalled, its ID must not be reused.
        if self._ending is not None and self._over and not self._reaped.is_set():
            self._watcher.reap()
            self._reaped.set()

    def _close(self) -> None:
        self._writer.close()
        for reader in self._readers:
            reader.close()
        if self._terminal is not None:
            self._terminal.close()


def start_with_pipes(events: ProcessEvents, program: Program) -> UnixProcess:
    """Start ``program`` with pipes on stdin, stdout and stderr; raises `ProcessStartError` or `OSError`."""
    ends: list[int] = []
    try:
        for _ in range(3):
            ends += os.pipe()
        stdin, our_stdin, our_stdout, stdout, our_stderr, stderr = ends
        for descriptor in (stdin, stdout, stderr):
            widen_pipe(descriptor)
        process = spawn(program, stdin, stdout, stderr, terminal=False)
    except BaseException:
        for descriptor in ends:
            os.close(descriptor)
        raise
    for descriptor in (stdin, stdout, stderr):
        os.close(descriptor)
    return UnixProcess(events, process, our_stdin, {our_stdout: None, our_stderr: STDERR})


def start_on_terminal(
    events: ProcessEvents, program: Program, size: TerminalSize, modes: Mapping[str, int]
) -> UnixProcess:
    """Start ``program`` on a new pty of the given size and modes; raises `ProcessStartError` or `OSError`.

    SSH_TTY is added to the program's environment.
    """
    terminal, slave = Terminal.open(size, modes)
    try:
        environment = {**program.environment, "SSH_TTY": terminal.name}
        program = Program(program.executable, program.arguments, program.folder, environment)
        process = spawn(program, slave, slave, slave, terminal=True)
        writing, reading = os.dup(terminal.master), os.dup(terminal.master)
    except BaseException:
        terminal.close()
        raise
    finally:
        os.close(slave)
    return UnixProcess(events, process, writing, {reading: None}, terminal)
