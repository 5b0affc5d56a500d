"""An open connection of a client: what it is, and what it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from jupyter_ssh.ssh.channels.streams import Reader, Writer
from jupyter_ssh.ssh.client.channel_host import ClientChannelHost
from jupyter_ssh.ssh.client.info import ConnectionInfo
from jupyter_ssh.ssh.client.keywords_acted_on import set_quality
from jupyter_ssh.ssh.client.process import Process, Pty, Result
from jupyter_ssh.ssh.client.route.opening import Route
from jupyter_ssh.ssh.client.tcp import TcpStream
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import ChannelRequestDenied, DeadlineExceeded, SSHError
from jupyter_ssh.ssh.net.deadline import within

ANSWER_SECONDS: Final = 60.0
"""How long a server may take to open a channel or to start a command."""


class Connection:
    """An open connection; use `connect` to get one.  All methods belong to the event loop it was made in."""

    def __init__(
        self, options: Options, host: ClientChannelHost, route: Route, info: ConnectionInfo, messages: list[str]
    ) -> None:
        self.options = options
        self.info = info
        """How the connection is made up."""
        self.messages = messages
        """What the person should be told about how the connection came to be."""
        self.channel_host = host
        self.driver = host.driver
        self.session = host.session
        self._route = route
        self._closing = False

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on whichever side."""
        return self.session.failure is not None

    @property
    def closed_because(self) -> SSHError | None:
        """The error that ended the connection; None while it is open and when it was closed here."""
        return None if self._closing else self.session.failure

    @property
    def ended_at(self) -> float | None:
        """When it ended (`time.time`); None while it is open."""
        return self.channel_host.ended_at

    # --- what it does -------------------------------------------------------------------------------------------------

    async def start(
        self,
        command: str | None = None,
        *,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
        subsystem: str | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Process:
        """Starts a command (None: the login shell) or a subsystem, in a terminal if ``pty`` is given.

        Raises `ChannelOpenError`, `ChannelRequestDenied`, `DeadlineExceeded`, or why the connection ended.
        """
        if pty is not None:
            set_quality(self.driver.tcp_socket, self.options, interactive=True)
        process = Process(self.channel_host, command)
        try:
            await within(process.begin(pty, env or {}, subsystem), timeout, "starting a process")
        except BaseException as error:
            process.close()
            if isinstance(error, (DeadlineExceeded, ChannelRequestDenied)):
                self.channel_host.explain(error)
            raise
        return process

    async def run(
        self,
        command: str,
        *,
        input: bytes | str | None = None,
        timeout: float | None = None,
        check: bool = False,
        pty: Pty | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Runs a command to its end, with ``input`` on its stdin, and returns its `Result`.

        Raises `DeadlineExceeded` after ``timeout`` seconds (the process gets SIGHUP and the channel is closed),
        `RemoteCommandError` with ``check`` when the command failed, and what `start` raises.
        """
        running = self._run(command, input, pty, env)
        result = await within(running, timeout, "waiting for the command", next_step="Give it more time with timeout=.")
        return result.check() if check else result

    async def _run(
        self, command: str, input: bytes | str | None, pty: Pty | None, env: Mapping[str, str] | None
    ) -> Result:
        process = await self.start(command, pty=pty, env=env)
        writing = asyncio.ensure_future(_write_all(process, input))
        try:
            return await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(SSHError):
                process.signal("HUP")
            raise
        finally:
            writing.cancel()
            process.close()

    async def open_tcp(self, host: str, port: int, *, timeout: float | None = ANSWER_SECONDS) -> tuple[Reader, Writer]:
        """A TCP connection from the server to ``host`` and ``port``; raises `ChannelOpenError`, `DeadlineExceeded`."""
        stream = TcpStream(self.channel_host, host, port)
        try:
            await within(asyncio.shield(stream.opened), timeout, f"opening {host} port {port} from the server")
        except BaseException:
            stream.close()
            raise
        return stream.reader, stream.writer

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Says goodbye and closes the connection; processes on it end.  Takes a bounded time; again is nothing."""
        self._closing = self._closing or not self.closed
        if self.channel_host.host_key_updates is not None:
            await self.channel_host.host_key_updates.settle()
        await self.driver.close()
        await self._route.released()

    async def wait_closed(self) -> None:
        """Waits until the connection has ended."""
        await asyncio.shield(self.driver.lost)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


async def _write_all(process: Process, data: bytes | str | None) -> None:
    """Writes the input; a process may end without reading all of it."""
    if isinstance(data, str):
        data = data.encode()
    with contextlib.suppress(SSHError):
        if data:
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()
