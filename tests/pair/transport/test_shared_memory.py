"""Connections that receive into the same memory by turns: none sees another's bytes, and an idle one keeps none."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import AsyncExitStack

import pytest

from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.packets.receive_buffer import ReceiveMemory
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.session import ClientSession, ServerSession, Session
from tests.pair.pairing import SUITES, End, Pair, suite
from tests.pair.scenario import settings

DEADLINE = 60


def shared(pairs: list[Pair]) -> ReceiveMemory:
    """Memory that all ends of the pairs receive into."""
    memory = ReceiveMemory()
    for pair in pairs:
        for end in pair.ends:
            end.session.receive_into(memory)
    return memory


def kept(session: Session) -> int:
    """Bytes that a session keeps of its own for receiving."""
    buffer = session.transport.receiver.buffer
    return len(buffer.view) if buffer.block is None else 0


@pytest.mark.parametrize("seed", range(3))
def test_packets_cut_anywhere_and_mixed(seed: int) -> None:
    """Three connections with three ciphers, whose bytes come in turns of any size."""
    chance = random.Random(seed)
    pairs = [Pair(settings(Role.CLIENT, suite(name)), settings(Role.SERVER, suite(name))) for name in list(SUITES)[:3]]
    memory = shared(pairs)
    streams: dict[tuple[int, Role], bytearray] = {(i, role): bytearray() for i in range(3) for role in Role}
    said = {key: chance.randbytes(300_000) for key in streams}

    def carry(pieces: int) -> None:
        moved = True
        while moved:
            moved = False
            for index, pair in enumerate(pairs):
                for end in pair.ends:
                    streams[index, pair.other(end).role] += b"".join(end.session.data_to_send())
            for index, role in chance.sample(list(streams), len(streams)):
                stream, pair = streams[index, role], pairs[index]
                count = min(len(stream), chance.choice([1, 20, 3000, 100_000]) if pieces else len(stream))
                (pair.client if role is Role.CLIENT else pair.server).session.feed(bytes(stream[:count]))
                del stream[:count]
                moved |= count > 0

    carry(0)
    channels = [pair.client.open() for pair in pairs]
    carry(0)
    for index, (pair, channel) in enumerate(zip(pairs, channels, strict=True)):
        channel.write(said[index, Role.SERVER])
        pair.server.channels[0].write(said[index, Role.CLIENT])
    carry(1)
    for index, pair in enumerate(pairs):
        pair.raise_failures()
        assert pair.client.data == said[index, Role.CLIENT]
        assert pair.server.data == said[index, Role.SERVER]
    assert len(memory.blocks) == 1
    assert [kept(end.session) for pair in pairs for end in pair.ends] == [0] * 6


def test_one_connection_inside_another() -> None:
    """What arrives on a channel is fed to another session at once, as a jump host's is: all in the same memory."""
    outer, inner = Pair(settings(Role.CLIENT, suite()), settings(Role.SERVER, suite())), Pair()
    memory = shared([outer, inner])
    near, far = outer.opened()
    ways = ((inner.client, near), (inner.server, far))

    def tie(end: End, channel: Channel) -> None:
        def on_data(data: bytes, code: int | None) -> None:
            end.session.feed(data)
            channel.credit(len(data))

        channel.on_data = on_data

    for end, channel in ways:
        tie(end, channel)
    outer.split = 70_000

    def run() -> None:
        for _ in range(1000):
            for end, channel in ways:
                for packet in end.session.data_to_send():
                    channel.write(packet)
            if not outer.step():
                return
        raise AssertionError("they never fall silent")

    run()
    channel = inner.client.open()
    run()
    data = random.Random(1).randbytes(1_000_000)
    channel.write(data)
    inner.server.channels[0].write(data[::-1])
    run()
    for pair in (outer, inner):
        pair.raise_failures()
    assert inner.server.data == data
    assert inner.client.data == data[::-1]
    assert len(memory.blocks) == 2


class Link:
    """Two drivers on one loop with a socket between them; the server sends back what it receives."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.loop = asyncio.get_running_loop()
        self.ready = self.loop.create_future()
        self.came = bytearray()
        self.client = SessionDriver(
            lambda told: ClientSession(settings(Role.CLIENT, suite()), told), self._client_hears
        )
        self.server = SessionDriver(
            lambda told: ServerSession(settings(Role.SERVER, suite()), told), self._server_hears
        )

    async def __aenter__(self) -> Link:
        near, far = socket.socketpair()
        self.transport, _ = await self.loop.create_connection(lambda: self.client, sock=near)
        await self.loop.create_connection(lambda: self.server, sock=far)
        await asyncio.wait_for(self.ready, DEADLINE)
        self.channel = self.client.session.open_channel("session", b"", lambda event: None, self._on_data)
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.client.close()
        await asyncio.wait_for(self.server.lost, DEADLINE)

    def _client_hears(self, event: e.Event) -> None:
        session = self.client.session
        if isinstance(event, e.HostKeyOffered):
            session.accept_host_key()
            session.authentication.start("alice")
        elif isinstance(event, e.AuthenticationStarted):
            session.authentication.none()
        elif isinstance(event, e.Authenticated):
            self.ready.set_result(None)

    def _server_hears(self, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            self.server.session.authentication.accept()
        elif isinstance(event, e.ChannelOpenRequested):
            channel = event.channel
            channel.on_event = lambda event: None

            def echo(data: bytes, code: int | None) -> None:
                channel.write(data, code)
                channel.credit(len(data))

            channel.on_data = echo
            channel.accept()

    def _on_data(self, data: bytes, code: int | None) -> None:
        self.came += data
        self.channel.credit(len(data))

    async def echo(self, size: int) -> None:
        """Sends bytes that no other link sends and waits until they are back."""
        del self.came[:]
        data = random.Random(self.number).randbytes(size)
        while not self.channel.open:
            await asyncio.sleep(0)
        for start in range(0, size, 50_000):
            self.channel.write(data[start : start + 50_000])
            await asyncio.sleep(0)
        while len(self.came) < size and self.client.session.failure is None:
            await asyncio.sleep(0)
        assert self.client.session.failure is None
        assert self.server.session.failure is None
        assert self.came == data


async def test_two_connections_of_one_loop_never_see_each_others_bytes() -> None:
    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(Link(number)) for number in range(2)]
        await asyncio.wait_for(asyncio.gather(*(link.echo(3_000_000) for link in links)), DEADLINE)


async def test_idle_connections_keep_nothing_after_a_flood() -> None:
    """However much each has received: one memory for all, and nothing beside it."""
    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(Link(number)) for number in range(5)]
        for link in links:
            await asyncio.wait_for(link.echo(2_000_000), DEADLINE)
        sessions = [driver.session for link in links for driver in (link.client, link.server)]
        assert [kept(session) for session in sessions] == [0] * len(sessions)
        memories = {id(session.transport.receiver.buffer.memory) for session in sessions}
        assert len(memories) == 1
        assert len(sessions[0].transport.receiver.buffer.memory.blocks) == 1


async def test_what_is_unread_is_less_than_a_packet() -> None:
    """A peer that stops in the middle of the longest packet keeps that much, and the others go on."""
    async with AsyncExitStack() as stack:
        stuck, other = [await stack.enter_async_context(Link(number)) for number in range(2)]
        await stuck.echo(1)
        sealed = stuck.client.session.transport.sender.sealer.seal(bytes(MAX_PACKET - 100))
        before = stuck.server.bytes_received
        half = sealed[: len(sealed) - 50]
        stuck.transport.write(half)
        while stuck.server.bytes_received < before + len(half):
            await asyncio.sleep(0)
        await asyncio.wait_for(other.echo(1_000_000), DEADLINE)
        assert kept(stuck.server.session) == len(half)
        assert stuck.server.session.failure is None
