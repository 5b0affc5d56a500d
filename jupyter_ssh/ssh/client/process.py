"""A remote process: its streams, its signals, its end (RFC 4254 §6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from jupyter_ssh.ssh.channels.host import ChannelHost, refusal
from jupyter_ssh.ssh.channels.streams import Reader, Writer
from jupyter_ssh.ssh.errors import (
    ChannelRequestDenied,
    DeadlineExceeded,
    MemoryBudgetExceeded,
    RemoteCommandError,
    SSHError,
)
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.numbers import SSH_EXTENDED_DATA_STDERR
from jupyter_ssh.ssh.wire.terminal_modes import encode_modes

log = logging.getLogger("jupyter_ssh.ssh")

_KNOW_END_OF_WRITE: Final = ("OpenSSH", "jupyter_ssh")

UNREAD_BUDGET: Final = 64 * 1024 * 1024
"""Bytes one stream may hold unread so that somebody can go on reading the other."""

CLOSE_SECONDS: Final = 5.0
"""How long a server may take to confirm that a channel is closed."""

MAX_SIGNAL_NAME: Final = 64
"""Characters of a signal's name that are kept."""


@dataclass(frozen=True, slots=True)
class Pty:
    """The pseudo-terminal to ask for: RFC 4254 §6.2; sizes in characters, ``modes`` by termios' names."""

    term: str = "xterm-256color"
    rows: int = 24
    cols: int = 80
    modes: Mapping[str, int] = field(default_factory=dict)

    def request(self) -> r.PtyRequest:
        """The body of pty-req."""
        return r.PtyRequest(self.term, self.cols, self.rows, 0, 0, encode_modes(self.modes))


@dataclass(frozen=True)
class Result:
    """What a remote command left behind; ``exit_signal`` has no "SIG"."""

    command: str | None
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    exit_status: int | None
    exit_signal: str | None = None

    @property
    def text(self) -> str:
        """``stdout`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def stderr_text(self) -> str:
        """``stderr`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return self.stderr.decode("utf-8", "backslashreplace")

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.exit_status == 0

    def check(self) -> Result:
        """This result; raises `RemoteCommandError` if the command failed."""
        if not self.ok:
            raise RemoteCommandError(self.command, self.exit_status, self.exit_signal, self.stdout, self.stderr)
        return self


class SessionHost(ChannelHost, Protocol):
    """What a session needs of its connection."""

    def prepare_session(self, channel: Channel) -> None:
        """Ask for what a session has besides terminal and environment, before its command is started."""


class Process:
    """A running remote command, shell or subsystem; made by `Connection.start`."""

    def __init__(self, host: SessionHost, command: str | None) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._error: SSHError | None = None
        self.command = command
        self.exit_status: int | None = None
        self.exit_signal: str | None = None
        self.exit_message = ""
        self._channel: Channel = host.open_channel("session", b"", self._on_event, self._on_data)
        self.stdout = Reader(self._channel.credit)
        self.stdout.on_flood = host.rest
        self.stderr = Reader(self._channel.credit)
        self.stdin = Writer(self._channel, self.stdout.written)
        self._is_terminal = False
        # The two streams share one window: who waits for one must not be stuck behind the other.
        self.stdout.on_starving = lambda: self._relieve(self.stdout, self.stderr)
        self.stderr.on_starving = lambda: self._relieve(self.stderr, self.stdout)

    # --- the channel's side -------------------------------------------------------------------------------------------

    def _on_data(self, data: bytes, code: int | None) -> None:
        if code is None or (self._is_terminal and code == SSH_EXTENDED_DATA_STDERR):
            self.stdout.feed(data)
            if self.stderr.waiting:
                self._relieve(self.stderr, self.stdout)
        elif code == SSH_EXTENDED_DATA_STDERR:
            self.stderr.feed(data)
            if self.stdout.waiting:
                self._relieve(self.stdout, self.stderr)
        else:
            self._channel.credit(len(data))

    def _relieve(self, starving: Reader, full: Reader) -> None:
        if full.collecting or full.unread <= UNREAD_BUDGET or starving.unread:
            full.credit_unread()
            return
        if full.was_read:
            return  # somebody reads it too, only slowly: the server waits for them
        starving.fail(
            MemoryBudgetExceeded(
                "the other stream of this process is full of unread data",
                phase="connection",
                expected=f"at most {UNREAD_BUDGET} bytes unread",
                received=f"{full.unread}",
                next_step="Read stdout and stderr at the same time, or redirect one of them in the command.",
            )
        )

    def _on_event(self, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelWritable):
            self.stdin.drained()
        elif isinstance(event, e.ChannelEofReceived):
            self.stdout.feed_eof()
            self.stderr.feed_eof()
        elif isinstance(event, e.ChannelRequested):
            self._on_request(event)
        elif isinstance(event, e.ChannelClosed):
            self._on_closed(event.error)
        elif isinstance(event, e.ChannelOpened):
            self._settle(self._opened, None)
        elif isinstance(event, e.ChannelRefused):
            error = refusal(self._host, "session", event)
            self._settle(self._opened, error)
            self._on_closed(error)

    def _on_request(self, event: e.ChannelRequested) -> None:
        known = True
        if event.name == "exit-status":
            self.exit_status = r.ExitStatus.decode(event.details).status
        elif event.name == "exit-signal":
            ending = r.ExitSignal.decode(event.details)
            # They go into errors and reports, not to a terminal as what the command printed does.
            self.exit_signal, self.exit_message = printable(ending.name)[:MAX_SIGNAL_NAME], printable(ending.message)
        else:
            known = False
        number = self._channel.number
        log.debug(
            "client_input_channel_req: channel %d rtype %s reply %d", number, printable(event.name), event.want_reply
        )
        if event.want_reply:
            self._channel.reply(known)

    def _on_closed(self, error: SSHError | None) -> None:
        log.debug("channel %d: free: client-session", self._channel.number)
        self._error = error
        self.stdin.closed(error)
        self.stdout.feed_eof(error)
        self.stderr.feed_eof(error)
        self._settle(self._opened, error)
        self._settle(self._closed, None)

    @staticmethod
    def _settle(future: asyncio.Future[None], error: SSHError | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # somebody may wait for it, but need not

    # --- starting -----------------------------------------------------------------------------------------------------

    async def begin(self, pty: Pty | None, env: Mapping[str, str], subsystem: str | None) -> None:
        """Waits for the channel, then asks for terminal, environment and command; raises `ChannelRequestDenied`."""
        await self._opened
        log.debug("channel %d: new session [client-session]", self._channel.number)
        self._host.prepare_session(self._channel)
        if pty is not None:
            # One stream, also where a server tells two apart: who is slow to read it holds the remote back.
            self._is_terminal = True
            self.stderr.feed_eof()
            pty_reply = self._ask("pty-req", pty.request().encode())
        for name, value in env.items():
            log.debug("channel %d: setting env %s", self._channel.number, name)  # its value may be a secret
            self._channel.request("env", r.EnvRequest(name, value).encode())
        if subsystem is not None:
            what, details = "subsystem", r.SubsystemRequest(subsystem).encode()
        elif self.command is not None:
            what, details = "exec", r.ExecRequest(self.command.encode("utf-8", "surrogateescape")).encode()
        else:
            what, details = "shell", b""
        log.debug("Sending %s: %s", "subsystem" if subsystem else "command", subsystem or self.command or "(the shell)")
        start_reply = self._ask(what, details)
        if pty is not None and not await pty_reply:
            raise self._denied("a terminal (pty-req)")
        if not await start_reply:
            raise self._denied(f"the {what} request")

    def _ask(self, name: str, details: bytes) -> asyncio.Future[bool]:
        reply: asyncio.Future[bool] = self._loop.create_future()

        def on_reply(success: bool) -> None:
            if not reply.done():
                reply.set_result(success)

        self._channel.request(name, details, on_reply)
        return reply

    def _denied(self, what: str) -> SSHError:
        if self._error is not None:
            return self._error
        return ChannelRequestDenied(
            f"the server refused {what}",
            phase="starting a process",
            next_step="The account or key may be limited to other things there (ForceCommand, PermitTTY, subsystems).",
        )

    # --- while it runs ------------------------------------------------------------------------------------------------

    def resize(self, rows: int, cols: int) -> None:
        """Says that the terminal has another size now (RFC 4254 §6.7)."""
        self._channel.request("window-change", r.WindowChange(cols, rows, 0, 0).encode())

    def signal(self, name: str) -> None:
        """Sends a signal, "INT" or "SIGINT"; servers may ignore it (RFC 4254 §6.9).  Raises `ChannelClosed`."""
        self._channel.request("signal", r.SignalRequest(name.removeprefix("SIG")).encode())

    def send_break(self, milliseconds: int = 500) -> None:
        """Sends a break to the terminal (RFC 4335)."""
        self._channel.request("break", r.BreakRequest(milliseconds).encode())

    def stop_output(self) -> None:
        """Says that nobody reads stdout any more, so that a process that still writes there gets SIGPIPE."""
        if any(name in self._host.peer_version for name in _KNOW_END_OF_WRITE):
            self._channel.request(r.END_OF_WRITE)
        else:
            self.signal("PIPE")

    # --- the end ------------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the channel is closed on both sides."""
        return self._closed.done()

    async def wait_closed(self) -> None:
        """Waits until the server has closed the channel; raises why the session ended, if it did by an error."""
        await asyncio.shield(self._closed)
        if self._error is not None:
            raise self._error

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Result:
        """Reads both streams to their end, waits for the process and returns its `Result`.

        Raises `DeadlineExceeded` after ``timeout`` seconds (the process is left alone), `RemoteCommandError` with
        ``check`` when it failed, and why the session ended when it did.
        """
        try:
            result = await asyncio.wait_for(self._finish(), timeout)
        except asyncio.TimeoutError:
            raise DeadlineExceeded.after(
                timeout or 0.0, "waiting for the command", next_step="Give it more time with timeout=."
            ) from None
        return result.check() if check else result

    async def _finish(self) -> Result:
        stdout, stderr = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait_closed()
        return Result(self.command, stdout, stderr, self.exit_status, self.exit_signal)

    def close(self) -> None:
        """Closes the channel now; most servers then end the process with SIGHUP."""
        self._channel.abort()

    async def aclose(self) -> None:
        """Closes the channel and waits, a bounded time, for the server to confirm it."""
        self.close()
        await asyncio.wait([self._closed], timeout=CLOSE_SECONDS)

    async def __aenter__(self) -> Process:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
