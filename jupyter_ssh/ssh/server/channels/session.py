"""A session channel (RFC 4254 §6): the client's requests on one side, a child process on the other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jupyter_ssh.ssh.client.agent_forwarding import REQUEST as AGENT_REQUEST
from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.server.channels.agent_forwarding import VARIABLE as AGENT_VARIABLE
from jupyter_ssh.ssh.server.processes.environment import ClientEnvironment, child_environment
from jupyter_ssh.ssh.server.processes.login import command_program, shell_program, start
from jupyter_ssh.ssh.server.processes.process import ChildProcess, Ending, ProcessStartError, TerminalSize
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.terminal_modes import decode_modes

if TYPE_CHECKING:
    from jupyter_ssh.ssh.server.connection import ServerConnection

log = logging.getLogger(__name__)

MAX_UNSENT: Final = 1024 * 1024
"""Bytes of output that may wait for the client's window before the child has to wait."""

MAX_TERM: Final = 64


@dataclass(frozen=True, slots=True)
class TerminalRequest:
    """What a granted pty-req asked for."""

    term: str
    size: TerminalSize
    modes: Mapping[str, int]


class SessionChannel:
    """One session: at most one terminal, and one shell, command or subsystem (RFC 4254 §6.5)."""

    def __init__(self, connection: ServerConnection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel
        self._environment = ClientEnvironment(connection.options.accept_env)
        self._terminal: TerminalRequest | None = None
        self._started = False
        self._forced = False
        self._ending: Ending | None = None
        self.process: ChildProcess | None = None
        self._requests: dict[str, Callable[[bytes], bool]] = {
            "pty-req": self._pty_req,
            "env": self._env,
            "shell": self._shell,
            "exec": self._exec,
            "subsystem": self._subsystem,
            "window-change": self._window_change,
            "signal": self._signal,
            "break": self._break,
            r.END_OF_WRITE: self._stop_output,
            AGENT_REQUEST: self._forward_agent,
        }
        self._events: dict[type[e.ChannelEvent], Callable[..., None]] = {
            e.ChannelRequested: self._requested,
            e.ChannelEofReceived: self._eof,
            e.ChannelWritable: self._writable,
            e.ChannelClosed: self._closed,
        }
        channel.on_event = self._on_event
        channel.on_data = self._on_data
        channel.accept()

    # --- the channel's side -------------------------------------------------------------------------------------------

    def _on_event(self, event: e.ChannelEvent) -> None:
        handler = self._events.get(type(event))
        if handler is not None:
            handler(event)

    def _on_data(self, data: bytes, code: int | None) -> None:
        if self.process is not None and code is None:
            self.process.write(data)
        else:
            # Before anything runs, or data no session knows: dropped, but credited.
            self._channel.credit(len(data))

    def _requested(self, event: e.ChannelRequested) -> None:
        handler = self._requests.get(event.name)
        try:
            granted = handler is not None and handler(event.details)
        except ProcessStartError as error:
            log.warning("%s for %s", error, self._connection.peer)
            granted = False
        if event.want_reply:
            self._channel.reply(granted)

    def _eof(self, event: e.ChannelEofReceived) -> None:
        if self.process is not None:
            self.process.write_eof()

    def _writable(self, event: e.ChannelWritable) -> None:
        if self._ending is not None:
            self._finish(self._ending)
        elif self.process is not None:
            self.process.resume()

    def _closed(self, event: e.ChannelClosed) -> None:
        if self.process is not None:
            self.process.hang_up()
        self._connection.session_over(self)

    # --- requests -----------------------------------------------------------------------------------------------------

    def _pty_req(self, details: bytes) -> bool:
        request = r.PtyRequest.decode(details)
        allowed = self._connection.options.permit_tty and self._connection.key_options.pty
        if not allowed or self._terminal is not None or self._started or sys.platform == "win32":
            return False
        if len(request.term) > MAX_TERM or "\0" in request.term:
            return False
        try:
            modes = decode_modes(request.modes)
        except WireError as error:
            log.info("pty-req of %s has bad modes: %s", self._connection.peer, error)
            return False
        size = TerminalSize(request.rows, request.columns, request.width_pixels, request.height_pixels)
        self._terminal = TerminalRequest(request.term, size, modes)
        return True

    def _env(self, details: bytes) -> bool:
        request = r.EnvRequest.decode(details)
        return not self._started and self._environment.set(request.name, request.value)

    def _shell(self, details: bytes) -> bool:
        return self._start(None)

    def _exec(self, details: bytes) -> bool:
        return self._start(r.ExecRequest.decode(details).command)

    def _subsystem(self, details: bytes) -> bool:
        name = r.SubsystemRequest.decode(details).name
        command = self._connection.options.subsystems.get(name)
        if command is None:
            log.info("%s asked for subsystem %s, which is not there", self._connection.peer, ascii(name[:64]))
            return False
        return self._start(command.encode("utf-8", "surrogateescape"))

    def _window_change(self, details: bytes) -> bool:
        request = r.WindowChange.decode(details)
        size = TerminalSize(request.rows, request.columns, request.width_pixels, request.height_pixels)
        return self.process is not None and self.process.resize(size)

    def _signal(self, details: bytes) -> bool:
        name = r.SignalRequest.decode(details).name
        # A forced command is the server's, not the user's to end.
        return self.process is not None and not self._forced and self.process.signal(name)

    def _break(self, details: bytes) -> bool:
        r.BreakRequest.decode(details)
        return self.process is not None and self.process.send_break()

    def _stop_output(self, details: bytes) -> bool:
        return self.process is not None and self.process.stop_output()

    def _forward_agent(self, details: bytes) -> bool:
        return not self._started and self._connection.forward_agent()

    # --- the process's side -------------------------------------------------------------------------------------------

    def _start(self, command: bytes | None) -> bool:
        if self._started:
            return False
        connection, terminal = self._connection, self._terminal
        original = None if command is None else command.decode("utf-8", "surrogateescape")
        forced = connection.forced_command
        if forced is not None:
            self._forced = True
            command = forced.encode("utf-8", "surrogateescape")
        environment = child_environment(
            connection.account,
            requested=self._environment.variables,
            extra=connection.extra_environment,
            client=connection.client_address,
            server=connection.server_address,
            term=terminal.term if terminal else None,
            original_command=original if self._forced else None,
        )
        if connection.agent_socket is not None:
            environment[AGENT_VARIABLE] = connection.agent_socket.path
        account = connection.account
        program = (
            shell_program(account, environment) if command is None else command_program(account, command, environment)
        )
        self.process = start(self, program, (terminal.size, terminal.modes) if terminal else None)
        self._started = True
        if self._channel.eof_received:
            self.process.write_eof()
        return True

    def output(self, data: bytes, code: int | None) -> None:
        """The child wrote something."""
        with self._connection.guard():
            self._channel.write(data, code)
            if self._channel.unsent > MAX_UNSENT and self.process is not None:
                self.process.pause()

    def input_taken(self, count: int) -> None:
        """The child has read something, or never will."""
        with self._connection.guard():
            self._channel.credit(count)

    def ended(self, ending: Ending) -> None:
        """The child is gone."""
        with self._connection.guard():
            self._ending = ending
            if not self._channel.unsent:
                self._finish(ending)

    def _finish(self, ending: Ending) -> None:
        # Requests overtake data that waits for the window, so the status is sent when none does; and before the end of
        # file, on which some clients (PuTTY's) close the channel at once.
        self._ending = None
        channel = self._channel
        if channel.close_sent or not channel.open:
            return
        if ending.status is not None:
            channel.request("exit-status", r.ExitStatus(ending.status).encode())
        elif ending.signal is not None:
            channel.request("exit-signal", r.ExitSignal(ending.signal, ending.core_dumped).encode())
        channel.eof()
        channel.close()
