"""The blocking face of the stack: the same classes for a thread that waits.  ■ breaks each wait.

`make faces` writes this file from the asyncio classes: change those.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, overload

from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.faces.face import BlockingFace, afterwards, behind, untyped
from jupyter_ssh.ssh.channels.interfaces import AnyStr
from jupyter_ssh.ssh.channels.interfaces import Reader as StackReader
from jupyter_ssh.ssh.channels.interfaces import Writer as StackWriter
from jupyter_ssh.ssh.client.connection import Connection as StackConnection
from jupyter_ssh.ssh.client.process import Process as StackProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Any

    from jupyter_ssh.kernel.faces.awaitable import AsyncConnection, AsyncProcess, AsyncReader, AsyncWriter
    from jupyter_ssh.ssh.client.info import ConnectionInfo
    from jupyter_ssh.ssh.client.pty import Pty
    from jupyter_ssh.ssh.client.redirection import Redirect
    from jupyter_ssh.ssh.client.result import Result
    from jupyter_ssh.ssh.config.options import Options
    from jupyter_ssh.ssh.errors import SSHError


class Connection(BlockingFace[StackConnection]):
    """An open connection; made by `connect`."""

    @property
    def aio(self) -> AsyncConnection:
        """The same for ``await``, from any event loop."""
        from jupyter_ssh.kernel.faces.awaitable import AsyncConnection

        return AsyncConnection(self._engine, self._inner)

    @property
    def options(self) -> Options:
        """Its options, named by ssh_config's keywords."""
        return self._inner.options

    @property
    def info(self) -> ConnectionInfo:
        """Host, address, versions, algorithms, and the authentication method."""
        return self._inner.info

    @property
    def messages(self) -> list[str]:
        """Messages for the user from when the connection was made."""
        return self._inner.messages

    @property
    def name(self) -> str:
        """``user@host``, with the port if it is not 22."""
        return self._inner.name

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, closed by either side."""
        return self._inner.closed

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open, and if it was closed deliberately."""
        return self._inner.closed_because

    @property
    def ended_at(self) -> float | None:
        """When it ended (`time.time`); None while it is open."""
        return self._inner.ended_at

    @overload
    def start(
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
        timeout: float | None = 60.0,
    ) -> Process[bytes]: ...

    @overload
    def start(
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
        timeout: float | None = 60.0,
    ) -> Process[str]: ...

    @hides_own_frames
    def start(
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
        timeout: float | None = 60.0,
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
            timeout: How many seconds to wait for the server.

        Raises:
            ChannelOpenError, ChannelRequestDenied: The server refused.
            DeadlineExceeded: It did not answer in time.
            OSError: A file cannot be opened.
            SSHError: The connection ended, for this reason.
        """
        return Process(
            self._engine,
            self._call(
                lambda inner: untyped(inner).start(
                    command,
                    pty=pty,
                    env=env,
                    subsystem=subsystem,
                    stdin=behind(stdin),
                    stdout=behind(stdout),
                    stderr=behind(stderr),
                    encoding=encoding,
                    errors=errors,
                    timeout=timeout,
                )
            ),
        )

    @overload
    def run(
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
    def run(
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

    @hides_own_frames
    def run(
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
            timeout: Seconds until it is sent SIGHUP and its channel is closed; None: no limit.
            check: Raise an error if it fails.
            pty, env, stdin, stdout, stderr, encoding, errors: See `start`.

        Raises:
            DeadlineExceeded: It did not end in time; the error carries its output so far, as bytes.
            RemoteCommandError: It failed, and ``check`` is true.
            ConfigError: Both ``input`` and ``stdin`` are given.
            SSHError, OSError: See `start` and `Process.wait`.
        """
        value: Result[Any] = self._call(
            lambda inner: untyped(inner).run(
                command,
                input=input,
                timeout=timeout,
                check=check,
                pty=pty,
                env=env,
                stdin=behind(stdin),
                stdout=behind(stdout),
                stderr=behind(stderr),
                encoding=encoding,
                errors=errors,
            )
        )
        return value

    @hides_own_frames
    def open_tcp(self, host: str, port: int, *, timeout: float | None = 60.0) -> Stream:
        """Have the server connect to ``host`` and ``port`` (direct-tcpip, RFC 4254 §7.2).

        Raises:
            ChannelOpenError: The server refused, or could not connect.
            DeadlineExceeded: It did not answer within ``timeout`` seconds.
            SSHError: The connection ended, for this reason.
        """
        value = self._call(lambda inner: inner.open_tcp(host, port, timeout=timeout))
        return Stream(Reader(self._engine, value[0]), Writer(self._engine, value[1]))

    @hides_own_frames
    def close(self) -> None:
        """Disconnect and close the connection; its processes end.  Takes a bounded time; idempotent."""
        self._call(lambda inner: inner.close(), ready=False)

    @hides_own_frames
    def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        self._call(lambda inner: inner.wait_closed(), ready=False)

    def __enter__(self) -> Connection:
        return self

    @hides_own_frames
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(lambda inner: inner.__aexit__(kind, error, traceback), ready=False)


class Process(BlockingFace[StackProcess[AnyStr]], Generic[AnyStr]):
    """A running remote command, shell or subsystem; made by `Connection.start`.

    Its streams carry bytes, or text if an ``encoding`` was given.  Unread output makes the process block.
    """

    @property
    def aio(self) -> AsyncProcess[AnyStr]:
        """The same for ``await``, from any event loop."""
        from jupyter_ssh.kernel.faces.awaitable import AsyncProcess

        return AsyncProcess(self._engine, self._inner)

    @property
    def command(self) -> str | None:
        """What was started: a command, a subsystem, or None for the login shell."""
        return self._inner.command

    @property
    def host(self) -> str:
        """Where it runs: ``user@host``, with the port if it is not 22."""
        return self._inner.host

    @cached_property
    def stdin(self) -> Writer:
        """Its standard input, unless redirected."""
        return Writer(self._engine, self._inner.stdin)

    @cached_property
    def stdout(self) -> Reader[AnyStr]:
        """Its standard output; with a terminal, all output."""
        return Reader(self._engine, self._inner.stdout)

    @cached_property
    def stderr(self) -> Reader[AnyStr]:
        """Its standard error."""
        return Reader(self._engine, self._inner.stderr)

    @property
    def exit_status(self) -> int | None:
        """The exit status; None while it runs, and if a signal ended it."""
        return self._inner.exit_status

    @property
    def exit_signal(self) -> str | None:
        """The name of the signal that ended it, such as "TERM"; None if none did."""
        return self._inner.exit_signal

    @property
    def exit_message(self) -> str:
        """The server's message about the signal that ended it."""
        return self._inner.exit_message

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the signal number, as in `subprocess`; None while it runs, or if unknown."""
        return self._inner.returncode

    @property
    def closed(self) -> bool:
        """Whether the channel is closed on both sides."""
        return self._inner.closed

    @hides_own_frames
    def resize(self, rows: int, cols: int) -> None:
        """Change the size of the terminal, in characters (RFC 4254 §6.7)."""
        self._act(lambda inner: inner.resize(rows, cols))

    @hides_own_frames
    def signal(self, name: str) -> None:
        """Send a signal, "INT" or "SIGINT"; servers may ignore it (RFC 4254 §6.9).  Raises `ChannelClosed`."""
        self._act(lambda inner: inner.signal(name))

    @hides_own_frames
    def send_break(self, milliseconds: int = 500) -> None:
        """Send a break to the terminal (RFC 4335)."""
        self._act(lambda inner: inner.send_break(milliseconds))

    @hides_own_frames
    def stop_output(self) -> None:
        """Announce that stdout is no longer read, so that a process that still writes to it gets SIGPIPE."""
        self._act(lambda inner: inner.stop_output())

    @hides_own_frames
    def interrupt(self) -> bool:
        """End it as ^C would: with SIGINT, then with SIGHUP if it does not end at once.

        Takes at most half a second, and returns whether it has ended.
        """
        return self._call(lambda inner: inner.interrupt())

    @hides_own_frames
    def wait_closed(self) -> None:
        """Wait until the server has closed the channel; raises the error that ended the connection, if one did."""
        self._call(lambda inner: inner.wait_closed())

    @hides_own_frames
    def wait(self, timeout: float | None = None, *, check: bool = False) -> Result[AnyStr]:
        """Read both streams to their end, wait for the process and return its `Result`.

        Raises:
            DeadlineExceeded: ``timeout`` seconds have passed.  The process keeps running; its output so far is in the
                error, and can still be read.
            RemoteCommandError: It failed, and ``check`` is true.
            OSError: A file that a stream is redirected to or from cannot be read or written.
            SSHError: Why the connection ended, if it did; also that of a process whose output this one reads.
        """
        return self._call(lambda inner: inner.wait(timeout, check=check))

    @hides_own_frames
    def close(self) -> None:
        """Close the channel now; most servers then send the process SIGHUP."""
        self._act(lambda inner: inner.close())

    @hides_own_frames
    def aclose(self) -> None:
        """Close the channel and wait, for a bounded time, until the server confirms it."""
        self._call(lambda inner: inner.aclose())

    def __enter__(self) -> Process[AnyStr]:
        return self

    @hides_own_frames
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(lambda inner: inner.__aexit__(kind, error, traceback), ready=False)


class Reader(BlockingFace[StackReader[AnyStr]], Generic[AnyStr]):
    """The reading end of a stream: bytes, or text if an ``encoding`` was requested.

    Only one task or thread may read at a time.  If the connection ended with an error, reading raises it once
    everything that arrived before has been read.  After ``timeout`` seconds reading raises `DeadlineExceeded`, and what
    has arrived can still be read.
    """

    @property
    def aio(self) -> AsyncReader[AnyStr]:
        """The same for ``await``, from any event loop."""
        from jupyter_ssh.kernel.faces.awaitable import AsyncReader

        return AsyncReader(self._engine, self._inner)

    @hides_own_frames
    def read(self, count: int = -1, *, timeout: float | None = None) -> AnyStr:
        """Read up to ``count`` bytes or characters, at least one unless at the end of file; with -1 all up to it."""
        return self._call(lambda inner: inner.read(count, timeout=timeout))

    @hides_own_frames
    def readexactly(self, count: int, *, timeout: float | None = None) -> AnyStr:
        """Read ``count`` bytes or characters.  Raises `asyncio.IncompleteReadError` if the stream ends before that."""
        return self._call(lambda inner: inner.readexactly(count, timeout=timeout))

    @hides_own_frames
    def readuntil(
        self, separator: AnyStr | None = None, limit: int = 16777216, *, timeout: float | None = None
    ) -> AnyStr:
        """Read up to and including ``separator`` (None: the end of a line).

        Raises:
            asyncio.IncompleteReadError: The stream ends before that; ``partial`` is what was read.
            WireError: It is not found within ``limit`` bytes or characters.
        """
        return self._call(lambda inner: inner.readuntil(separator, limit, timeout=timeout))

    @hides_own_frames
    def readline(self, *, timeout: float | None = None) -> AnyStr:
        """Read a line including its end, which the last line may lack; empty at the end of file."""
        return self._call(lambda inner: inner.readline(timeout=timeout))

    def at_eof(self) -> bool:
        """Return whether everything has been read and the stream has ended."""
        return self._inner.at_eof()

    @hides_own_frames
    def peek(self) -> bytes:
        """Return what has arrived and has not been read, without reading it; always bytes, even with an encoding."""
        return self._act(lambda inner: inner.peek())

    def __iter__(self) -> Iterator[AnyStr]:
        return self._iterate(lambda inner: inner.__aiter__())


class Writer(BlockingFace[StackWriter]):
    """The writing end of a stream; after `write`, `drain` waits until most of it has been sent."""

    @property
    def aio(self) -> AsyncWriter:
        """The same for ``await``, from any event loop."""
        from jupyter_ssh.kernel.faces.awaitable import AsyncWriter

        return AsyncWriter(self._engine, self._inner)

    @hides_own_frames
    def write(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> None:
        """Send ``data``, or keep it until it can be sent.  Raises `ChannelClosed`.

        Text is sent in the requested ``encoding``, or UTF-8 if there is none; with an encoding, bytes are refused.  If
        it blocks a thread or is awaited, it takes as long as `drain`.
        """
        self._call(lambda inner: afterwards(inner.write(data), inner.drain(timeout=timeout)))

    @hides_own_frames
    def drain(self, *, timeout: float | None = None) -> None:
        """Wait until most of what was written has been sent.

        Raises the error that prevents it, and `DeadlineExceeded` after ``timeout`` seconds.
        """
        self._call(lambda inner: inner.drain(timeout=timeout))

    @hides_own_frames
    def send(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> None:
        """Call `write`, then `drain`."""
        self._call(lambda inner: inner.send(data, timeout=timeout))

    @hides_own_frames
    def write_eof(self) -> None:
        """Send an end of file after what was written; idempotent."""
        self._act(lambda inner: inner.write_eof())

    @hides_own_frames
    def close(self) -> None:
        """Send an end of file after what was written; a `Stream` is closed in both directions."""
        self._act(lambda inner: inner.close())

    def is_closing(self) -> bool:
        """Return whether nothing more can be written."""
        return self._inner.is_closing()


class Stream(NamedTuple):
    """A connection that the server opened for us: ``reader, writer = stream``, or used like a socket."""

    reader: Reader[bytes]
    """Data from the other end."""
    writer: Writer
    """Data to the other end."""

    def recv(self, count: int, *, timeout: float | None = None) -> bytes:
        """Read up to ``count`` bytes, at least one unless at the end of file."""
        return self.reader.read(count, timeout=timeout)

    def sendall(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send ``data``, and wait until most of it has been sent."""
        self.writer.send(data, timeout=timeout)

    def close(self) -> None:
        """Close both directions, after what was written; idempotent."""
        self.writer.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
