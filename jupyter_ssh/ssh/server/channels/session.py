"""A session channel (RFC 4254 §6): connects the client's requests and data to a child process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.forwarding.agent_socket import VARIABLE as AGENT_VARIABLE
from jupyter_ssh.ssh.forwarding.agent_socket import AgentSocket
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.server.channels.host import ServerHost
from jupyter_ssh.ssh.server.processes.environment import ClientEnvironment, child_environment
from jupyter_ssh.ssh.server.processes.in_process import ProcessFactory, SessionStart
from jupyter_ssh.ssh.server.processes.login import command_program, shell_program, start
from jupyter_ssh.ssh.server.processes.process import Ending, ProcessStartError, ServedProcess, TerminalSize
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.terminal_modes import decode_modes

log = logging.getLogger(__name__)

MAX_UNSENT: Final = 1024 * 1024
"""How many bytes of output may wait for the client's window before reading from the child pauses."""

MAX_TERM: Final = 64


@dataclass(frozen=True, slots=True)
class TerminalRequest:
    """The contents of an accepted pty-req."""

    term: str
    size: TerminalSize
    modes: Mapping[str, int]


class Sessions:
    """The sessions of one client's connection."""

    def __init__(self) -> None:
        self.open: set[SessionChannel] = set()
        self.no_more = False
        """The client has announced that it will open no more."""


def open_session(host: ServerHost, event: e.ChannelOpenRequested) -> None:
    """Handle session: the client opens a session channel (RFC 4254 §6.1)."""
    sessions = host.parts.of(Sessions)
    if sessions.no_more:
        event.channel.refuse(n.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, "additional sessions are disabled")
    elif len(sessions.open) >= host.options.max_sessions:
        event.channel.refuse(n.SSH_OPEN_RESOURCE_SHORTAGE, f"at most {host.options.max_sessions} sessions are allowed")
    else:
        sessions.open.add(SessionChannel(host, event.channel))


def no_more_sessions(host: ServerHost, event: e.GlobalRequested) -> None:
    """Handle no-more-sessions@openssh.com, which protects the server from a client that is taken over later."""
    host.parts.of(Sessions).no_more = True


class SessionChannel:
    """One session: at most one terminal, and one shell, command or subsystem (RFC 4254 §6.5)."""

    def __init__(self, host: ServerHost, channel: Channel) -> None:
        self._host = host
        self._channel = channel
        self._environment = ClientEnvironment(host.options.accept_env)
        self._terminal: TerminalRequest | None = None
        self._started = False
        self._forced = False
        self._ending: Ending | None = None
        self.process: ServedProcess | None = None
        channel.on_event = self._on_event
        channel.on_data = self._on_data
        channel.accept()

    # --- the channel's side -------------------------------------------------------------------------------------------

    def _on_event(self, event: e.ChannelEvent) -> None:
        handler = _EVENTS.get(type(event))
        if handler is not None:
            handler(self, event)

    def _on_data(self, data: bytes, code: int | None) -> None:
        if self.process is not None and code is None:
            self.process.write(data)
        else:
            # Nothing is running yet, or the data type is unknown: discard the data, but give the window back.
            self._channel.credit(len(data))

    def _requested(self, event: e.ChannelRequested) -> None:
        handler = REQUESTS.get(event.name)
        try:
            granted = handler is not None and handler(self, event.details)
        except ProcessStartError as error:
            log.warning("%s for %s", error, self._host.peer)
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
        self._host.parts.of(Sessions).open.discard(self)
        if self.process is not None:
            self._host.left_behind(self.process)

    # --- requests -----------------------------------------------------------------------------------------------------

    def _pty_req(self, details: bytes) -> bool:
        request = r.PtyRequest.decode(details)
        allowed = self._host.options.permit_tty and self._host.key_options.pty
        if not allowed or self._terminal is not None or self._started or sys.platform == "win32":
            return False
        if len(request.term) > MAX_TERM or "\0" in request.term:
            return False
        try:
            modes = decode_modes(request.modes)
        except WireError as error:
            log.info("pty-req of %s has bad modes: %s", self._host.peer, error)
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
        subsystem = self._host.options.subsystems.get(name)
        if subsystem is None:
            log.info("subsystem request from %s failed, subsystem not found: %s", self._host.peer, ascii(name[:64]))
            return False
        if isinstance(subsystem, str):
            return self._start(subsystem.encode("utf-8", "surrogateescape"))
        return self._start(name.encode("utf-8", "surrogateescape"), subsystem)

    def _window_change(self, details: bytes) -> bool:
        request = r.WindowChange.decode(details)
        size = TerminalSize(request.rows, request.columns, request.width_pixels, request.height_pixels)
        return self.process is not None and self.process.resize(size)

    def _signal(self, details: bytes) -> bool:
        name = r.SignalRequest.decode(details).name
        # The user must not end a forced command.
        return self.process is not None and not self._forced and self.process.signal(name)

    def _break(self, details: bytes) -> bool:
        r.BreakRequest.decode(details)
        return self.process is not None and self.process.send_break()

    def _stop_output(self, details: bytes) -> bool:
        return self.process is not None and self.process.stop_output()

    def _forward_agent(self, details: bytes) -> bool:
        return not self._started and self._lent_agent() is not None

    def _lent_agent(self) -> AgentSocket | None:
        """Return the socket of the client's agent, created for the first session that requests it."""
        host = self._host
        if not (host.options.allow_agent_forwarding and host.key_options.agent_forwarding) or sys.platform == "win32":
            return None
        if host.parts.find(AgentSocket) is None:
            try:
                host.parts.add(AgentSocket(host))
            except OSError as error:
                log.warning("cannot create the agent socket for %s: %s", host.peer, error)
        return host.parts.find(AgentSocket)

    # --- the process's side -------------------------------------------------------------------------------------------

    def _start(self, command: bytes | None, handler: ProcessFactory | None = None) -> bool:
        """Start a command, the login shell (None), or a subsystem's ``handler``; ``command`` is then its name."""
        if self._started:
            return False
        host, terminal = self._host, self._terminal
        original = None if command is None else command.decode("utf-8", "surrogateescape")
        forced = host.forced_command
        if forced is not None:
            self._forced = True
            command, handler = forced.encode("utf-8", "surrogateescape"), None
        environment = child_environment(
            host.account,
            requested=self._environment.variables,
            extra=host.extra_environment,
            client=host.client_address,
            server=host.server_address,
            term=terminal.term if terminal else None,
            original_command=original if self._forced else None,
        )
        agent = host.parts.find(AgentSocket)
        if agent is not None:
            environment[AGENT_VARIABLE] = agent.path
        if handler is not None:
            size = terminal.size if terminal else None
            what = SessionStart(
                original or "", host.user or "", host.account.home, environment, host.client_address, size
            )
            self.process = handler(self, what)
        else:
            account = host.account
            program = (
                shell_program(account, environment)
                if command is None
                else command_program(account, command, environment)
            )
            self.process = start(self, program, (terminal.size, terminal.modes) if terminal else None)
        self._started = True
        if self._channel.eof_received:
            self.process.write_eof()
        return True

    def output(self, data: bytes, code: int | None) -> None:
        """Send the child's output to the client."""
        with self._host.guard():
            self._channel.write(data, code)
            if self._channel.unsent > MAX_UNSENT and self.process is not None:
                self.process.pause()

    def input_taken(self, count: int) -> None:
        """Give window back to the client: the child has read ``count`` bytes, or never will."""
        with self._host.guard():
            self._channel.credit(count)

    def ended(self, ending: Ending) -> None:
        """Report to the client how the child ended, once all output is sent."""
        with self._host.guard():
            self._ending = ending
            if not self._channel.unsent:
                self._finish(ending)

    def _finish(self, ending: Ending) -> None:
        # Requests overtake data that waits for the window, so the status is sent when no data is waiting.  It comes
        # before end of file, on which some clients (PuTTY) close the channel at once.
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


RequestHandler = Callable[[SessionChannel, bytes], bool]
"""Handles a channel request, given its type-specific data; returns whether it succeeded."""

REQUESTS: Final[dict[str, RequestHandler]] = {
    "pty-req": SessionChannel._pty_req,
    "env": SessionChannel._env,
    "shell": SessionChannel._shell,
    "exec": SessionChannel._exec,
    "subsystem": SessionChannel._subsystem,
    "window-change": SessionChannel._window_change,
    "signal": SessionChannel._signal,
    "break": SessionChannel._break,
    r.END_OF_WRITE: SessionChannel._stop_output,
    r.AGENT_REQUEST: SessionChannel._forward_agent,
}
"""The channel requests of a session.  To add one, add a row here; all others are refused."""

_EVENTS: Final[Mapping[type[e.ChannelEvent], Callable[..., None]]] = {
    e.ChannelRequested: SessionChannel._requested,
    e.ChannelEofReceived: SessionChannel._eof,
    e.ChannelWritable: SessionChannel._writable,
    e.ChannelClosed: SessionChannel._closed,
}
