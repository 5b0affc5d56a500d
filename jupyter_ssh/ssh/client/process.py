"""A remote process: its streams, signals and exit status (RFC 4254 §6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Generic, cast

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.channels.interfaces import AnyStr, Reader, Writer
from jupyter_ssh.ssh.channels.streams import ByteReader
from jupyter_ssh.ssh.channels.text_streams import TextReader, TextWriter
from jupyter_ssh.ssh.client.redirection import Carrier
from jupyter_ssh.ssh.client.result import Result, returncode
from jupyter_ssh.ssh.client.session_channel import SessionChannel
from jupyter_ssh.ssh.errors import DeadlineExceeded, SSHError
from jupyter_ssh.ssh.wire import requests as r

log = logging.getLogger("jupyter_ssh.ssh")

CLOSE_SECONDS: Final = 5.0
"""How long to wait for the server to confirm that a channel is closed."""

INTERRUPT_SIGNALS: Final = (("INT", 0.4), ("HUP", 0.15))
"""The signals for an interrupted process, and how many seconds it then has to end."""

MORE_TIME: Final = "Give it more time with timeout=."


class Process(Generic[AnyStr]):
    """A running remote command, shell or subsystem; made by `Connection.start`.

    Its streams carry bytes, or text if an ``encoding`` was given.  Unread output makes the process block.
    """

    command: str | None
    """What was started: a command, a subsystem, or None for the login shell."""
    host: str
    """Where it runs: ``user@host``, with the port if it is not 22."""
    stdin: Writer
    """Its standard input, unless redirected."""
    stdout: Reader[AnyStr]
    """Its standard output; with a terminal, all output."""
    stderr: Reader[AnyStr]
    """Its standard error."""

    def __init__(
        self,
        session: SessionChannel,
        host: str,
        command: str | None,
        encoding: str | None = None,
        errors: str | None = None,
        carriers: Sequence[Carrier] = (),
    ) -> None:
        self._session = session
        self._carriers = carriers
        self._encoding = encoding
        self.command = command
        self.host = host
        if encoding is None:
            self.stdin = session.stdin
            self.stdout = cast(Reader[AnyStr], session.stdout)
            self.stderr = cast(Reader[AnyStr], session.stderr)
        else:
            errors = errors or "strict"
            self.stdin = TextWriter(session.stdin, encoding, errors)
            self.stdout = cast(Reader[AnyStr], TextReader(session.stdout, encoding, errors))
            self.stderr = cast(Reader[AnyStr], TextReader(session.stderr, encoding, errors))

    # --- properties ---------------------------------------------------------------------------------------------------

    @property
    def exit_status(self) -> int | None:
        """The exit status; None while it runs, and if a signal ended it."""
        return self._session.exit_status

    @property
    def exit_signal(self) -> str | None:
        """The name of the signal that ended it, such as "TERM"; None if none did."""
        return self._session.exit_signal

    @property
    def exit_message(self) -> str:
        """The server's message about the signal that ended it."""
        return self._session.exit_message

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the signal number, as in `subprocess`; None while it runs, or if unknown."""
        return returncode(self.exit_status, self.exit_signal)

    @property
    def on_terminal(self) -> bool:
        """Whether it has a terminal: one was asked for, and the server granted it."""
        return self._session.on_terminal

    @property
    def connection_closed_because(self) -> SSHError | None:
        """The error that ended its connection, which may be a further one; None while that is open, and if it was
        closed deliberately.
        """
        return self._session.connection_closed_because

    @property
    def changes(self) -> Changes:
        """Its changes: see `Changes.listen`."""
        return self._session.changes

    @property
    def closed(self) -> bool:
        """Whether the channel is closed on both sides."""
        return self._session.over.done()

    def __repr__(self) -> str:
        running = self.exit_status is None and self.exit_signal is None and not self.closed
        return f"<Process {self.command or 'shell'!r} on {self.host}, {'running' if running else 'ended'}>"

    # --- while it runs ------------------------------------------------------------------------------------------------

    def resize(self, rows: int, cols: int) -> None:
        """Change the size of the terminal, in characters (RFC 4254 §6.7)."""
        self._session.request("window-change", r.WindowChange(cols, rows, 0, 0).encode())

    def signal(self, name: str) -> None:
        """Send a signal, "INT" or "SIGINT"; servers may ignore it (RFC 4254 §6.9).  Raises `ChannelClosed`."""
        self._session.signal(name)

    def send_break(self, milliseconds: int = 500) -> None:
        """Send a break to the terminal (RFC 4335)."""
        self._session.request("break", r.BreakRequest(milliseconds).encode())

    def stop_output(self) -> None:
        """Announce that stdout is no longer read, so that a process that still writes to it gets SIGPIPE."""
        self._session.stop_output()

    async def interrupt(self) -> bool:
        """End it as ^C would: with SIGINT, then with SIGHUP if it does not end at once.

        Takes at most half a second, and returns whether it has ended.
        """
        if self._session.on_terminal:
            self._type_interrupt()
        for name, seconds in INTERRUPT_SIGNALS:
            try:
                self._session.signal(name)
            except SSHError as error:
                log.debug("SIG%s was not sent: %s", name, error)
            await asyncio.wait([self._session.over], timeout=seconds)
            if self.closed:
                return True
        return False

    def _type_interrupt(self) -> None:
        """Type ^C, for servers that do not deliver signals: the terminal turns it into SIGINT (termios(3), VINTR)."""
        try:
            self._session.stdin.write(b"\x03")
        except SSHError as error:
            log.debug("^C was not sent: %s", error)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def wait_closed(self) -> None:
        """Wait until the server has closed the channel; raises the error that ended the connection, if one did."""
        await self._session.wait_closed()

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Result[AnyStr]:
        """Read both streams to their end, wait for the process and return its `Result`.

        Raises:
            DeadlineExceeded: ``timeout`` seconds have passed.  The process keeps running; its output so far is in the
                error, and can still be read.
            RemoteCommandError: It failed, and ``check`` is true.
            OSError: A file that a stream is redirected to or from cannot be read or written.  If a file object raises
                another error instead, such as ValueError because it is closed, that one.
            SSHError: Why the connection ended, if it did; also that of a process whose output this one reads.
        """
        try:
            result = await asyncio.wait_for(self._finish(), timeout)
        except DeadlineExceeded:  # also a TimeoutError, but not ours
            raise
        except asyncio.TimeoutError:
            raise too_late(self, timeout or 0.0) from None
        return result.check() if check else result

    async def _finish(self) -> Result[AnyStr]:
        reading = [
            asyncio.ensure_future(self._rest(self.stdout, self._session.stdout)),
            asyncio.ensure_future(self._rest(self.stderr, self._session.stderr)),
        ]
        try:
            stdout, stderr = await asyncio.gather(*reading)
        except BaseException:  # if one fails, the other one must not go on reading
            for task in reading:
                task.cancel()
            await asyncio.wait(reading)
            raise
        await self.wait_closed()
        for carrier in self._carriers:
            await carrier.finish()
        return Result(
            command=self.command,
            stdout=stdout,
            stderr=stderr,
            exit_status=self.exit_status,
            exit_signal=self.exit_signal,
            host=self.host,
            seconds=self._session.seconds,
            stdout_size=self._session.stdout.received,
            stderr_size=self._session.stderr.received,
        )

    async def _rest(self, stream: Reader[AnyStr], below: ByteReader) -> AnyStr:
        """Return the rest of a stream; if it is redirected, wait until all of it has been copied and return nothing."""
        if below.carrier is not None:
            await asyncio.wait([below.carrier])
            return cast(AnyStr, b"" if self._encoding is None else "")
        return await stream.read()

    def close(self) -> None:
        """Close the channel now; most servers then send the process SIGHUP."""
        self._session.abort()

    async def aclose(self) -> None:
        """Close the channel and wait, for a bounded time, until the server confirms it."""
        self.close()
        await asyncio.wait([self._session.over], timeout=CLOSE_SECONDS)

    async def __aenter__(self) -> Process[AnyStr]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()


def too_late(process: Process[Any], seconds: float) -> DeadlineExceeded:
    """Return the error for a process that did not end within ``seconds``."""
    error = DeadlineExceeded.after(seconds, "waiting for the command", next_step=MORE_TIME)
    error.stdout, error.stderr = process.stdout.peek(), process.stderr.peek()
    return error
