"""A channel as two streams: who waits for it, who leaves, and what is left of it then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jupyter_ssh.ssh.channels.channel_streams import ChannelStreams
from jupyter_ssh.ssh.errors import ChannelOpenError, ConnectionLost, DeadlineExceeded
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested
from jupyter_ssh.ssh.server.registry import SERVER
from tests.pair.channels.loopback import SECONDS, client_of, loopback, nothing_left, until

KIND = "quiet@example.com"


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[ChannelOpenRequested]:
    """What the server was asked for, and does not answer."""
    asked: list[ChannelOpenRequested] = []
    monkeypatch.setitem(SERVER.channels, KIND, lambda host, event: asked.append(event))
    return asked


async def test_a_channel_that_nobody_waits_for_any_more_is_closed(
    tmp_path: Path, wanted: list[ChannelOpenRequested]
) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        late = ChannelStreams(host, host.open_channel(KIND))
        with pytest.raises(DeadlineExceeded, match="opening something quiet"):
            await late.wait_opened(0.01, "opening something quiet")
        left = ChannelStreams(host, host.open_channel(KIND))
        waiting = asyncio.ensure_future(left.wait_opened(None, ""))
        await until(lambda: len(wanted) == 2)
        waiting.cancel()
        await asyncio.wait([waiting])
        for event in wanted:
            event.channel.accept()
        await nothing_left(connection, server)
        assert late.over.done()
        assert left.over.done()


async def test_a_refusal(tmp_path: Path, wanted: list[ChannelOpenRequested]) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        streams = ChannelStreams(host, host.open_channel(KIND))
        await until(lambda: wanted)
        wanted[0].channel.refuse(4, "not today")
        with pytest.raises(ChannelOpenError, match="not today") as refused:
            await streams.wait_opened(SECONDS, "")
        assert (refused.value.kind, refused.value.reason) == (KIND, 4)
        assert refused.value.next_step, "a client's error says what to do"
        with pytest.raises(ChannelOpenError):
            await streams.reader.read()
        with pytest.raises(ChannelOpenError):
            streams.writer.write(b"x")
        await nothing_left(connection, server)


async def test_a_connection_that_is_lost(tmp_path: Path, wanted: list[ChannelOpenRequested]) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        opened = ChannelStreams(host, host.open_channel(KIND))
        await until(lambda: wanted)
        wanted[0].channel.accept()
        await opened.wait_opened(SECONDS, "")
        wanted[0].channel.write(b"so far")
        opening = ChannelStreams(host, host.open_channel(KIND))
        await until(lambda: len(wanted) == 2 and opened.reader.unread)
        client_of(server).driver.abandon()
        with pytest.raises(ConnectionLost):
            await opening.wait_opened(SECONDS, "")
        assert await opened.reader.readexactly(6) == b"so far"
        with pytest.raises(ConnectionLost):
            await opened.reader.read()
        assert isinstance(opened.error, ConnectionLost)


async def test_extended_data_and_requests_are_none_of_its_business(
    tmp_path: Path, wanted: list[ChannelOpenRequested]
) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        streams = ChannelStreams(host, host.open_channel(KIND))
        await until(lambda: wanted)
        far = wanted[0].channel
        far.accept()
        await streams.wait_opened(SECONDS, "")
        answers: list[bool] = []
        far.request("x@example.com", b"", answers.append)
        room = streams.channel.window.size
        for _ in range(3):
            far.write(bytes(room), 1)  # credited, for nobody reads it
        far.write(b"data")
        far.eof()
        assert await asyncio.wait_for(streams.reader.read(), SECONDS) == b"data"
        assert answers == [False]
        streams.writer.close()
        await nothing_left(connection, server)
