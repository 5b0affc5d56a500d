"""An open connection of a client."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, overload

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.channels.channel_streams import ChannelStreams
from jupyter_ssh.ssh.channels.host import ANSWER_SECONDS
from jupyter_ssh.ssh.channels.interfaces import Reader, Stream, Writer
from jupyter_ssh.ssh.channels.text_streams import TextWriter, check_encoding
from jupyter_ssh.ssh.client.channel_host import ClientChannelHost
from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.keywords_acted_on import set_quality
from jupyter_ssh.ssh.client.login.host_key_updates import HostKeyUpdates
from jupyter_ssh.ssh.client.pool.connection_pool import Lease
from jupyter_ssh.ssh.client.pool.further import FurtherConnections, says_full
from jupyter_ssh.ssh.client.process import MORE_TIME, Process, too_late
from jupyter_ssh.ssh.client.pty import Pty
from jupyter_ssh.ssh.client.redirection import PIPE, Redirect, Redirections
from jupyter_ssh.ssh.client.result import Result
from jupyter_ssh.ssh.client.route.opening import Route
from jupyter_ssh.ssh.client.session_channel import SessionChannel
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import ChannelOpenError, ChannelRequestDenied, ConfigError, DeadlineExceeded, SSHError
from jupyter_ssh.ssh.forwarding.direct_tcpip import ask_for_tcp
from jupyter_ssh.ssh.net.deadline import Deadline


class Connection:
    """An open connection; made by `connect`."""

    options: Options
    """Its options, named by ssh_config's keywords."""
    info: ConnectionInfo
    """Host, address, versions, algorithms, and the authentication method."""
    messages: list[str]
    """Messages for the user from when the connection was made."""
    channel_host: ClientChannelHost
    """What its channels need of it; for new channel types, and to be used on its own event loop only."""

    def __init__(
        self, options: Options, host: ClientChannelHost, route: Route, info: ConnectionInfo, messages: list[str]
    ) -> None:
        self.options = options
        self.info = info
        self.messages = messages
        self.channel_host = host
        self._route = route
        self._further: FurtherConnections[Connection] | None = None
        """For sessions that the server no longer allows on this one."""
        self._used = False
        """Whether it has ever had a session."""
        self._terminals = 0
        """How many sessions with a terminal are open."""

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return self.info.destination

    @property
    def changes(self) -> Changes:
        """The changes of the connection and of its processes: see `Changes.listen`."""
        return self.channel_host.changes

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, closed by either side."""
        return self.channel_host.session.failure is not None

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open, and if it was closed deliberately."""
        return self.channel_host.closed_because

    @property
    def ended_at(self) -> float | None:
        """When it ended (`time.time`); None while it is open."""
        return self.channel_host.ended_at

    def __repr__(self) -> str:
        return f"<Connection {self.name}, {'closed' if self.closed else 'connected'}>"

    # --- what it does -------------------------------------------------------------------------------------------------

    @overload
    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: None = None,
        errors: str | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Process[bytes]: ...

    @overload
    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: str,
        errors: str | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Process[str]: ...

    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: str | None = None,
        errors: str | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Process[Any]:
        """Start ``command``, the login shell (None) or a ``subsystem``, and return once the server has confirmed it.

        Args:
            pty: The terminal to allocate; None for no terminal.
            env: Environment variables, besides those of SendEnv and SetEnv.  Servers may ignore them.
            stdin: Where its input comes from: a path, an open binary file, DEVNULL, or another process, on this
                connection or on another one.  None: from `Process.stdin`.
            stdout: Where its output goes, likewise.  None: to `Process.stdout`.
            stderr: The same, or STDOUT: where stdout goes.
            encoding: The streams carry text in this encoding; None: they carry bytes.
            errors: How encoding errors are handled, as for `open`.
            timeout: How many seconds to wait for the server, without those in which a further connection is made.

        Raises:
            ChannelOpenError, ChannelRequestDenied: The server refused.
            DeadlineExceeded: It did not answer in time.
            OSError: A file cannot be opened.
            LookupError: The ``encoding``, or ``errors``, is unknown.
            SSHError: The connection ended, for this reason.
        """
        streams: Any = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "encoding": encoding, "errors": errors}
        return await self._start(command, Deadline(timeout), pty=pty, env=env, subsystem=subsystem, **streams)

    async def _start(
        self,
        command: str | None,
        deadline: Deadline,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: str | None = None,
        errors: str | None = None,
    ) -> Process[Any]:
        if encoding is not None:
            check_encoding(encoding, errors or "strict")
        redirections = await deadline.within(Redirections.open(stdin, stdout, stderr), "opening the files of a process")
        session: SessionChannel | None = None

        async def begin(connection: Connection) -> SessionChannel:
            one_stream = redirections.one_stream
            return await connection._begin(command, pty, env or {}, subsystem, one_stream, deadline)

        try:
            try:
                session = await begin(self)
            except ChannelOpenError as error:
                if self._further is None or not says_full(error) or not self._has_sessions():
                    raise
                # Logging in again has deadlines of its own: somebody may have to answer questions.
                session = await self._further.begin(begin, error)
            return Process(session, self.name, command or subsystem, encoding, errors, redirections.begin(session))
        except BaseException:
            if session is not None:
                session.abort()
            redirections.abandon()
            raise

    async def _begin(
        self,
        command: str | None,
        pty: Pty | None,
        env: Mapping[str, str],
        subsystem: str | None,
        one_stream: bool,
        deadline: Deadline,
    ) -> SessionChannel:
        """Return a session of this connection on which the command was started."""
        session = SessionChannel(self.channel_host, command)
        try:
            if pty is not None:
                self._mark_as_interactive(session)
            variables = {**self.options.remote_environment(os.environ), **env}
            beginning = session.begin(pty, variables, subsystem, one_stream=one_stream)
            await deadline.within(beginning, "starting a process")
        except BaseException as error:
            session.abort()
            if isinstance(error, (DeadlineExceeded, ChannelRequestDenied)):
                self.channel_host.explain(error)
            raise
        self._used = True
        return session

    def _has_sessions(self) -> bool:
        """Return whether it has sessions, or has had any.

        Servers count one for a while after its channel is closed: OpenSSH until it has waited for the process.
        """
        return self._used or any(
            channel.kind == "session" for channel in self.channel_host.session.connection.channels.values()
        )

    def _mark_as_interactive(self, session: SessionChannel) -> None:
        """Apply IPQoS: as long as a session with a terminal is open, the packets are those of interactive use."""

        def ended(over: object) -> None:
            self._terminals -= 1
            if not self._terminals:
                set_quality(self.channel_host.driver.tcp_socket, self.options, interactive=False)

        self._terminals += 1
        set_quality(self.channel_host.driver.tcp_socket, self.options, interactive=True)
        session.over.add_done_callback(ended)

    @overload
    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: None = None,
        errors: str | None = None,
    ) -> Result[bytes]: ...

    @overload
    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: str,
        errors: str | None = None,
    ) -> Result[str]: ...

    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Redirect | Process[Any] | Reader[Any] | None = None,
        stdout: Redirect | Process[Any] | Writer | None = None,
        stderr: Redirect | Process[Any] | Writer | None = None,
        encoding: str | None = None,
        errors: str | None = None,
    ) -> Result[Any]:
        """Run ``command`` to its end and return its `Result`, whatever its exit status.

        If interrupted or cancelled, it is sent SIGINT, then SIGHUP if it does not end (`Process.interrupt`).

        Args:
            input: Its standard input, bytes or text; None: empty, unless ``stdin`` is given.
            timeout: Seconds until it is sent SIGHUP and its channel is closed, without those in which a further
                connection is made; None: no limit.
            check: Raise an error if it fails.
            pty, env, stdin, stdout, stderr, encoding, errors: See `start`.

        Raises:
            DeadlineExceeded: It did not end in time; the error carries its output so far, as bytes.
            RemoteCommandError: It failed, and ``check`` is true.
            ConfigError: Both ``input`` and ``stdin`` are given.
            UnicodeEncodeError: The ``encoding`` cannot express the ``input``; nothing was started.
            SSHError, OSError, LookupError: See `start` and `Process.wait`.
        """
        if input is not None and stdin is not None:
            raise ConfigError("input and stdin are both given", phase="starting a process", expected="one of them")
        data = _encoded(input, encoding, errors)
        streams: Any = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "encoding": encoding, "errors": errors}
        deadline = Deadline(ANSWER_SECONDS if timeout is None else min(timeout, ANSWER_SECONDS))
        try:
            process: Process[Any] = await self._start(command, deadline, pty=pty, env=env, **streams)
        except DeadlineExceeded as late:
            if timeout is None or timeout > ANSWER_SECONDS:
                raise
            raise DeadlineExceeded.after(timeout, "waiting for the command", next_step=MORE_TIME) from late
        left = None if timeout is None else max(0.0, timeout - deadline.spent)
        # A terminal stays open for ^C; without one, a command that reads must not wait for input that never comes.
        ends = pty is None or input is not None
        writing = asyncio.ensure_future(_write_all(process, data, ends)) if stdin in (None, PIPE) else None
        try:
            return await process.wait(left, check=check)
        except DeadlineExceeded:
            error = too_late(process, timeout or 0.0)
            with contextlib.suppress(SSHError):
                process.signal("HUP")
            raise error from None
        except asyncio.CancelledError:
            await process.interrupt()
            raise
        finally:
            if writing is not None:
                writing.cancel()
            process.close()

    async def open_tcp(self, host: str, port: int, *, timeout: float | None = ANSWER_SECONDS) -> Stream:
        """Have the server connect to ``host`` and ``port`` (direct-tcpip, RFC 4254 §7.2).

        Raises:
            ChannelOpenError: The server refused, or could not connect.
            DeadlineExceeded: It did not answer within ``timeout`` seconds.
            SSHError: The connection ended, for this reason.
        """
        streams = ChannelStreams(self.channel_host, ask_for_tcp(self.channel_host, host, port))
        await streams.wait_opened(timeout, f"opening {host} port {port} from the server")
        return Stream(streams.reader, streams.writer)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Disconnect and close the connection; its processes end.  Takes a bounded time; idempotent."""
        if not self.closed:
            self.channel_host.closed_here = True
        further = None if self._further is None else asyncio.ensure_future(self._further.close())
        # At once, and not in a task: who cancels this leaves a connection that is closing.
        updates = self.channel_host.parts.find(HostKeyUpdates)
        if updates is not None:
            await updates.settle()
        await self.channel_host.driver.close()
        await self._route.released()
        if further is not None:
            await further

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self.channel_host.driver.lost)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def _encoded(input: bytes | str | None, encoding: str | None, errors: str | None) -> bytes:
    if isinstance(input, str):
        return input.encode(encoding, errors or "strict") if encoding else input.encode("utf-8", "surrogateescape")
    return input or b""


async def _write_all(process: Process[Any], data: bytes, ends: bool) -> None:
    """Write all of the input; the process may end without reading all of it."""
    stdin = process.stdin.below if isinstance(process.stdin, TextWriter) else process.stdin
    with contextlib.suppress(SSHError):
        if data:
            stdin.write(data)
            await stdin.drain()
        if ends:
            stdin.write_eof()


def take_further_from(connection: Connection, lend: Callable[[], Awaitable[Lease[Connection]]]) -> None:
    """Have ``connection`` take further connections from ``lend``, unless it takes them from somewhere already."""
    if connection._further is None:
        connection._further = FurtherConnections(lend)


def leave_further_open(connection: Connection) -> None:
    """Have the further connections of a lost one end after their own sessions, and not when it is closed."""
    connection._further = None
