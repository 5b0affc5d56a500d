"""A newcomer adds a kind of channel to both roles: all that is needed stands in this one file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_ssh.ssh.channels.channel_streams import ChannelStreams
from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.client.registry import CLIENT
from jupyter_ssh.ssh.errors import ChannelOpenError
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested, GlobalRequested
from jupyter_ssh.ssh.server.registry import SERVER
from tests.pair.channels.loopback import SECONDS, loopback, nothing_left

ECHO = "echo@example.com"
CALL_BACK = "call-back@example.com"
DATA = os.urandom(3_000_000)


def open_echo(host: ChannelHost, event: ChannelOpenRequested) -> None:
    """Handle echo@example.com: what comes on the channel goes back."""
    streams = ChannelStreams(host, event.channel)
    streams.accept()
    host.start(echo(streams))


async def echo(streams: ChannelStreams) -> None:
    while data := await streams.reader.read(65536):
        await streams.writer.send(data)
    streams.writer.write_eof()
    streams.writer.close()


async def talk(host: ChannelHost, data: bytes) -> bytes:
    """Has ``data`` echoed by the peer."""
    streams = ChannelStreams(host, host.open_channel(ECHO))
    await streams.wait_opened(SECONDS, "opening an echo")
    writing = host.start(say(streams, data))
    answer = await streams.reader.read(timeout=SECONDS)
    await writing
    streams.writer.close()
    return answer


async def say(streams: ChannelStreams, data: bytes) -> None:
    await streams.writer.send(data)
    streams.writer.write_eof()


async def call_back(host: ChannelHost, event: GlobalRequested) -> bytes:
    """Handle call-back@example.com: has the details echoed by whoever asked, and answers with the echo."""
    return await talk(host, event.details)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (CLIENT, SERVER):
        monkeypatch.setitem(registry.channels, ECHO, open_echo)
        monkeypatch.setitem(registry.requests, CALL_BACK, call_back)


@pytest.mark.usefixtures("registered")
async def test_an_echo_in_both_roles(tmp_path: Path) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        assert await talk(host, DATA) == DATA
        small = DATA[:10_000]
        assert await host.ask(CALL_BACK, small, timeout=SECONDS) == small
        await nothing_left(connection, server)


async def test_neither_role_knows_it_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVER.requests, CALL_BACK, call_back)
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        with pytest.raises(ChannelOpenError, match=f"the server refused a {ECHO} channel") as refused:
            await talk(host, b"x")
        assert refused.value.reason == 3  # SSH_OPEN_UNKNOWN_CHANNEL_TYPE
        # The server asks the client, which refuses it; then it has no answer.
        assert await host.ask(CALL_BACK, b"x", timeout=SECONDS) is None
        assert await host.ask("unheard-of@example.com", timeout=SECONDS) is None
        assert (await connection.run("echo alive")).text == "alive\n"
        await nothing_left(connection, server)
