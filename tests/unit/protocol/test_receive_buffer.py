"""The receive buffer against a plain list of bytes: nothing is lost, and there is always room."""

from __future__ import annotations

import hashlib
import random

import pytest

from jupyter_ssh.ssh.protocol.packets.receive_buffer import INITIAL_SIZE, MAX_SIZE, MIN_ROOM, ReceiveBuffer

LARGEST_PACKET = 262_144 + 4 + 64


@pytest.mark.parametrize("seed", range(4))
def test_bytes_come_out_as_they_went_in(seed: int) -> None:
    chance = random.Random(seed)
    pattern = chance.randbytes(1 << 20)
    buffer = ReceiveBuffer()
    sent, received = hashlib.sha256(), hashlib.sha256()
    for _ in range(150):
        room = buffer.room()
        assert len(room) >= MIN_ROOM
        # Sometimes a trickle, sometimes all there is room for.
        count = min(len(room), chance.choice([1, 50, 5000, MIN_ROOM, len(room)]), len(pattern) // 2)
        start = chance.randrange(len(pattern) // 2)
        data = pattern[start : start + count]
        room[:count] = data
        buffer.written(count)
        sent.update(data)
        waiting = buffer.end - buffer.start
        # What is left is less than a packet, or it would have been taken.
        take = max(chance.choice([0, waiting // 3, waiting]), waiting - LARGEST_PACKET)
        received.update(buffer.view[buffer.start : buffer.start + take])
        buffer.start += take
        assert len(buffer.view) <= 2 * max(MAX_SIZE, INITIAL_SIZE)
    received.update(buffer.view[buffer.start : buffer.end])
    assert received.digest() == sent.digest()


def test_it_stays_small_for_small_reads() -> None:
    buffer = ReceiveBuffer()
    for _ in range(10_000):
        buffer.room()[:100] = bytes(100)
        buffer.written(100)
        buffer.start = buffer.end
    assert len(buffer.view) == INITIAL_SIZE


def test_it_grows_for_full_reads_and_not_without_end() -> None:
    buffer = ReceiveBuffer()
    for _ in range(20):
        buffer.written(len(buffer.room()))
        buffer.start = buffer.end
    assert len(buffer.view) == MAX_SIZE
