"""One remote command from start to end, on the engine: its input, its output as it comes, its interrupt.

Used by the magics, which show the output live.
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
"""What is kept of each stream of a command whose output nobody asked to keep, for its error."""
LAST_WORDS_SECONDS = 0.2
"""Seconds for showing what an interrupted process printed. Together with what `Process.interrupt` takes less than
`engine.GRACE`, which bounds what ■ takes."""
_WHOLE_SCREEN = re.compile(rb"\x1b\[\?(?:\d+;)*(?:47|1047|1049)(?:;\d+)*h")
"""How a program asks for the alternate screen (xterm's control sequences, DECSET 47, 1047, 1049), and how much of the
end of a piece may be the beginning of it."""
_SEQUENCE_BYTES = 32


class WholeScreen:
    """Looks for a program's wish for the whole screen in what it prints, which comes in pieces."""

    def __init__(self) -> None:
        self._end = b""

    def wanted(self, data: bytes) -> bool:
        """Return whether it has the wish since before the end of ``data``."""
        data = self._end + data
        self._end = data[-_SEQUENCE_BYTES:]
        return _WHOLE_SCREEN.search(data) is not None


class Kept:
    """The bytes of one stream: all of them, or the last `UNKEPT_BYTES`."""

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
    """Start ``command``, the login shell (None) or, by its name, a subsystem."""
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

    ``input`` is written to its stdin, which is then closed. ``live`` shows the streams as they come, except those in
    ``hidden``. ``kept`` collects "stdout" and "stderr", also those of a command that is interrupted. `TerminalNeeded`
    where a program on a ``pty`` takes the whole screen that ``live`` would have to be. When cancelled, the process gets
    SIGINT, and its channel is closed if it does not end.
    """
    process = await start(connection, command, pty=pty, subsystem=subsystem)
    shown = {name: None if name in hidden else live for name in kept}
    pumps = [asyncio.create_task(_pump(process, name, kept[name], shown[name], pty is not None)) for name in kept]
    # A terminal stays open for ^C; a program without one that reads shall not wait for what never comes.
    writer = asyncio.create_task(write_input(process, input, eof=pty is None or input is not None))
    try:
        await _end(process, pumps)
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
    # The output first: an exit status may arrive before the last bytes (RFC 4254 §6.10 binds it to no order).
    await asyncio.gather(*(asyncio.shield(pump) for pump in pumps))
    await process.wait_closed()


async def _pump(process: Process, name: str, kept: Kept, live: LiveOutput | None, on_terminal: bool) -> None:
    stream = getattr(process, name)
    screen = WholeScreen() if on_terminal and live is not None else None
    while data := await stream.read(READ_BYTES):
        kept.add(data)
        if screen is not None and screen.wanted(data):
            raise TerminalNeeded("this program needs a full-screen terminal", phase="command")
        if live is not None:
            live.feed(name, data)
            await live.writable()


async def write_input(process: Process, data: bytes | None, *, eof: bool = True) -> None:
    """Write ``data`` to the process and close its stdin. It may end without reading all: that is no error."""
    try:
        for start in range(0, len(data or b""), WRITE_BYTES):
            process.stdin.write((data or b"")[start : start + WRITE_BYTES])
            await process.stdin.drain()
        if eof:
            process.stdin.write_eof()
    except SSHError as error:
        log.debug("the input was not all read: %s", error)


async def _interrupt(process: Process, live: LiveOutput) -> None:
    if not await process.interrupt():
        live.say("the process did not end by SIGINT; its channel is closed, but it may still run there")
    try:
        await asyncio.wait_for(live.finish(), LAST_WORDS_SECONDS)
    except asyncio.TimeoutError:
        log.debug("not all output was shown in time")
