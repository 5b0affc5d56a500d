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
from jupyter_ssh.ssh.errors import ChannelClosed, ChannelRequestDenied, MemoryBudgetExceeded, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.numbers import SSH_EXTENDED_DATA_STDERR

log = logging.getLogger("jupyter_ssh.ssh")

_KNOW_END_OF_WRITE: Final = ("OpenSSH", "jupyter_ssh")

UNREAD_BUDGET: Final = 64 * 1024 * 1024
"""How many bytes one stream may buffer unread while the other one is being read."""

MAX_SIGNAL_NAME: Final = 64
"""How many characters of a signal's name are kept."""


class SessionHost(ChannelHost, Protocol):
    """What a session channel needs of its connection."""

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

    def on_eof(self) -> None:
        """Pass end of file to both streams."""
        self.stdout.feed_eof()
        self.stderr.feed_eof()

    def on_writable(self) -> None:
        """Wake writers that are waiting in drain()."""
        self.stdin.drained()

    def on_request(self, event: e.ChannelRequested) -> bool:
        """Record how the command ended (RFC 4254 §6.10)."""
        known = True
        if event.name == "exit-status":
            self.exit_status = r.ExitStatus.decode(event.details).status
        elif event.name == "exit-signal":
            ending = r.ExitSignal.decode(event.details)
            # They are shown in errors and reports, not on a terminal like the command's output, so they are sanitized.
            self.exit_signal, self.exit_message = printable(ending.name)[:MAX_SIGNAL_NAME], printable(ending.message)
        else:
            known = False
        number = self.channel.number
        log.debug(
            "client_input_channel_req: channel %d rtype %s reply %d", number, printable(event.name), event.want_reply
        )
        return known

    def on_over(self, error: SSHError | None) -> None:
        """End all streams, and record the time."""
        log.debug("channel %d: free: client-session", self.channel.number)
        self._ended = self._ended or time.monotonic()
        self.stdin.closed(error)
        self.stdout.feed_eof(error)
        self.stderr.feed_eof(error)
        self.changes.ended(self._ending(), error)

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
        if self._one_stream:
            self.stderr.feed_eof()
        if pty is not None:
            pty_reply = self._ask("pty-req", pty.request().encode())
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
        # Now, because a short command may already have ended after the next await.
        start_reply = self._ask(what, details, self.changes.opened)
        if pty is not None and not await pty_reply:
            raise self._denied("a terminal (pty-req)")
        if not await start_reply:
            raise self._denied(f"the {what} request")

    def _ask(self, name: str, details: bytes, on_success: Callable[[], None] = lambda: None) -> asyncio.Future[bool]:
        reply: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def on_reply(success: bool) -> None:
            if success:
                on_success()
            if not reply.done():
                reply.set_result(success)

        self.channel.request(name, details, on_reply)
        return reply

    def _denied(self, what: str) -> SSHError:
        if self.error is not None:
            return self.error
        return ChannelRequestDenied(
            f"the server refused {what}",
            phase="starting a process",
            next_step="The server may restrict this account or key (ForceCommand, PermitTTY, subsystems).",
        )

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

    async def wait_closed(self) -> None:
        """Wait until the server has closed the channel; raises the error that ended the connection, if one did."""
        await asyncio.shield(self.over)
        if self.error is not None:
            raise self.error

    def abort(self) -> None:
        """Close the channel now; a task that waits until its input has been sent is woken."""
        self.channel.abort()
        self.stdin.closed(ChannelClosed("the channel was closed on this side", phase="connection"))
