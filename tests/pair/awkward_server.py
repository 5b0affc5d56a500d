"""A server on a real socket that does with a session what a test says, and answers no channel request by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.wire.requests import ExitStatus
from tests.pair.pairing import HOST_KEY, End, algorithms
from tests.pair.scenario import settings
from tests.support.embedded import LoopThread


class Session:
    """A session of the server; ``input`` is what the client has sent."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self.client = client
        self.channel = channel
        self.input = bytearray()

    def prints(self, data: bytes, code: int | None = None) -> None:
        """Sends output."""
        self.channel.write(data, code)

    def exits(self, status: int) -> None:
        """Tells the exit status."""
        self.channel.request("exit-status", ExitStatus(status).encode())

    def ends(self, status: int = 0) -> None:
        """Ends as a session should."""
        self.exits(status)
        self.channel.eof()
        self.channel.close()


React: TypeAlias = Callable[[Session, e.ChannelEvent], None]
"""What the server does about an event of a session."""


def gone_at_the_end(status: int) -> React:
    """Each command prints and ends, and with it the TCP connection."""

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "exec":
            session.channel.reply(True)
            session.prints(b"output\n")
            session.exits(status)
            session.channel.eof()
            session.client.hang_up()

    return react


def answers_nothing(status: int) -> React:
    """Each command prints and ends, but no request is answered."""

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name in ("exec", "shell"):
            session.prints(b"output\n")
            session.ends(status)

    return react


class Client:
    """A client of the server."""

    def __init__(self, react: React) -> None:
        self.end = End(Role.SERVER, settings(Role.SERVER, algorithms()))
        self.end.react = self._react
        self.hung_up = False
        self._react_session = react
        self._writer: asyncio.StreamWriter | None = None

    def hang_up(self) -> None:
        """Closes the TCP connection, without a word, once all has been sent."""
        self.hung_up = True

    def drop(self) -> None:
        """Drops the TCP connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    def _react(self, event: e.Event) -> None:
        if not isinstance(event, e.ChannelOpenRequested):
            self.end.accept_all(event)
            return
        session = Session(self, event.channel)
        event.channel.on_event = lambda told: self._react_session(session, told)
        event.channel.on_data = lambda data, code: self._data(session, data)
        event.channel.accept()

    def _data(self, session: Session, data: bytes) -> None:
        session.input += data
        session.channel.credit(len(data))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves it until one side hangs up."""
        self._writer = writer
        try:
            while True:
                while packets := self.end.session.data_to_send():
                    writer.write(b"".join(packets))
                    await writer.drain()
                received = b"" if self.hung_up else await reader.read(65536)
                if not received:
                    break
                self.end.session.feed(received)
            if self.hung_up:  # what the client has sent meanwhile is read, or the kernel would send a reset
                writer.write_eof()
                while await reader.read(65536):
                    pass
        except ConnectionError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class AwkwardServer:
    """Listens in the running loop; everybody is let in."""

    def __init__(self, react: React) -> None:
        self._react = react
        self._tasks: set[asyncio.Task[None]] = set()
        self.clients: list[Client] = []

    async def __aenter__(self) -> AwkwardServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for client in self.clients:
            client.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        client = Client(self._react)
        self.clients.append(client)
        await client.serve(reader, writer)

    @property
    def options(self) -> dict[str, Any]:
        """What `connect` needs."""
        unknown = {"known_hosts": "none", "strict_host_key_checking": "no"}
        return {"port": self.port, "config": "none", "identity_file": "none", **unknown}

    def words(self, folder: Path) -> list[str]:
        """What a command line needs, with the destination; ``folder`` is for a file."""
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{self.port} {HOST_KEY.public.line()}\n")
        known = [f"-oUserKnownHostsFile={known_hosts}", "-oGlobalKnownHostsFile=none"]
        return ["-F", "none", *known, "-oIdentityFile=none", "-p", str(self.port), "alice@127.0.0.1"]


@contextmanager
def on_a_thread(react: React) -> Iterator[AwkwardServer]:
    """The server in a loop of its own, for tests that block."""
    thread = LoopThread()
    server = AwkwardServer(react)
    try:
        thread.run(server.__aenter__())
        try:
            yield server
        finally:
            thread.run(server.__aexit__())
    finally:
        thread.stop()
