"""The receive buffer against a plain list of bytes: nothing is lost or seen by others, an idle one keeps nothing."""

from __future__ import annotations

import hashlib
import random

import pytest

from jupyter_ssh.ssh.crypto.packet_protection.framing import MAX_PACKET
from jupyter_ssh.ssh.protocol.packets.receive_buffer import BLOCK_SIZE, MIN_ROOM, ReceiveBuffer, ReceiveMemory

LARGEST_PACKET = MAX_PACKET + 4 + 64


class Connection:
    """A buffer with what was written into it and what was read from it."""

    def __init__(self, memory: ReceiveMemory | None, seed: int) -> None:
        self.buffer = ReceiveBuffer(memory)
        self.chance = random.Random(seed)
        self.pattern = self.chance.randbytes(1 << 20)
        self.sent, self.received = hashlib.sha256(), hashlib.sha256()

    @property
    def waiting(self) -> bytes:
        """What has not been read."""
        return bytes(self.buffer.view[self.buffer.start : self.buffer.end])

    def write(self, data: bytes) -> None:
        """One read of the network."""
        self.buffer.room()[: len(data)] = data
        self.buffer.written(len(data))
        self.sent.update(data)

    def write_some(self) -> None:
        """Sometimes a trickle, sometimes all there is room for."""
        room = self.buffer.room()
        assert len(room) >= MIN_ROOM
        count = min(len(room), self.chance.choice([1, 50, 5000, MIN_ROOM, len(room)]), len(self.pattern) // 2)
        start = self.chance.randrange(len(self.pattern) // 2)
        self.write(self.pattern[start : start + count])

    def read(self, count: int) -> None:
        """Takes packets of ``count`` bytes in all."""
        self.received.update(self.waiting[:count])
        self.buffer.start += count

    def read_some(self) -> None:
        """What is left is less than a packet, or it would have been taken."""
        waiting = len(self.waiting)
        self.read(max(self.chance.choice([0, waiting // 3, waiting]), waiting - LARGEST_PACKET))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 2, 5])
def test_bytes_come_out_as_they_went_in(seed: int, count: int) -> None:
    memory = ReceiveMemory()
    connections = [Connection(memory, seed * 10 + number) for number in range(count)]
    chance = random.Random(seed)
    for _ in range(150):
        connection = chance.choice(connections)
        for _ in range(chance.choice([1, 1, 4])):
            connection.write_some()
            connection.read_some()
    for connection in connections:
        connection.read(len(connection.waiting))
        assert connection.received.digest() == connection.sent.digest()
    assert len(memory.blocks) == 1


def test_an_idle_connection_keeps_nothing() -> None:
    memory = ReceiveMemory()
    idle, other = Connection(memory, 0), Connection(memory, 1)
    assert len(idle.buffer.view) == 0
    for _ in range(20):  # a flood
        idle.write(bytes(len(idle.buffer.room())))
        idle.read(len(idle.waiting))
    other.write(b"x")
    assert len(idle.buffer.view) == 0
    assert idle.buffer.block is None
    idle.write(b"and on")
    assert idle.waiting == b"and on"


def test_half_a_packet_waits_as_it_is_and_nothing_else_with_it() -> None:
    memory = ReceiveMemory()
    one, other = Connection(memory, 0), Connection(memory, 1)
    one.write(b"a whole packet, half of one")
    one.read(len(b"a whole packet, "))
    other.write(b"other")
    assert (bytes(one.buffer.view), one.buffer.start) == (b"half of one", 0)
    other.read(3)
    one.write(b" and its other half")
    assert one.waiting == b"half of one and its other half"
    assert bytes(other.buffer.view) == b"er"


def test_the_largest_packet_leaves_room() -> None:
    memory = ReceiveMemory()
    one, other = Connection(memory, 0), Connection(memory, 1)
    one.write(bytes(LARGEST_PACKET - 1))
    assert len(one.buffer.room()) >= MIN_ROOM
    other.write(b"x")
    assert len(one.buffer.view) == LARGEST_PACKET - 1
    assert len(one.buffer.room()) >= MIN_ROOM


def test_whose_packets_are_being_handled_is_not_moved() -> None:
    """A jump host's: what it carries is for another connection, which needs room meanwhile."""
    memory = ReceiveMemory()
    outer, inner = Connection(memory, 0), Connection(memory, 1)
    outer.write(b"for the inner one")
    assert outer.buffer.block is not None
    outer.buffer.block.busy = True
    inner.write(outer.waiting[:10])
    assert outer.waiting == b"for the inner one"
    assert inner.waiting == b"for the in"
    outer.buffer.block.busy = False
    assert len(memory.blocks) == 2
    for _ in range(3):
        outer.write(b"x")
        inner.write(b"y")
    assert len(memory.blocks) == 2


def test_room_is_for_one_at_a_time() -> None:
    memory = ReceiveMemory()
    one, other = Connection(memory, 0), Connection(memory, 1)
    one.buffer.room()
    other.buffer.room()
    with pytest.raises(RuntimeError, match="another connection was given room"):
        one.buffer.written(1)


def test_alone_it_has_its_own() -> None:
    buffers = [ReceiveBuffer(), ReceiveBuffer()]
    rooms = [buffer.room() for buffer in buffers]
    for buffer, room in zip(buffers, rooms, strict=True):
        assert len(room) == BLOCK_SIZE
        buffer.written(1)
