"""A peer that sends and does not read: what is kept for it stays bounded, and nothing is lost when it reads again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from jupyter_ssh.ssh.net.driver import MAX_UNSENT_REPLIES, WRITE_HIGH_WATER, SessionDriver
from jupyter_ssh.ssh.protocol.packets.receive_buffer import BLOCK_SIZE
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.session import ServerSession
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.codec import Message
from tests.pair.pairing import End, suite
from tests.pair.scenario import settings

LIMIT = MAX_UNSENT_REPLIES + 4 * BLOCK_SIZE + 2 * WRITE_HIGH_WATER
"""Where reading stops, what one read may still bring about, and what asyncio holds; far below `FLOOD`."""

FLOOD = 24 * 1024 * 1024


class Wire:
    """A client that is driven by hand, and a server on a driver, with a socket between them."""

    def __init__(self) -> None:
        self.client = End(Role.CLIENT, settings(Role.CLIENT, suite()))
        self.heard = End(Role.SERVER, settings(Role.SERVER, suite()))
        self.loop = asyncio.get_running_loop()
        self.near, far = socket.socketpair()
        self.near.setblocking(False)
        self.far = far

    async def connect(self) -> None:
        self.driver = SessionDriver(
            lambda on_event: ServerSession(settings(Role.SERVER, suite()), on_event), self._server_reacts
        )
        self.heard.session = self.driver.session
        self.transport, _ = await self.loop.create_connection(lambda: self.driver, sock=self.far)
        while not (self.client.session.logged_in and self.driver.session.logged_in):
            await self.send()
            self.client.session.feed(await self.loop.sock_recv(self.near, 65536))

    def _server_reacts(self, event: object) -> None:
        self.heard.hear(event)

    async def send(self) -> None:
        """Sends what the client has to say."""
        await self.loop.sock_sendall(self.near, b"".join(self.client.session.data_to_send()))

    @property
    def kept(self) -> int:
        """Bytes the server keeps for the client."""
        return self.driver.session.unsent + self.transport.get_write_buffer_size()

    async def flood(self, message: Message, count: int) -> None:
        """Sends the message so many times and reads nothing."""
        payload = message.encode()
        for _ in range(count):
            self.client.session.transport.send(payload)
            if self.client.session.unsent > 1_000_000:
                await self.send()
        await self.send()

    async def until_it_stops_reading(self) -> None:
        while self.transport.is_reading():
            assert self.kept <= LIMIT
            await asyncio.sleep(0)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.connect()
    yield made
    made.near.close()
    await made.driver.lost
    made.transport.close()


@pytest.mark.parametrize("size", [200_000, 20_000, 2_000])
async def test_a_flood_of_pings(wire: Wire, size: int) -> None:
    count = FLOOD // size
    answers = [0]

    def count_answer(body: bytes) -> None:
        answers[0] += 1

    # The client's own session would end over answers to what it never asked for.
    transport = wire.client.session.transport
    transport.register(lambda: {m.Pong.number: count_answer})
    sending = asyncio.ensure_future(wire.flood(m.Ping(bytes(size)), count))
    try:
        await asyncio.wait_for(wire.until_it_stops_reading(), 60)
        assert not sending.done()
        assert MAX_UNSENT_REPLIES < wire.kept <= LIMIT
        while answers[0] < count:
            wire.client.session.feed(await asyncio.wait_for(wire.loop.sock_recv(wire.near, 262144), 60))
            assert wire.client.session.failure is None
            assert wire.kept <= LIMIT
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    assert answers[0] == count
    assert wire.driver.session.failure is None
    assert wire.transport.is_reading()


async def test_data_waits_in_its_channel(wire: Wire) -> None:
    """However much is written: only so much of it is sealed and lies in queues."""
    ours = wire.client.open()
    await wire.send()
    while not ours.open:
        wire.client.session.feed(await wire.loop.sock_recv(wire.near, 65536))
    theirs = wire.heard.channels[0]
    # The client grants more than it will read.
    wire.client.session.transport.send(m.ChannelWindowAdjust(theirs.number, 1 << 30).encode())
    await wire.send()
    while theirs.peer_window < 1 << 30:
        await asyncio.sleep(0)
    theirs.write(bytes(50_000_000))
    for _ in range(100):
        await asyncio.sleep(0)
        assert wire.kept <= LIMIT
    assert theirs.unsent > 40_000_000
    assert wire.driver.session.transport.sender.congested
    ours.window.available = 1 << 31
    while len(wire.client.data) < 50_000_000:
        wire.client.session.feed(await asyncio.wait_for(wire.loop.sock_recv(wire.near, 262144), 60))
        wire.client.session.data_to_send()
    assert theirs.unsent == 0
    assert wire.heard.channel_events[-1].__class__.__name__ == "ChannelWritable"
