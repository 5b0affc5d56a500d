"""One remote command from start to end, on the engine: its input, its output as it arrives, and its interruption.

For the magics, which show the output live.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_ssh.ssh.client.result import Result
from jupyter_ssh.ssh.errors import SSHError, TerminalNeeded

if TYPE_CHECKING:
    from jupyter_ssh.kernel.cells.output import LiveOutput
    from jupyter_ssh.ssh.client import Connection, Process, Pty

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
WRITE_BYTES = 64 * 1024
UNKEPT_BYTES = 64 * 1024
"""How much of the end of each stream is kept for error messages if the output is not to be kept."""
LAST_OUTPUT_SECONDS = 0.2
"""Seconds for showing the last output of an interrupted process.  Together with the time that `Process.interrupt`
takes, this is less than `engine.GRACE`, which bounds how long ■ takes."""
_ALTERNATE_SCREEN = re.compile(rb"\x1b\[\?(?:\d+;)*(?:47|1047|1049)(?:;\d+)*h")
"""The sequences by which a program switches to the alternate screen (xterm's DECSET 47, 1047, 1049)."""
_SEQUENCE_BYTES = 32
"""How many bytes at the end of a piece of output may be the beginning of such a sequence."""


class FullScreenDetector:
    """Finds out from a program's output, which arrives in pieces, whether it needs a full-screen terminal."""

    def __init__(self) -> None:
        self._end = b""

    def found(self, data: bytes) -> bool:
        """Return whether the program switches to the alternate screen in ``data``, the next piece."""
        data = self._end + data
        self._end = data[-_SEQUENCE_BYTES:]
        return _ALTERNATE_SCREEN.search(data) is not None


class Kept:
    """The bytes kept of one stream: all of them, or the last `UNKEPT_BYTES`."""

    def __init__(self, everything: bool = True) -> None:
        self._pieces: deque[bytes] = deque()
        self._everything = everything
        self._size = 0
        self.total = 0

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        self.total += len(data)
        if not self._everything:
            while self._size - len(self._pieces[0]) >= UNKEPT_BYTES:
                self._size -= len(self._pieces.popleft())

    def value(self) -> bytes:
        data = b"".join(self._pieces)
        return data if self._everything else data[-UNKEPT_BYTES:]


async def start(
    connection: Connection, command: str | None, *, pty: Pty | None = None, subsystem: bool = False
) -> Process:
    """Start ``command``: a command, the login shell (None), or the name of a subsystem."""
    if subsystem:
        return await connection.start(pty=pty, subsystem=command)
    return await connection.start(command, pty=pty)


async def execute(
    connection: Connection,
    command: str | None,
    *,
    live: LiveOutput,
    kept: Mapping[str, Kept],
    input: bytes | None = None,
    pty: Pty | None = None,
    hidden: frozenset[str] = frozenset(),
    subsystem: bool = False,
) -> Result:
    """Run ``command`` and return its result, whatever its exit status.

    ``input`` is written to its stdin, which is then closed.  ``live`` shows the streams as they arrive, except those in
    ``hidden``.  ``kept`` collects "stdout" and "stderr", even if the command is interrupted.  When cancelled, it sends
    the process SIGINT, and closes its channel if the process does not end.

    Raises `TerminalNeeded` if a program on a ``pty`` switches to the alternate screen, which ``live`` cannot show.
    """
    process = await start(connection, command, pty=pty, subsystem=subsystem)
    shown = {name: None if name in hidden else live for name in kept}
    pumps = [asyncio.create_task(_pump(process, name, kept[name], shown[name], pty is not None)) for name in kept]
    # A terminal's input stays open for ^C; without a terminal, a program that reads must not wait for input forever.
    writer = asyncio.create_task(write_input(process, input, eof=pty is None or input is not None))
    try:
        await _end(process, pumps)
        if (loss := process.connection_closed_because) is not None:
            live.say(f"the command has ended; after that the connection was lost: {loss.received or loss.message}")
        await live.finish()
        result = await process.wait()
    except asyncio.CancelledError:
        await _interrupt(process, live)
        raise
    finally:
        process.close()
        for task in (writer, *pumps):
            task.cancel()
    return replace(result, stdout=kept["stdout"].value(), stderr=kept["stderr"].value())


async def _end(process: Process, pumps: list[asyncio.Task[None]]) -> None:
    # The output first: the exit status may arrive before the last bytes (RFC 4254 §6.10 does not define an order).
    await asyncio.gather(*(asyncio.shield(pump) for pump in pumps))
    await process.wait_closed()


async def _pump(process: Process, name: str, kept: Kept, live: LiveOutput | None, on_terminal: bool) -> None:
    stream = getattr(process, name)
    detector = FullScreenDetector() if on_terminal and live is not None else None
    while data := await stream.read(READ_BYTES):
        kept.add(data)
        if detector is not None and detector.found(data):
            raise TerminalNeeded("this program needs a full-screen terminal", phase="command")
        if live is not None:
            live.feed(name, data)
            await live.writable()


async def write_input(process: Process, data: bytes | None, *, eof: bool = True) -> None:
    """Write ``data`` to the process, then close its stdin if ``eof``.

    It is not an error if the process ends without reading all of it.
    """
    try:
        for start in range(0, len(data or b""), WRITE_BYTES):
            process.stdin.write((data or b"")[start : start + WRITE_BYTES])
            await process.stdin.drain()
        if eof:
            process.stdin.write_eof()
    except SSHError as error:
        log.debug("not all of the input was read: %s", error)


async def _interrupt(process: Process, live: LiveOutput) -> None:
    if not await process.interrupt():
        live.say("SIGINT did not end the process; its channel was closed, but it may still be running on the host")
    try:
        await asyncio.wait_for(live.finish(), LAST_OUTPUT_SECONDS)
    except asyncio.TimeoutError:
        log.debug("not all of the output was shown in time")
