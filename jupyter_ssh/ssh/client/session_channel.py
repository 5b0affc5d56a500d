"""The session channel of a `Process`: its streams, requests and exit status (RFC 4254 §6)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from jupyter_ssh.ssh.channels.changes import Changes, Counters
from jupyter_ssh.ssh.channels.duplex import Duplex
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.streams import ByteReader, ByteWriter
from jupyter_ssh.ssh.client.pty import Pty
from jupyter_ssh.ssh.errors import ChannelClosed, ChannelRequestDenied, MemoryBudgetExceeded, SSHError, WireError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.numbers import SSH_EXTENDED_DATA_STDERR

log = logging.getLogger("jupyter_ssh.ssh")

_KNOW_END_OF_WRITE: Final = ("OpenSSH", "jupyter_ssh")

UNREAD_BUDGET: Final = 64 * 1024 * 1024
"""How many bytes one stream may buffer unread while the other one is being read."""

SILENCE_SECONDS: Final = 5.0
"""Seconds to wait for an answer to the requests that start a command.  Some servers never answer any, and a command may
wait for its input before it prints: after that it counts as started, until the server says no."""

MAX_REASON: Final = 200
"""How many characters of its output the error of a refused command repeats, since they may say why."""

MAX_SIGNAL_NAME: Final = 64
"""How many characters of a signal's name are kept."""


class SessionHost(ChannelHost, Protocol):
    """What a session channel needs of its connection."""

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open, and if it was closed deliberately."""

    def prepare_session(self, channel: Channel) -> None:
        """Send the requests of a session besides pty-req and env, before its command is started."""


class SessionChannel(Duplex):
    """The channel of one remote command, shell or subsystem."""

    def __init__(self, host: SessionHost, command: str | None) -> None:
        super().__init__(host, host.open_channel("session"))
        self._session_host = host
        self.command = command
        self.exit_status: int | None = None
        self.exit_signal: str | None = None
        self.exit_message = ""
        self._began = time.monotonic()
        self._ended: float | None = None
        self.stdout = ByteReader(self.channel.credit)
        self.stdout.on_flood = host.rest
        self.stderr = ByteReader(self.channel.credit)
        self.stdin = ByteWriter(self.channel, self.stdout.written)
        self.changes = self._changes(command or "shell")
        self.on_terminal = False
        """Whether the command has a terminal."""
        self._one_stream = False
        """Whether stderr is merged into stdout."""
        self._started = False
        """Whether the server has said that the command runs, or something has arrived that a running one sends."""
        self._denied: ChannelRequestDenied | None = None
        """The refusal of a request, if that is a reason not to go on."""
        self._answered = asyncio.get_running_loop().create_future()
        """Done when the command is known to have been started, or not, or after the wait for that."""
        # The two streams share one window: waiting for one must not be blocked by the other being full.
        self.stdout.on_starving = lambda: self._relieve(self.stdout, self.stderr)
        self.stderr.on_starving = lambda: self._relieve(self.stderr, self.stdout)

    @property
    def seconds(self) -> float:
        """How long the command has been running, or ran."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    # --- the channel's side -------------------------------------------------------------------------------------------

    def on_data(self, data: bytes, code: int | None) -> None:
        """Pass the data to the stream it belongs to."""
        if code is None or (self._one_stream and code == SSH_EXTENDED_DATA_STDERR):
            self.stdout.feed(data)
            if self.stderr.waiting:
                self._relieve(self.stderr, self.stdout)
        elif code == SSH_EXTENDED_DATA_STDERR:
            self.stderr.feed(data)
            if self.stdout.waiting:
                self._relieve(self.stdout, self.stderr)
        else:
            self.channel.credit(len(data))

    def _relieve(self, starving: ByteReader, full: ByteReader) -> None:
        if full.collecting or full.unread <= UNREAD_BUDGET:
            full.credit_unread()
            return
        if full.was_read:
            return  # it is being read too, only slowly: the server waits
        starving.fail(
            MemoryBudgetExceeded(
                "the other stream of this process is full of unread data",
                phase="connection",
                expected=f"at most {UNREAD_BUDGET} bytes unread",
                received=f"{full.unread}",
                next_step="Read stdout and stderr concurrently, or redirect one of them in the command.",
            )
        )

    def _first_data(self, data: bytes, code: int | None) -> None:
        """Take the first data, which shows that the command runs; the handler of the others costs nothing more."""
        self._runs()
        self.on_data(data, code)

    def on_eof(self) -> None:
        """Pass end of file to both streams."""
        self._runs()
        self.stdout.feed_eof()
        self.stderr.feed_eof()

    def on_writable(self) -> None:
        """Wake writers that are waiting in drain()."""
        self.stdin.drained()

    def on_request(self, event: e.ChannelRequested) -> bool:
        """Record how the command ended (RFC 4254 §6.10)."""
        known = True
        if event.name in ("exit-status", "exit-signal"):
            self._runs()
        if event.name == "exit-status":
            self.exit_status = r.ExitStatus.decode(event.details).status
        elif event.name == "exit-signal":
            known = self._note_signal(event.details)
        else:
            known = False
        number = self.channel.number
        log.debug(
            "client_input_channel_req: channel %d rtype %s reply %d", number, printable(event.name), event.want_reply
        )
        return known

    def _note_signal(self, details: bytes) -> bool:
        try:
            ending = r.ExitSignal.decode(details)
        except WireError as error:
            # OpenSSH does not read this request, so a malformed one is no reason to end the connection.
            log.debug("channel %d: an exit-signal that cannot be read is ignored: %s", self.channel.number, error)
            return False
        # They are shown in errors and reports, not on a terminal like the command's output, so they are sanitized.
        self.exit_signal, self.exit_message = printable(ending.name)[:MAX_SIGNAL_NAME], printable(ending.message)
        return True

    def on_over(self, error: SSHError | None) -> None:
        """End all streams, and record the time.

        If the command has ended and all of its output is here, a loss of the connection is not the command's failure.
        """
        log.debug("channel %d: free: client-session", self.channel.number)
        if self._denied is not None:
            error = self._denied
        elif self.has_ended:
            error = None
        self.error = error
        self._wake()
        self._ended = self._ended or time.monotonic()
        self.stdin.closed(error)
        self.stdout.feed_eof(error)
        self.stderr.feed_eof(error)
        self.changes.ended(self._ending(), error)

    @property
    def connection_closed_because(self) -> SSHError | None:
        """See `Process.connection_closed_because`."""
        return self._session_host.closed_because

    # --- starting -----------------------------------------------------------------------------------------------------

    async def begin(
        self, pty: Pty | None, env: Mapping[str, str], subsystem: str | None, *, one_stream: bool = False
    ) -> None:
        """Wait for the channel, then request the terminal, environment and command; raises `ChannelRequestDenied`.

        ``one_stream``: merge stderr into stdout.
        """
        await self.opened
        log.debug("channel %d: new session [client-session]", self.channel.number)
        self._session_host.prepare_session(self.channel)
        self.on_terminal = pty is not None
        # A terminal has one output stream, even if a server sends two.  A slow reader makes the remote end wait.
        self._one_stream = one_stream or self.on_terminal
        self.channel.on_data = self._first_data
        if pty is not None:
            self._ask("pty-req", pty.request().encode(), lambda: None, lambda: self._without_terminal(pty, one_stream))
        for name, value in env.items():
            log.debug("channel %d: setting env %s", self.channel.number, name)  # its value may be a secret
            self.channel.request("env", r.EnvRequest(name, value).encode())
        if subsystem is not None:
            what, details = "subsystem", r.SubsystemRequest(subsystem).encode()
            self.changes = self._changes(subsystem)
        elif self.command is not None:
            what, details = "exec", r.ExecRequest(self.command.encode("utf-8", "surrogateescape")).encode()
        else:
            what, details = "shell", b""
        log.debug("Sending %s: %s", "subsystem" if subsystem else "command", subsystem or self.command or "(the shell)")
        self._ask(what, details, self._runs, lambda: self._refuse(f"the {what} request"))
        await asyncio.wait([self._answered], timeout=SILENCE_SECONDS)
        self._wake()
        if self._one_stream:
            self.stderr.feed_eof()
        if self._denied is not None:
            raise self._denied
        if self.error is not None:
            raise self.error
        if not self._started and self.over.done():
            raise ChannelRequestDenied(
                f"the server closed the session without an answer to the {what} request", phase="starting a process"
            )
        if not self._started:
            log.debug("channel %d: no answer to %s; it may never come", self.channel.number, what)

    def _ask(self, name: str, details: bytes, on_success: Callable[[], None], on_refusal: Callable[[], None]) -> None:
        # Answers come in the order of the requests (RFC 4254 §5.4) and say nothing else about what they answer: if a
        # server passes over pty-req and answers exec, OpenSSH takes that for the answer to pty-req, and so do we.
        def on_reply(success: bool) -> None:
            if success:
                on_success()
            elif not self.channel.peer_close:  # else it is the channel's end, and not an answer
                on_refusal()

        self.channel.request(name, details, on_reply)

    def _runs(self) -> None:
        """Note that the command has been started."""
        if not self._started:
            self._started = True
            self.channel.on_data = self.on_data
            self.changes.opened()
            self._wake()

    def _wake(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)

    def _refuse(self, what: str) -> None:
        """End the session because the server refused ``what``; as in OpenSSH, whatever has arrived before.

        That can still be read.  Some servers print why they refuse, and leave it to the client to close the channel.
        """
        if self._denied is not None:
            return
        self._denied = ChannelRequestDenied(
            f"the server refused {what}",
            phase="starting a process",
            received=self._said(),
            next_step="The server may restrict this account or key (ForceCommand, PermitTTY, subsystems).",
        )
        self.stdin.closed(self._denied)
        self.abort()
        self.stdout.feed_eof(self._denied)
        self.stderr.feed_eof(self._denied)
        self._wake()

    def _without_terminal(self, pty: Pty, one_stream: bool) -> None:
        """Go on without a terminal if it is not required, as OpenSSH does."""
        if pty.required:
            self._refuse("a terminal (pty-req)")
            return
        log.debug("channel %d: the server grants no terminal", self.channel.number)
        self.on_terminal = False
        if not self.stderr.at_eof():  # else it is late: whoever read stderr has seen its end
            self._one_stream = one_stream
        pty.refused()

    def _said(self) -> str | None:
        """Return the end of the output that nobody has read."""
        output = (self.stdout.peek() + self.stderr.peek()).decode("utf-8", "replace").strip()
        return printable(output[-MAX_REASON:]) or None

    # --- its changes --------------------------------------------------------------------------------------------------

    def _changes(self, name: str) -> Changes:
        return Changes("process", name, parent=self._session_host.changes, count=self._counters)

    def _counters(self) -> Counters:
        return Counters(self.channel.bytes_received, self.channel.bytes_sent)

    def _ending(self) -> str:
        if self.exit_signal is not None:
            return f"ended by signal {self.exit_signal}"
        if self.exit_status is not None:
            return f"exit status {self.exit_status}"
        return "ended without a status" if self.error is None else self.error.message

    # --- while it runs ------------------------------------------------------------------------------------------------

    def request(self, name: str, details: bytes) -> None:
        """Send a request without asking for a reply; raises `ChannelClosed`."""
        self.channel.request(name, details)

    def signal(self, name: str) -> None:
        """Send a signal (RFC 4254 §6.9); raises `ChannelClosed`."""
        self.channel.request("signal", r.SignalRequest(name.removeprefix("SIG")).encode())

    def stop_output(self) -> None:
        """Say that nobody reads stdout any more."""
        if any(name in self._session_host.peer_version for name in _KNOW_END_OF_WRITE):
            self.channel.request(r.END_OF_WRITE)
        else:
            self.signal("PIPE")

    # --- the end ------------------------------------------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        """Whether the command is known to have ended, and all of its output to be here."""
        return self.channel.eof_received and (self.exit_status is not None or self.exit_signal is not None)

    async def wait_closed(self) -> None:
        """Wait until the server has closed the channel; raises the error that ended the connection, if one did."""
        await asyncio.shield(self.over)
        if self.error is not None:
            raise self.error

    def abort(self) -> None:
        """Close the channel now; a task that waits until its input has been sent is woken."""
        self.channel.abort()
        self.stdin.closed(ChannelClosed("the channel was closed on this side", phase="connection"))
