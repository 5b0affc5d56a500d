"""A connection that the server makes: two streams, or in the manner of a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jupyter_ssh.ssh import ChannelClosed, Connection, DeadlineExceeded, Stream

Far = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


@pytest.fixture
async def far() -> AsyncIterator[tuple[int, Far]]:
    """A port, and who connects to it."""
    queue: Far = asyncio.Queue()

    writers: list[asyncio.StreamWriter] = []

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await queue.put((reader, writer))

    server = await asyncio.start_server(came, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], queue
        for writer in writers:
            writer.close()


async def test_it_is_two_streams_or_one_socket(connection: Connection, far: tuple[int, Far]) -> None:
    port, queue = far
    stream = await connection.open_tcp("127.0.0.1", port)
    reader, writer = stream
    theirs, ours = await queue.get()
    writer.write(b"to them ")
    await stream.sendall(b"and more")
    assert await theirs.readexactly(16) == b"to them and more"
    ours.write(b"to us and more")
    assert await stream.recv(5) == b"to us"
    assert await reader.readexactly(9) == b" and more"
    with pytest.raises(DeadlineExceeded):
        await stream.recv(1, timeout=0.01)
    ours.close()
    assert await stream.recv(1) == b""
    await stream.close()


async def test_the_end_of_one_direction_leaves_the_other(connection: Connection, far: tuple[int, Far]) -> None:
    port, queue = far
    reader, writer = await connection.open_tcp("127.0.0.1", port)
    theirs, ours = await queue.get()
    writer.write_eof()
    assert await theirs.read() == b""
    ours.write(b"still here")
    ours.close()
    assert await reader.read() == b"still here"


async def test_closing_sends_what_was_written_and_ends_both_directions(
    connection: Connection, far: tuple[int, Far]
) -> None:
    port, queue = far
    async with await connection.open_tcp("127.0.0.1", port) as stream:
        assert isinstance(stream, Stream)
        theirs, _ = await queue.get()
        stream.writer.write(bytes(3 << 20))
    assert await theirs.read() == bytes(3 << 20)
    assert await stream.reader.read() == b""  # the channel is closed, though they have not closed their end
    with pytest.raises(ChannelClosed):
        stream.writer.write(b"more")


async def test_the_channel_is_given_back(connection: Connection, far: tuple[int, Far]) -> None:
    port, _ = far
    open_channels: Any = connection.channel_host.session.connection.channels
    async with await connection.open_tcp("127.0.0.1", port) as stream:
        assert len(open_channels) == 1
    assert await stream.reader.read() == b""
    assert not open_channels
