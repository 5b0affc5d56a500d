"""A socket here, a channel, a socket there: half-close, pressure, and every order of leaving.

A local forward made of `Splice` stands on the client's side, the server's direct-tcpip on the other.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jupyter_ssh.ssh import Connection
from jupyter_ssh.ssh.channels import splice as splices
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.channels.interfaces import Stream
from jupyter_ssh.ssh.channels.splice import NOBODY, SOCKET_HIGH_WATER, Splice, originator_of
from jupyter_ssh.ssh.channels.transport import HIGH_WATER, ChannelTransport
from jupyter_ssh.ssh.errors import ChannelOpenError, DeadlineExceeded, SSHError
from jupyter_ssh.ssh.forwarding.direct_tcpip import ask_for_tcp
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested
from jupyter_ssh.ssh.server.channels.direct_tcpip import Forwards
from jupyter_ssh.ssh.server.registry import SERVER
from jupyter_ssh.ssh.wire.requests import DirectTcpip
from tests.pair.channels.loopback import SECONDS, client_of, loopback, nothing_left, until
from tests.support.embedded import EmbeddedServer

HOST = "127.0.0.1"
DATA = os.urandom(5_000_000)
READ = 256 * 1024
"""Bytes that asyncio reads from a socket at once."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class LocalForward:
    """Sends whoever connects to it through the connection to a port of the server's machine."""

    def __init__(self, host: ChannelHost, destination: int, seconds: float = SECONDS) -> None:
        self.host = host
        self.destination = destination
        self.seconds = seconds
        self.splices: list[Splice] = []
        self.tunnels: list[ChannelTransport] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.errors: list[SSHError] = []

    async def __aenter__(self) -> LocalForward:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Splice(self._accepted).socket, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _accepted(self, splice: Splice, transport: asyncio.Transport) -> None:
        self.splices.append(splice)
        # A task of its own: it has to end with the connection by itself.
        self.tasks.append(asyncio.get_running_loop().create_task(self._carry(splice, transport)))

    async def _carry(self, splice: Splice, transport: asyncio.Transport) -> None:
        channel = ask_for_tcp(self.host, HOST, self.destination, originator_of(transport))
        self.tunnels.append(ChannelTransport(self.host, channel))
        try:
            await splice.run(self.tunnels[-1], self.seconds)
        except SSHError as error:
            self.errors.append(error)

    async def connect(self) -> Streams:
        return await asyncio.open_connection(HOST, self.port)

    async def done(self) -> None:
        """Waits until nothing is carried any more."""
        await asyncio.wait_for(asyncio.gather(*self.tasks, return_exceptions=True), SECONDS)


@asynccontextmanager
async def destination(serve: Serve) -> AsyncIterator[int]:
    """A server that does ``serve`` with each connection; its port."""
    done: list[asyncio.Future[None]] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(asyncio.get_running_loop().create_future())
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            done[-1].set_result(None)

    server = await asyncio.start_server(served, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(asyncio.gather(*done), SECONDS)
    finally:
        server.close()


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Connection, EmbeddedServer]]:
    async with loopback(tmp_path) as made:
        yield made


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


async def everything(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(-1), SECONDS)


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads to the end of file, and only then sends what it read in capitals."""
    data = await reader.read(-1)
    writer.write(data.upper())
    await writer.drain()


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    writer.write_eof()


# --- data, and the ends of its two directions -------------------------------------------------------------------------


async def test_who_connected_ends_first_and_still_hears_the_answer(both: tuple[Connection, EmbeddedServer]) -> None:
    connection, server = both
    async with destination(shout) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        sending = asyncio.ensure_future(send(writer, DATA))
        assert await everything(reader) == DATA.upper()
        await sending
        writer.close()
        await forward.done()
    assert forward.errors == []
    await nothing_left(connection, server)


async def test_the_destination_ends_first_and_still_hears_more(both: tuple[Connection, EmbeddedServer]) -> None:
    connection, server = both
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(writer, DATA)
        heard.set_result(await reader.read(-1))

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        assert await everything(reader) == DATA
        await send(writer, b"late")
        assert await asyncio.wait_for(heard, SECONDS) == b"late"
        writer.close()
        await forward.done()
    await nothing_left(connection, server)


# --- pressure ---------------------------------------------------------------------------------------------------------


async def test_a_destination_that_does_not_read_holds_the_sender_back(both: tuple[Connection, EmbeddedServer]) -> None:
    connection, server = both
    reading = asyncio.Event()
    size = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal size
        await reading.wait()
        while data := await reader.read(1 << 20):
            size += len(data)

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        _, writer = await forward.connect()
        writer.write(bytes(64 << 20))
        near, far = await both_ends(forward, server)
        socket_here = forward.splices[0].socket.transport
        assert socket_here is not None
        await until(lambda: far.window.available == 0 and not socket_here.is_reading())
        # What waits there fills the window, what waits here for the window is bounded, and the rest was not taken.
        assert HIGH_WATER < near.unsent <= HIGH_WATER + READ
        assert writer.transport.get_write_buffer_size() > 0
        assert (await connection.run("echo other channels go on")).ok
        reading.set()
        await asyncio.wait_for(writer.drain(), SECONDS)
        writer.write_eof()
        await until(lambda: size == 64 << 20)
        writer.close()
        await forward.done()
    await nothing_left(connection, server)


async def test_who_connected_and_does_not_read_holds_the_destination_back(
    both: tuple[Connection, EmbeddedServer],
) -> None:
    connection, server = both

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(writer, bytes(64 << 20))

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        loop = asyncio.get_running_loop()
        with socket.socket() as plain:  # which reads nothing by itself, as asyncio's streams do
            plain.setblocking(False)
            await loop.sock_connect(plain, (HOST, forward.port))
            near, far = await both_ends(forward, server)
            socket_here = forward.splices[0].socket.transport
            assert socket_here is not None
            await until(lambda: near.window.available == 0 and far.unsent > HIGH_WATER)
            assert far.unsent <= HIGH_WATER + READ
            assert not forward.tunnels[0].is_reading()
            assert socket_here.get_write_buffer_size() <= SOCKET_HIGH_WATER + near.window.size
            assert (await connection.run("echo other channels go on")).ok
            size = 0
            while data := await asyncio.wait_for(loop.sock_recv(plain, 1 << 20), SECONDS):
                size += len(data)
            assert size == 64 << 20
        await forward.done()
    await nothing_left(connection, server)


async def both_ends(forward: LocalForward, server: EmbeddedServer) -> tuple[Channel, Channel]:
    """The channel here and there."""
    await until(lambda: forward.tunnels and forward.tunnels[0].channel.open)
    channels = client_of(server).session.connection.channels
    (far,) = [channel for channel in channels.values() if channel.kind == "direct-tcpip"]
    return forward.tunnels[0].channel, far


# --- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", ["close", "reset"])
async def test_who_connected_leaves(both: tuple[Connection, EmbeddedServer], leaves: str) -> None:
    connection, server = both
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        heard.set_result(await reader.read(-1))

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        assert await reader.readexactly(5) == b"hello"
        if leaves == "close":
            writer.write(b"bye")
            writer.close()
        else:
            reset(writer)
        assert await asyncio.wait_for(heard, SECONDS) == (b"bye" if leaves == "close" else b"")
        await forward.done()
    assert forward.errors == []
    await nothing_left(connection, server)


@pytest.mark.parametrize("leaves", ["close", "reset"])
async def test_the_destination_leaves(both: tuple[Connection, EmbeddedServer], leaves: str) -> None:
    connection, server = both

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        await send(writer, DATA)
        if leaves == "reset":
            reset(writer)

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        writer.write(b"x")
        data = await everything(reader)
        assert data == DATA if leaves == "close" else DATA.startswith(data)
        writer.close()
        await forward.done()
    assert forward.errors == []
    await nothing_left(connection, server)


async def test_a_connection_that_is_lost_is_no_end_of_file(both: tuple[Connection, EmbeddedServer]) -> None:
    connection, _ = both
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half of ")
        try:
            await reader.read(-1)
        finally:
            ended.set()

    async with destination(serve) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        assert await reader.readexactly(8) == b"half of "
        connection.channel_host.driver.abandon()
        with pytest.raises(ConnectionResetError):
            await everything(reader)
        await asyncio.wait_for(ended.wait(), SECONDS)
        writer.close()
        await forward.done()
    assert connection.channel_host.session.connection.channels == {}


async def fill(stream: Stream, server: EmbeddedServer) -> int:
    """Sends to a destination that does not read until the server keeps what comes; how much that was."""
    sent = 0
    (splice,) = client_of(server).parts.of(Forwards).splices
    while splice.socket.transport is None or splice.socket.transport.get_write_buffer_size() <= SOCKET_HIGH_WATER:
        await stream.sendall(bytes(65536))
        sent += 65536
        await asyncio.sleep(0)
    return sent


async def test_what_was_sent_before_a_close_is_delivered_to_the_slow(tmp_path: Path) -> None:
    reading = asyncio.Event()
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        heard.set_result(len(await reader.read(-1)))

    async with loopback(tmp_path, max_forwards=1) as (connection, server), destination(serve) as port:
        host = connection.channel_host
        stream = await connection.open_tcp(HOST, port)
        sent = await fill(stream, server)
        await stream.close()
        await until(lambda: not host.session.connection.channels)
        # It counts until it is delivered: nobody can have the server keep more and more.
        with pytest.raises(ChannelOpenError):
            await connection.open_tcp(HOST, port)
        reading.set()
        assert await asyncio.wait_for(heard, SECONDS) == sent
        reading.clear()
        again = await until_open(connection, port)
        await again.close()
        reading.set()
        heard = asyncio.get_running_loop().create_future()
        await nothing_left(connection, server)


async def until_open(connection: Connection, port: int):  # type: ignore[no-untyped-def]
    """A stream, once the server has room for it."""
    while True:
        try:
            return await connection.open_tcp(HOST, port)
        except ChannelOpenError:
            await asyncio.sleep(0.005)


async def test_who_is_slow_has_some_time_after_the_connection_has_ended(tmp_path: Path) -> None:
    reading = asyncio.Event()
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        heard.set_result(len(await reader.read(-1)))

    async with destination(serve) as port:
        async with loopback(tmp_path) as (connection, server):
            stream = await connection.open_tcp(HOST, port)
            sent = await fill(stream, server)
            await stream.close()
            await until(lambda: not connection.channel_host.session.connection.channels)
            client = client_of(server)
        await until(lambda: client.driver.lost.done())
        reading.set()
        assert await asyncio.wait_for(heard, SECONDS) == sent


async def test_who_is_too_slow_after_the_connection_has_ended_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splices, "LINGER_SECONDS", 0.0)
    reading = asyncio.Event()
    heard: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        try:
            await reader.read(-1)
        except ConnectionError as error:
            heard.set_result(error)
        else:
            heard.set_result(None)

    async with destination(serve) as port:
        async with loopback(tmp_path) as (connection, server):
            stream = await connection.open_tcp(HOST, port)
            await fill(stream, server)
            await stream.close()
            await until(lambda: not connection.channel_host.session.connection.channels)
            client = client_of(server)
        await until(lambda: client.driver.lost.done())
        reading.set()
        assert isinstance(await asyncio.wait_for(heard, SECONDS), ConnectionError)


# --- while the channel is being opened --------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ChannelOpenRequested]:
    """What the server was asked for, and does not answer."""
    wanted: list[ChannelOpenRequested] = []
    monkeypatch.setitem(SERVER.channels, "direct-tcpip", lambda host, event: wanted.append(event))
    return wanted


async def test_who_leaves_before_leaves_nothing_behind(
    both: tuple[Connection, EmbeddedServer], asked: list[ChannelOpenRequested]
) -> None:
    connection, server = both
    async with LocalForward(connection.channel_host, 1) as forward:
        _, writer = await forward.connect()
        await until(lambda: asked)
        writer.write(b"never mind")
        reset(writer)
        await forward.done()
        assert forward.errors == []
        asked[0].channel.accept()
        await nothing_left(connection, server)


async def test_what_comes_before_is_kept_up_to_a_bound(
    both: tuple[Connection, EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, server = both
    wanted: list[ChannelOpenRequested] = []
    answer = SERVER.channels["direct-tcpip"]
    monkeypatch.setitem(SERVER.channels, "direct-tcpip", lambda host, event: wanted.append(event))
    async with destination(shout) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        sending = asyncio.ensure_future(send(writer, DATA))
        await until(lambda: wanted)
        near = forward.splices[0].socket.transport
        assert near is not None
        await until(lambda: not near.is_reading())
        answer(client_of(server), wanted[0])
        assert await everything(reader) == DATA.upper()
        await sending
        writer.close()
        await forward.done()
    await nothing_left(connection, server)


async def test_a_half_closed_request_waits_for_its_channel(
    both: tuple[Connection, EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, server = both
    wanted: list[ChannelOpenRequested] = []
    answer = SERVER.channels["direct-tcpip"]
    monkeypatch.setitem(SERVER.channels, "direct-tcpip", lambda host, event: wanted.append(event))
    async with destination(shout) as port, LocalForward(connection.channel_host, port) as forward:
        reader, writer = await forward.connect()
        await send(writer, b"quiet")
        await until(lambda: wanted and forward.splices[0].socket.ended)
        answer(client_of(server), wanted[0])
        assert await everything(reader) == b"QUIET"
        writer.close()
        await forward.done()
    await nothing_left(connection, server)


async def test_a_refusal_is_told_and_closes_the_socket(both: tuple[Connection, EmbeddedServer]) -> None:
    connection, server = both
    with socket.socket() as unused:  # bound, and not listening
        unused.bind((HOST, 0))
        async with LocalForward(connection.channel_host, unused.getsockname()[1]) as forward:
            reader, writer = await forward.connect()
            with pytest.raises(ConnectionResetError):
                await everything(reader)
            writer.close()
            await forward.done()
    assert [type(error) for error in forward.errors] == [ChannelOpenError]
    await nothing_left(connection, server)


async def test_a_server_that_does_not_answer(
    both: tuple[Connection, EmbeddedServer], asked: list[ChannelOpenRequested]
) -> None:
    connection, server = both
    async with LocalForward(connection.channel_host, 1, seconds=0.05) as forward:
        reader, writer = await forward.connect()
        with pytest.raises(ConnectionResetError):
            await everything(reader)
        writer.close()
        await forward.done()
        assert [type(error) for error in forward.errors] == [DeadlineExceeded]
        # The channel that comes after all is closed at once.
        await until(lambda: asked)
        asked[0].channel.accept()
        await nothing_left(connection, server)


# --- who it is for ----------------------------------------------------------------------------------------------------


async def test_the_server_hears_who_connected(
    both: tuple[Connection, EmbeddedServer], asked: list[ChannelOpenRequested]
) -> None:
    connection, server = both
    async with LocalForward(connection.channel_host, 5432) as forward:
        _, writer = await forward.connect()
        await until(lambda: asked)
        here = writer.get_extra_info("sockname")
        assert DirectTcpip.decode(asked[0].details) == DirectTcpip(HOST, 5432, here[0], here[1])
        asked[0].channel.refuse(2, "enough")
        await forward.done()
        writer.close()
    opening = asyncio.ensure_future(connection.open_tcp("db", 5432))
    await until(lambda: len(asked) == 2)
    assert DirectTcpip.decode(asked[1].details) == DirectTcpip("db", 5432, *NOBODY)
    asked[1].channel.refuse(2, "enough")
    with pytest.raises(ChannelOpenError):
        await opening
    await nothing_left(connection, server)


@pytest.mark.parametrize(
    ("name", "originator"),
    [
        (("192.0.2.1", 4000), ("192.0.2.1", 4000)),
        (("::ffff:192.0.2.1", 4000, 0, 0), ("192.0.2.1", 4000)),
        (("fe80::1%eth0", 4000, 0, 2), ("fe80::1", 4000)),
        ("", NOBODY),  # a Unix socket
        (None, NOBODY),
    ],
)
def test_the_originator_is_a_plain_address(name: object, originator: tuple[str, int]) -> None:
    assert originator_of(asyncio.BaseTransport({"peername": name})) == originator
