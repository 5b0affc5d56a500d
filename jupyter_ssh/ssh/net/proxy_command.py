"""ProxyCommand (ssh_config(5)): a program whose standard input and output are the connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.errors import ProxyError
from jupyter_ssh.ssh.net.pipes import PipeTransport, open_pipe

STOP_SECONDS: Final = 2.0
"""Seconds a program may take to end by itself, and then after SIGHUP, before it is killed."""

PIECE: Final = 64 * 1024
LINE_LIMIT: Final = 4096
KEPT_LINES: Final = 20
"""Maximum lines of its stderr that are kept for an error."""


class ProxyCommand:
    """A running ProxyCommand; `attach` connects a protocol with its standard input and output.

    These are two pipes, as OpenSSH makes them: some programs look at what they are given.  It has a process group of
    its own, so that interrupting a cell does not end the connection; with ``terminal`` it stays in this process's group
    and may ask for a password at the terminal.  ``on_line`` is called with each line of its stderr; without it, stderr
    is this process's own.
    """

    def __init__(self, command: str, own_group: bool) -> None:
        self.command = command
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._own_group = own_group
        self._process: asyncio.subprocess.Process | None = None
        self._pipes: tuple[int, int] | None = None
        """Where to read from and where to write to, until a transport has them."""
        self._transport: PipeTransport | None = None
        self._socket: socket.socket | None = None
        """On Windows: our end of the connection, whose bytes are copied."""
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, command: str, *, on_line: Callable[[str], None] | None = None, terminal: bool = False
    ) -> ProxyCommand:
        """Start ``command`` in the user's shell.  Raises `ProxyError`."""
        self = cls(command, own_group=not terminal and sys.platform != "win32")
        stderr = asyncio.subprocess.PIPE if on_line is not None else None
        try:
            await (self._start_copied(stderr) if sys.platform == "win32" else self._start(stderr))
        except (OSError, ValueError) as error:
            raise ProxyError(
                "cannot start the ProxyCommand",
                phase="starting the ProxyCommand",
                received=getattr(error, "strerror", None) or str(error),
            ) from None
        if on_line is not None:
            self._tasks.append(asyncio.ensure_future(self._read_stderr(on_line)))
        return self

    async def _start(self, stderr: int | None) -> None:
        with contextlib.ExitStack() as on_error, contextlib.ExitStack() as theirs:
            ends = []
            for mine in (1, 0):  # the end that is ours: we write to its input, and read its output
                pipe = open_pipe()
                on_error.callback(os.close, pipe[mine])
                theirs.callback(os.close, pipe[1 - mine])
                ends.append(pipe)
            (its_input, writing), (reading, its_output) = ends
            # "exec", as in OpenSSH: no shell should remain between us and the program.
            self._process = await asyncio.create_subprocess_exec(
                os.environ.get("SHELL") or "/bin/sh",
                "-c",
                f"exec {self.command}",
                stdin=its_input,
                stdout=its_output,
                stderr=stderr,
                start_new_session=self._own_group,
            )
            on_error.pop_all()
            self._pipes = (reading, writing)

    async def _start_copied(self, stderr: int | None) -> None:
        """Start it on Windows, where asyncio reads the pipes of programs in its own way only: bytes are copied."""
        self._process = await asyncio.create_subprocess_shell(
            self.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr
        )
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._tasks.append(asyncio.ensure_future(_carry(theirs, self._process)))

    async def attach(self, protocol: asyncio.BufferedProtocol) -> None:
        """Connect the protocol with its standard input and output."""
        if self._socket is not None:
            await asyncio.get_running_loop().create_connection(lambda: protocol, sock=self._socket)
            return
        assert self._pipes is not None
        (reading, writing), self._pipes = self._pipes, None
        self._transport = PipeTransport(reading, writing, protocol)

    async def _read_stderr(self, on_line: Callable[[str], None]) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        rest = b""
        while data := await self._process.stderr.read(PIECE):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                self._line(line, on_line)
            if len(rest) > LINE_LIMIT:
                self._line(rest, on_line)
                rest = b""
        if rest:
            self._line(rest, on_line)

    def _line(self, line: bytes, on_line: Callable[[str], None]) -> None:
        text = line[:LINE_LIMIT].decode("utf-8", "backslashreplace").rstrip("\r")
        text = "".join(letter if letter.isprintable() or letter == "\t" else "?" for letter in text)
        self.lines.append(text)
        on_line(text)

    @property
    def pid(self) -> int:
        """The program's process ID."""
        assert self._process is not None
        return self._process.pid

    async def ended(self, seconds: float = STOP_SECONDS) -> str | None:
        """Return how it ended, such as "exit status 1" with the last lines of its stderr; None if it is still
        running."""
        assert self._process is not None
        try:
            status = await asyncio.wait_for(self._process.wait(), seconds)
            await asyncio.wait(self._tasks, timeout=seconds) if self._tasks else None
        except asyncio.TimeoutError:
            return None
        text = f"exit status {status}" if status >= 0 else f"ended by signal {-status}"
        return "; ".join([text, *list(self.lines)[-3:]])

    def stop(self) -> asyncio.Task[None]:
        """End it: close its input, then send SIGHUP as OpenSSH does, then kill it."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop())
        return self._stopping

    async def _stop(self) -> None:
        process = self._process
        assert process is not None
        self._close()
        # Closing the input first allows a program to clean up; OpenSSH sends the signal at once.
        signals = ("",) if sys.platform == "win32" else ("SIGHUP", "SIGKILL")
        for name, seconds in [("", 0.2), *((name, STOP_SECONDS) for name in signals)]:
            if name:
                self._signal(getattr(signal, name))
            elif sys.platform == "win32" and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                break
        if sys.platform != "win32" and self._own_group:
            self._signal(signal.SIGHUP)  # remaining processes of its group
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()

    def _close(self) -> None:
        """Close its input and output."""
        if self._transport is not None:
            self._transport.abort()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        for end in self._pipes or ():
            os.close(end)
        self._pipes = None

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32" and self._own_group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)


async def _carry(theirs: socket.socket, process: asyncio.subprocess.Process) -> None:
    """Copy bytes between a socket and a program's pipes."""
    reader, writer = await asyncio.open_connection(sock=theirs)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(PIECE):
                target.write(data)
                await target.drain()
            target.close()

    assert process.stdin is not None
    assert process.stdout is not None
    await asyncio.gather(copy(reader, process.stdin), copy(process.stdout, writer))
