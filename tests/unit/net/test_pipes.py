"""`PipeTransport`: bytes both ways, pressure, and each way in which the other side may go."""

from __future__ import annotations

import asyncio
import os

import pytest

from jupyter_ssh.ssh.net.pipes import PipeTransport, open_pipe

SECONDS = 30


class Recorder(asyncio.BufferedProtocol):
    """Keeps what it receives, and what happens to it."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.happened: list[str] = []
        self.changed = asyncio.Event()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._buffer = memoryview(bytearray(1000))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self._buffer[:nbytes]
        self.changed.set()

    def _happen(self, what: str) -> None:
        self.happened.append(what)
        self.changed.set()

    def eof_received(self) -> None:
        self._happen("eof")

    def pause_writing(self) -> None:
        self._happen("pause")

    def resume_writing(self) -> None:
        self._happen("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self._happen("lost")
        self.lost.set_result(exc)

    async def until(self, what: str) -> None:
        while what not in self.happened:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), SECONDS)


class Pair:
    """A transport with its protocol, and the other side's two ends."""

    def __init__(self) -> None:
        reading, self.writes = open_pipe()
        self.reads, writing = open_pipe()
        self.ours = (reading, writing)
        self.protocol = Recorder()
        self.transport = PipeTransport(reading, writing, self.protocol)

    async def lost(self) -> Exception | None:
        error = await asyncio.wait_for(asyncio.shield(self.protocol.lost), SECONDS)
        await asyncio.sleep(0)
        for end in self.ours:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(end)
        return error


def drained(end: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        data += os.read(end, count - len(data))
    return bytes(data)


async def test_bytes_both_ways_and_an_orderly_end() -> None:
    pair = Pair()
    os.write(pair.writes, b"x" * 2500)
    os.close(pair.writes)
    await pair.protocol.until("eof")
    assert pair.protocol.received == b"x" * 2500
    assert await pair.lost() is None
    assert pair.protocol.happened == ["eof", "lost"]
    assert os.read(pair.reads, 10) == b""
    os.close(pair.reads)


async def test_what_the_pipe_does_not_take_yet_is_kept() -> None:
    pair = Pair()
    data = bytes(range(256)) * 8000
    pair.transport.writelines([b"first", data[:1_000_000]])
    pair.transport.write(data[1_000_000:])
    pair.transport.close()  # only once everything is written
    pair.transport.write(b"too late")
    assert pair.protocol.happened == ["pause"]
    assert pair.transport.get_write_buffer_size() > 0
    assert await asyncio.to_thread(drained, pair.reads, len(data) + 5) == b"first" + data
    assert await pair.lost() is None
    assert os.read(pair.reads, 10) == b""
    os.close(pair.reads)
    os.close(pair.writes)


async def test_writing_is_resumed() -> None:
    pair = Pair()
    pair.transport.write(bytes(2_000_000))
    await asyncio.to_thread(drained, pair.reads, 2_000_000)
    await pair.protocol.until("resume")
    pair.transport.write(b"more")
    assert os.read(pair.reads, 10) == b"more"
    pair.transport.abort()
    assert await pair.lost() is None
    os.close(pair.reads)
    os.close(pair.writes)


async def test_a_protocol_that_receives_no_more_for_a_while() -> None:
    pair = Pair()
    pair.transport.pause_reading()
    pair.transport.pause_reading()
    os.write(pair.writes, b"later")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not pair.transport.is_reading()
    assert pair.protocol.received == b""
    pair.transport.resume_reading()
    os.close(pair.writes)
    await pair.protocol.until("eof")
    assert pair.protocol.received == b"later"
    assert await pair.lost() is None
    os.close(pair.reads)


@pytest.mark.parametrize("size", [10, 2_000_000])
async def test_the_last_words_of_a_side_that_stops_reading(size: int) -> None:
    pair = Pair()
    if size > 10:
        pair.transport.write(bytes(size))
    os.write(pair.writes, b"no more, please")
    os.close(pair.reads)
    pair.transport.write(bytes(size))
    pair.transport.write(bytes(size))
    error = await pair.lost()
    assert isinstance(error, BrokenPipeError)
    assert pair.protocol.received == b"no more, please"
    os.close(pair.writes)


async def test_a_side_that_stops_reading_and_says_no_end_of_words() -> None:
    """What is still read of it is bounded."""
    pair = Pair()
    os.write(pair.writes, bytes(60_000))
    os.close(pair.reads)
    pair.transport.write(b"x")
    assert isinstance(await pair.lost(), BrokenPipeError)
    assert len(pair.protocol.received) < 60_000
    os.close(pair.writes)


async def test_an_end_is_told_once() -> None:
    pair = Pair()
    os.close(pair.writes)
    pair.protocol.eof_received = lambda: pair.protocol._happen("eof") or True  # type: ignore[assignment,func-returns-value]
    await pair.protocol.until("eof")
    pair.transport.resume_reading()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pair.protocol.happened.count("eof") == 1
    assert not pair.transport.is_reading()
    pair.transport.abort()
    await pair.lost()
    os.close(pair.reads)


async def test_the_last_words_are_received_although_reading_is_paused() -> None:
    pair = Pair()
    pair.transport.pause_reading()
    os.write(pair.writes, b"the reason")
    os.close(pair.reads)
    pair.transport.write(b"x")
    assert isinstance(await pair.lost(), BrokenPipeError)
    assert pair.protocol.received == b"the reason"
    os.close(pair.writes)
