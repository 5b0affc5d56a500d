"""The server dies at any byte, and every wait of the client's API ends with an `SSHError`, in time, leaving nothing.

The server is the machine's own other role behind a real socket; a relay lets only so many of its bytes through.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.client.connection import Connection
from jupyter_ssh.ssh.errors import ConnectionLost, DeadlineExceeded, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.wire.requests import ExitStatus
from tests.pair.pairing import End, suite
from tests.pair.scenario import STEP, places, settings

GUARD = 60.0
"""Seconds after which a wait counts as one without an end; far beyond every deadline in here."""

PATIENCE = 0.4
"""Deadline of each wait, in seconds."""


class Server:
    """Serves one client at a time, up to `limit` bytes; then it is gone (``hang`` False) or says nothing more."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.hang = False
        self.sent = 0
        self.edges: list[int] = []
        """Where in its stream packets end."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        await self.settle()

    async def settle(self) -> None:
        """Waits until no client is being served."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _react(self, channel: Channel, event: e.ChannelEvent) -> None:
        if channel.kind == "direct-tcpip":
            if isinstance(event, e.ChannelEofReceived):
                channel.write(b"answer")
                channel.close()
        elif isinstance(event, e.ChannelRequested) and event.name == "exec":
            channel.write(b"first line\nsecond line\n")
            channel.write(b"a complaint\n", 1)
        elif isinstance(event, e.ChannelEofReceived):
            channel.write(b"the end\n")
            channel.request("exit-status", ExitStatus(0).encode())
            channel.eof()
            channel.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        end = End(Role.SERVER, settings(Role.SERVER, suite()))
        end.known_requests = {"exec"}
        end.react_channel = self._react
        self.sent, self.edges = 0, []
        with contextlib.suppress(ConnectionError):
            while True:
                while packets := end.session.data_to_send():
                    for packet in packets:
                        self.edges.append((self.edges or [0])[-1] + len(packet))
                    data = b"".join(packets)
                    if self.limit is not None:
                        data = data[: self.limit - self.sent]
                    self.sent += len(data)
                    writer.write(data)
                    await writer.drain()
                if self.limit is not None and self.sent >= self.limit:
                    if self.hang:
                        # It takes what comes, as a kernel does whose process is stuck, until the client is gone.
                        await _drain(reader)
                    break
                received = await reader.read(65536)
                if not received:
                    break
                end.session.feed(received)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as running:
        yield running


@pytest.fixture(autouse=True)
async def nothing_left(server: Server) -> AsyncIterator[None]:
    """No task is left, and nothing was raised where nobody looked."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    before = asyncio.all_tasks()
    yield
    await server.settle()
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def options(server: Server) -> dict[str, Any]:
    chosen = suite()
    return {
        "config": "none",
        "port": server.port,
        "known_hosts": "none",
        "strict_host_key_checking": "no",
        "identity_file": "none",
        "connect_timeout": PATIENCE,
        "server_alive_interval": PATIENCE / 4,
        "server_alive_count_max": 2,
        "kex_algorithms": list(chosen.kex),
        "ciphers": list(chosen.ciphers),
    }


class Waits:
    """Makes each wait of a session and notes how it ended."""

    def __init__(self) -> None:
        self.log: list[tuple[str, BaseException | None]] = []

    async def __call__(self, name: str, wait: Awaitable[Any]) -> Any:
        """The result; None after an `SSHError`.  Anything else, and a wait without end, is a failure of the test."""
        try:
            result = await asyncio.wait_for(wait, GUARD)
        except (SSHError, asyncio.IncompleteReadError) as error:  # a missed deadline of ours is a TimeoutError too
            self.log.append((name, error))
            return None
        except asyncio.TimeoutError:
            raise AssertionError(f"{name} never ends") from None
        self.log.append((name, None))
        return result

    @property
    def failed(self) -> list[str]:
        """Names of the waits that ended with an error."""
        return [name for name, error in self.log if error is not None]


async def use(server: Server) -> Waits:
    """One session that waits for everything there is to wait for, one after the other."""
    wait = Waits()
    connection: Connection | None = await wait("connect", connect("alice@127.0.0.1", **options(server)))
    if connection is None:
        return wait
    process = await wait("start", connection.start("talk", timeout=PATIENCE))
    if process is not None:
        await wait("read", process.stdout.read(5))
        await wait("readline", process.stdout.readline())
        await wait("readexactly", process.stdout.readexactly(7))
        await wait("readuntil", process.stderr.readuntil(b"\n"))
        with contextlib.suppress(SSHError):
            process.stdin.write(b"x" * 100)
            process.stdin.write_eof()
        await wait("drain", process.stdin.drain())
        await wait("wait", process.wait(PATIENCE * 10))
        await wait("wait_closed", process.wait_closed())
        await wait("aclose", process.aclose())
    streams = await wait("open_tcp", connection.open_tcp("db", 5432, timeout=PATIENCE))
    if streams is not None:
        reader, writer = streams
        writer.write_eof()
        await wait("read tcp", reader.read())
        writer.close()
    await wait("run", connection.run("talk", timeout=PATIENCE))
    await wait("close", connection.close())
    await wait("connection.wait_closed", connection.wait_closed())
    assert connection.closed
    return wait


async def test_the_session_works_while_the_server_lives(server: Server) -> None:
    waits = await use(server)
    assert waits.failed == []
    assert len(waits.log) == 15
    assert len(server.edges) > 25


async def test_a_server_that_is_gone(server: Server) -> None:
    await use(server)
    await server.settle()
    end_of_file = server.edges[-2]  # with it all is known of the last command; after it comes its close
    for limit in places(server.edges, end_of_file - 20, 5 * STEP):
        server.limit = limit
        waits = await use(server)
        assert waits.failed, limit
        assert all(name not in waits.failed for name in ("close", "connection.wait_closed", "aclose"))


async def test_a_server_that_falls_silent_at_every_packet(server: Server) -> None:
    """Inside a packet nothing changes for the client, so its edges will do, and the middle of the version line."""
    await use(server)
    await server.settle()
    limits = sorted({0, 5, *(edge + offset for edge in server.edges for offset in (-1, 0, 1))})
    end_of_file = server.edges[-2]  # with it all is known of the last command; after it comes its close

    async def one(limit: int) -> None:
        async with Server() as mute:
            mute.limit, mute.hang = limit, True
            waits = await use(mute)
            assert waits.failed or limit >= end_of_file, limit
            for name, error in waits.log:
                if name == "connect" and error is not None:
                    assert isinstance(error, (DeadlineExceeded, ConnectionLost))

    # Side by side: each of them mostly waits for its deadlines.
    for start in range(0, len(limits), 15):
        await asyncio.gather(*[one(limit) for limit in limits[start : start + 15]])


async def test_deadlines_of_single_waits_without_keepalive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these has a deadline of its own, and ends within it when the server is dead."""
    monkeypatch.setattr("jupyter_ssh.ssh.client.process.CLOSE_SECONDS", PATIENCE)
    connection = await connect("alice@127.0.0.1", **{**options(server), "server_alive_interval": 0})
    process = await connection.start("talk", timeout=GUARD)
    server.limit, server.hang = 0, True
    waits: dict[str, Awaitable[Any]] = {
        "start": connection.start("x", timeout=PATIENCE),
        "run": connection.run("x", timeout=PATIENCE),
        "open_tcp": connection.open_tcp("db", 1, timeout=PATIENCE),
        "wait": process.wait(PATIENCE),
    }
    wait = Waits()
    await asyncio.gather(*[wait(name, pending) for name, pending in waits.items()])
    assert sorted(wait.failed) == sorted(waits)
    for name, error in wait.log:
        assert isinstance(error, DeadlineExceeded), name
        assert error.seconds <= PATIENCE
    assert not connection.closed
    await asyncio.wait_for(process.aclose(), GUARD)
    await asyncio.wait_for(connection.close(), GUARD)


async def test_all_waits_at_once(server: Server) -> None:
    """Several tasks wait on one connection when it dies: each is told."""
    for hang in (False, True):
        connection = await connect("alice@127.0.0.1", **options(server))
        talking = await connection.start("talk", timeout=GUARD)
        other = await connection.start("talk", timeout=GUARD)
        assert await talking.stdout.readline() == b"first line\n"
        other.stdin.write(bytes(10_000_000))
        server.limit, server.hang = 0, hang
        waits: dict[str, Awaitable[Any]] = {
            "stdout": talking.stdout.read(),
            "stderr": talking.stderr.read(),
            "drain": other.stdin.drain(),
            "wait": other.wait(),
            "start": connection.start("x"),
            "run": connection.run("x"),
            "open_tcp": connection.open_tcp("db", 1),
        }
        wait = Waits()
        await asyncio.gather(*[wait(name, pending) for name, pending in waits.items()])
        assert sorted(wait.failed) == sorted(waits)
        await wait("wait_closed", connection.wait_closed())
        assert isinstance(connection.closed_because, ConnectionLost)
        await connection.close()
        await server.settle()
        server.limit = None
