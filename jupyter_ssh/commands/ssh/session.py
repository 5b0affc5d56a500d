"""A remote command or shell on the local standard streams: bytes in both directions, terminal, escapes, exit status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Sequence

from jupyter_ssh.commands import terminal
from jupyter_ssh.commands.interrupts import Interrupts
from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.commands.ssh import escapes
from jupyter_ssh.commands.ssh.escapes import EscapeFilter
from jupyter_ssh.commands.streams import CHUNK, Sink, Source
from jupyter_ssh.ssh.client import Connection, Process, Pty, Reader
from jupyter_ssh.ssh.config import Options
from jupyter_ssh.ssh.errors import ChannelError, ConnectionLost, DisconnectedByPeer, SSHError
from jupyter_ssh.ssh.protocol.version import MAX_VERSION_LINE
from jupyter_ssh.ssh.text import printable

FAILURE = 255
STDIN, STDOUT, STDERR = 0, 1, 2
# Seconds a command may take to end after its output is no longer read.
_AFTER_BROKEN_PIPE = 2.0


class LocalSession:
    """Runs one command with this process's standard streams; `run` returns the exit status ssh(1) would."""

    def __init__(self, connection: Connection, options: Options, messages: Messages, interrupts: Interrupts) -> None:
        self._connection = connection
        self._options = options
        self._messages = messages
        self._interrupts = interrupts
        self._raw = terminal.RawMode(STDIN)
        self._quit = asyncio.Event()
        self._process: Process | None = None
        self._began = time.monotonic()

    async def run(self, command: str | None, *, subsystem: bool) -> int:
        """Start the command (``None``: the login shell) and wait for its end.

        Raises `SSHError` if it cannot be started or the connection is lost.
        """
        pty = self._pty(command)
        self._messages.say("debug1: Entering interactive session.", "DEBUG1")
        self._interrupts.watch(self._quit.set)
        if subsystem:
            process = await self._connection.start(pty=pty, subsystem=command)
        else:
            process = await self._connection.start(command, pty=pty)
        self._process = process
        try:
            if process.on_terminal:
                self._raw.enter()
                self._watch_terminal(process)
            await self._until_end(process, with_terminal=process.on_terminal)
        finally:
            self._raw.leave()
            process.close()
            self._tell_closed(pty is not None)
            self._tell_transferred()
        return self._status(process)

    async def wait(self) -> int:
        """Run nothing (``-N``), and wait until the connection ends or a signal arrives."""
        self._interrupts.watch(self._quit.set)
        await _first(self._connection.wait_closed(), self._quit.wait())
        self._tell_transferred()
        if self._connection.closed_because is not None:
            raise self._connection.closed_because
        return FAILURE

    # --- the terminal -------------------------------------------------------------------------------------------------

    def _pty(self, command: str | None) -> Pty | None:
        """Return the terminal to request (RequestTTY in ssh_config(5)): none without a local one, unless forced."""
        asked = self._options.request_tty
        if asked == "no" or (asked == "auto" and command is not None):
            return None
        if asked != "force" and (self._options.stdin_null or not terminal.is_terminal(STDIN)):
            self._messages.say("Pseudo-terminal will not be allocated because stdin is not a terminal.")
            return None
        rows, columns = terminal.size(STDIN)
        # Without having been asked for it, as in OpenSSH, a login shell also runs where the server grants none.
        required = asked != "auto"
        term, modes = os.environ.get("TERM", ""), terminal.modes(STDIN)
        return Pty(term, rows, columns, modes, required=required, refused=self._no_terminal)

    def _no_terminal(self) -> None:
        """Handle that the server grants no terminal, perhaps only after the command was started."""
        self._raw.leave()
        self._messages.say("PTY allocation request failed on channel 0", "ERROR")

    def _watch_terminal(self, process: Process) -> None:
        if sys.platform == "win32":
            return

        def resized() -> None:
            with contextlib.suppress(SSHError):
                process.resize(*terminal.size(STDIN))

        def continued() -> None:
            self._raw.enter_again()
            resized()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, resized)
        loop.add_signal_handler(signal.SIGCONT, continued)

    # --- bytes both ways ----------------------------------------------------------------------------------------------

    async def _until_end(self, process: Process, *, with_terminal: bool) -> None:
        sinks = Sink(STDOUT), Sink(STDERR)
        outputs = [self._show(process.stdout, sinks[0]), self._show(process.stderr, sinks[1])]
        sending = asyncio.ensure_future(self._send(process, with_terminal=with_terminal))
        try:
            await _first(self._finish(process, outputs), self._quit.wait())
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            for sink in sinks:
                sink.close()

    async def _finish(self, process: Process, outputs: Sequence[Awaitable[None]]) -> None:
        # The streams first: an exit status may arrive before the last bytes.
        await asyncio.gather(*outputs)
        await process.wait_closed()

    async def _show(self, reader: Reader, sink: Sink) -> None:
        try:
            while data := await reader.read(CHUNK):
                await sink.write(data)
        except OSError:
            await self._nobody_reads(reader)

    async def _nobody_reads(self, reader: Reader) -> None:
        """Handle that our output is no longer read (``| head``): send the command the signal it would get locally."""
        if self._process is not None:
            with contextlib.suppress(SSHError):
                self._process.stop_output()

        async def discard() -> None:
            while await reader.read(CHUNK):
                pass

        try:
            await asyncio.wait_for(discard(), _AFTER_BROKEN_PIPE)
        except asyncio.TimeoutError:
            self._quit.set()

    async def _send(self, process: Process, *, with_terminal: bool) -> None:
        """Send standard input to the command, without escapes, until its end."""
        if self._options.stdin_null:
            process.stdin.write_eof()
            return
        typed = EscapeFilter(self._options.escape_char if with_terminal else None)
        source = Source(STDIN)
        try:
            while data := await source.read():
                for piece in typed.feed(data):
                    if isinstance(piece, bytes):
                        process.stdin.write(piece)
                    else:
                        self._escape(piece, process)
                await process.stdin.drain()
            process.stdin.write_eof()
        except OSError:
            process.stdin.write_eof()  # a terminal that was hung up
        except SSHError:
            pass  # the command no longer reads; its output and status tell how it ended

    def _escape(self, command: str, process: Process) -> None:
        if command == escapes.TERMINATE:
            self._quit.set()
        elif command == escapes.SEND_BREAK:
            process.send_break()
        elif command == escapes.REKEY:
            self._connection.channel_host.session.rekey()
        elif command in (escapes.LESS, escapes.MORE):
            level = self._messages.louder(1 if command == escapes.MORE else -1)
            self._print(f"[LogLevel {level}]")
        elif command == escapes.SHOW_INFO:
            self._print("\n".join([describe(self._connection), *self._ignored()]))
        elif command == escapes.SHOW_HELP:
            self._print((self._options.escape_char or "") + "?\n" + escapes.HELP)
        elif command == escapes.SUSPEND and sys.platform != "win32":
            self._raw.leave()
            os.kill(os.getpid(), signal.SIGTSTP)
            # Continued by "fg": SIGCONT's handler had nothing to restore, so do it here.
            if process.on_terminal:
                self._raw.enter()
            with contextlib.suppress(ChannelError):
                process.resize(*terminal.size(STDIN))

    def _print(self, text: str) -> None:
        """Print the answer to an escape, regardless of the level of messages, because it was asked for."""
        with contextlib.suppress(OSError):
            os.write(STDERR, ("\r\n".join(text.splitlines()) + "\r\n").encode())

    # --- the end ------------------------------------------------------------------------------------------------------

    def _tell_closed(self, with_terminal: bool) -> None:
        """Tell that the connection is closed, and that the server did it, as ssh does; other errors speak for it."""
        because, host = self._connection.closed_because, self._options.host_name
        by_server = isinstance(because, DisconnectedByPeer) or (
            isinstance(because, ConnectionLost) and not because.given_up
        )
        if by_server:  # all the same, the command may have ended before
            self._messages.say(f"Connection to {host} closed by remote host.")
        if with_terminal and (because is None or by_server):
            self._messages.say(f"Connection to {host} closed.")

    def _tell_transferred(self) -> None:
        driver, seconds = self._connection.channel_host.driver, max(time.monotonic() - self._began, 0.001)
        sent, received = driver.bytes_sent, driver.bytes_received
        self._messages.say(f"Transferred: sent {sent}, received {received} bytes, in {seconds:.1f} seconds", "VERBOSE")
        speeds = f"sent {sent / seconds:.1f}, received {received / seconds:.1f}"
        self._messages.say(f"Bytes per second: {speeds}", "VERBOSE")
        for line in self._ignored():
            self._messages.say(line, "VERBOSE")

    def _ignored(self) -> list[str]:
        """Return the line about what the server sent without need, if it did."""
        count = self._connection.channel_host.session.info.ignored
        return [f"Ignored {count} unexpected message{'s' * (count > 1)} of the server"] if count else []

    def _status(self, process: Process) -> int:
        if self._interrupts.received is not None:
            self._messages.say(f"Killed by signal {int(self._interrupts.received)}.", "VERBOSE")
            return FAILURE
        if process.exit_status is not None:
            self._messages.say(f"debug1: Exit status {process.exit_status}", "DEBUG1")
            return process.exit_status & 0xFF
        if process.exit_signal is not None:
            self._messages.say(f"The remote command was terminated by SIG{process.exit_signal}.")
        return FAILURE


def describe(connection: Connection) -> str:
    """Return details of a connection, one per line."""
    info = connection.info
    place = f"{info.address} port {info.port}" if info.address else f"via {info.via}, port {info.port}"
    version = printable(info.server_version[:MAX_VERSION_LINE])
    lines = {
        "server": f"{info.user}@{info.host} ({place}), {version}",
        "exchange": info.exchange + (" (post-quantum)" if info.post_quantum else ""),
        "host key": f"{info.host_key_algorithm} {info.host_key_fingerprint}",
        **({"host key in DNS": info.host_key_dns} if info.host_key_dns else {}),
        "cipher": f"{info.cipher_out} out, {info.cipher_in} in",
        "login": info.method,
    }
    return "\n".join(f"{name}: {text}" for name, text in lines.items())


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait for the first to finish and raise its error, if any; cancel and await the others."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if not task.cancelled():
            task.result()
