"""The awaitable face of the stack: the same classes for ``await``, from any event loop.

`make faces` writes this file from the asyncio classes: change those.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, overload

from jupyter_ssh.kernel.faces.face import AwaitableFace, afterwards, behind, untyped
from jupyter_ssh.ssh.channels.interfaces import AnyStr
from jupyter_ssh.ssh.channels.interfaces import Reader as StackReader
from jupyter_ssh.ssh.channels.interfaces import Writer as StackWriter
from jupyter_ssh.ssh.client.connection import Connection as StackConnection
from jupyter_ssh.ssh.client.process import Process as StackProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType
    from typing import Any

    from jupyter_ssh.kernel.pending import Pending
    from jupyter_ssh.ssh.client.info import ConnectionInfo
    from jupyter_ssh.ssh.client.pty import Pty
    from jupyter_ssh.ssh.client.redirection import Redirect
    from jupyter_ssh.ssh.client.result import Result
    from jupyter_ssh.ssh.config.options import Options
    from jupyter_ssh.ssh.errors import SSHError


class AsyncConnection(AwaitableFace[StackConnection]):
    """An open connection; made by `connect`."""

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
    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        encoding: None = None,
        errors: str | None = None,
        timeout: float | None = 60.0,
    ) -> AsyncProcess[bytes]: ...

    @overload
    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        encoding: str,
        errors: str | None = None,
        timeout: float | None = 60.0,
    ) -> AsyncProcess[str]: ...

    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        encoding: str | None = None,
        errors: str | None = None,
        timeout: float | None = 60.0,
    ) -> AsyncProcess[Any]:
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
        return AsyncProcess(
            self._engine,
            await self._wait(
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
    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
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
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
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
        stdin: Redirect | AsyncProcess[Any] | AsyncReader[Any] | None = None,
        stdout: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
        stderr: Redirect | AsyncProcess[Any] | AsyncWriter | None = None,
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
        value: Result[Any] = await self._wait(
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

    async def open_tcp(self, host: str, port: int, *, timeout: float | None = 60.0) -> AsyncStream:
        """Have the server connect to ``host`` and ``port`` (direct-tcpip, RFC 4254 §7.2).

        Raises:
            ChannelOpenError: The server refused, or could not connect.
            DeadlineExceeded: It did not answer within ``timeout`` seconds.
            SSHError: The connection ended, for this reason.
        """
        value = await self._wait(lambda inner: inner.open_tcp(host, port, timeout=timeout))
        return AsyncStream(AsyncReader(self._engine, value[0]), AsyncWriter(self._engine, value[1]))

    async def close(self) -> None:
        """Disconnect and close the connection; its processes end.  Takes a bounded time; idempotent."""
        await self._wait(lambda inner: inner.close(), ready=False)

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await self._wait(lambda inner: inner.wait_closed(), ready=False)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._wait(lambda inner: inner.__aexit__(kind, error, traceback), ready=False)


class AsyncProcess(AwaitableFace[StackProcess[AnyStr]], Generic[AnyStr]):
    """A running remote command, shell or subsystem; made by `Connection.start`.

    Its streams carry bytes, or text if an ``encoding`` was given.  Unread output makes the process block.
    """

    @property
    def command(self) -> str | None:
        """What was started: a command, a subsystem, or None for the login shell."""
        return self._inner.command

    @property
    def host(self) -> str:
        """Where it runs: ``user@host``, with the port if it is not 22."""
        return self._inner.host

    @cached_property
    def stdin(self) -> AsyncWriter:
        """Its standard input, unless redirected."""
        return AsyncWriter(self._engine, self._inner.stdin)

    @cached_property
    def stdout(self) -> AsyncReader[AnyStr]:
        """Its standard output; with a terminal, all output."""
        return AsyncReader(self._engine, self._inner.stdout)

    @cached_property
    def stderr(self) -> AsyncReader[AnyStr]:
        """Its standard error."""
        return AsyncReader(self._engine, self._inner.stderr)

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

    def resize(self, rows: int, cols: int) -> Pending[None]:
        """Change the size of the terminal, in characters (RFC 4254 §6.7)."""
        return self._act(lambda inner: inner.resize(rows, cols))

    def signal(self, name: str) -> Pending[None]:
        """Send a signal, "INT" or "SIGINT"; servers may ignore it (RFC 4254 §6.9).  Raises `ChannelClosed`."""
        return self._act(lambda inner: inner.signal(name))

    def send_break(self, milliseconds: int = 500) -> Pending[None]:
        """Send a break to the terminal (RFC 4335)."""
        return self._act(lambda inner: inner.send_break(milliseconds))

    def stop_output(self) -> Pending[None]:
        """Announce that stdout is no longer read, so that a process that still writes to it gets SIGPIPE."""
        return self._act(lambda inner: inner.stop_output())

    async def interrupt(self) -> bool:
        """End it as ^C would: with SIGINT, then with SIGHUP if it does not end at once.

        Takes at most half a second, and returns whether it has ended.
        """
        return await self._wait(lambda inner: inner.interrupt())

    async def wait_closed(self) -> None:
        """Wait until the server has closed the channel; raises the error that ended the connection, if one did."""
        await self._wait(lambda inner: inner.wait_closed())

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Result[AnyStr]:
        """Read both streams to their end, wait for the process and return its `Result`.

        Raises:
            DeadlineExceeded: ``timeout`` seconds have passed.  The process keeps running; its output so far is in the
                error, and can still be read.
            RemoteCommandError: It failed, and ``check`` is true.
            OSError: A file that a stream is redirected to or from cannot be read or written.
            SSHError: Why the connection ended, if it did; also that of a process whose output this one reads.
        """
        return await self._wait(lambda inner: inner.wait(timeout, check=check))

    def close(self) -> Pending[None]:
        """Close the channel now; most servers then send the process SIGHUP."""
        return self._act(lambda inner: inner.close())

    async def aclose(self) -> None:
        """Close the channel and wait, for a bounded time, until the server confirms it."""
        await self._wait(lambda inner: inner.aclose())

    async def __aenter__(self) -> AsyncProcess[AnyStr]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._wait(lambda inner: inner.__aexit__(kind, error, traceback), ready=False)


class AsyncReader(AwaitableFace[StackReader[AnyStr]], Generic[AnyStr]):
    """The reading end of a stream: bytes, or text if an ``encoding`` was requested.

    Only one task or thread may read at a time.  If the connection ended with an error, reading raises it once
    everything that arrived before has been read.  After ``timeout`` seconds reading raises `DeadlineExceeded`, and what
    has arrived can still be read.
    """

    async def read(self, count: int = -1, *, timeout: float | None = None) -> AnyStr:
        """Read up to ``count`` bytes or characters, at least one unless at the end of file; with -1 all up to it."""
        return await self._wait(lambda inner: inner.read(count, timeout=timeout))

    async def readexactly(self, count: int, *, timeout: float | None = None) -> AnyStr:
        """Read ``count`` bytes or characters.  Raises `asyncio.IncompleteReadError` if the stream ends before that."""
        return await self._wait(lambda inner: inner.readexactly(count, timeout=timeout))

    async def readuntil(
        self, separator: AnyStr | None = None, limit: int = 16777216, *, timeout: float | None = None
    ) -> AnyStr:
        """Read up to and including ``separator`` (None: the end of a line).

        Raises:
            asyncio.IncompleteReadError: The stream ends before that; ``partial`` is what was read.
            WireError: It is not found within ``limit`` bytes or characters.
        """
        return await self._wait(lambda inner: inner.readuntil(separator, limit, timeout=timeout))

    async def readline(self, *, timeout: float | None = None) -> AnyStr:
        """Read a line including its end, which the last line may lack; empty at the end of file."""
        return await self._wait(lambda inner: inner.readline(timeout=timeout))

    def at_eof(self) -> bool:
        """Return whether everything has been read and the stream has ended."""
        return self._inner.at_eof()

    def peek(self) -> Pending[bytes]:
        """Return what has arrived and has not been read, without reading it; always bytes, even with an encoding."""
        return self._act(lambda inner: inner.peek())

    def __aiter__(self) -> AsyncIterator[AnyStr]:
        return self._iterate(lambda inner: inner.__aiter__())


class AsyncWriter(AwaitableFace[StackWriter]):
    """The writing end of a stream; after `write`, `drain` waits until most of it has been sent."""

    def write(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> Pending[None]:
        """Send ``data``, or keep it until it can be sent.  Raises `ChannelClosed`.

        Text is sent in the requested ``encoding``, or UTF-8 if there is none; with an encoding, bytes are refused.  If
        it blocks a thread or is awaited, it takes as long as `drain`.
        """
        return self._begin(lambda inner: afterwards(inner.write(data), inner.drain(timeout=timeout)))

    async def drain(self, *, timeout: float | None = None) -> None:
        """Wait until most of what was written has been sent.

        Raises the error that prevents it, and `DeadlineExceeded` after ``timeout`` seconds.
        """
        await self._wait(lambda inner: inner.drain(timeout=timeout))

    async def send(self, data: bytes | bytearray | memoryview | str, *, timeout: float | None = None) -> None:
        """Call `write`, then `drain`."""
        await self._wait(lambda inner: inner.send(data, timeout=timeout))

    def write_eof(self) -> Pending[None]:
        """Send an end of file after what was written; idempotent."""
        return self._act(lambda inner: inner.write_eof())

    def close(self) -> Pending[None]:
        """Send an end of file after what was written; a `Stream` is closed in both directions."""
        return self._act(lambda inner: inner.close())

    def is_closing(self) -> bool:
        """Return whether nothing more can be written."""
        return self._inner.is_closing()


class AsyncStream(NamedTuple):
    """A connection that the server opened for us: ``reader, writer = stream``, or used like a socket."""

    reader: AsyncReader[bytes]
    """Data from the other end."""
    writer: AsyncWriter
    """Data to the other end."""

    async def recv(self, count: int, *, timeout: float | None = None) -> bytes:
        """Read up to ``count`` bytes, at least one unless at the end of file."""
        return await self.reader.read(count, timeout=timeout)

    async def sendall(self, data: bytes | bytearray | memoryview, *, timeout: float | None = None) -> None:
        """Send ``data``, and wait until most of it has been sent."""
        await self.writer.send(data, timeout=timeout)

    async def close(self) -> None:
        """Close both directions, after what was written; idempotent."""
        self.writer.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
