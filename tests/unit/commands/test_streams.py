"""Standard streams: every kind of descriptor, and no waiting that holds up the loop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from jupyter_ssh.commands.streams import CHUNK, Sink, Source

DATA = os.urandom(3 * CHUNK + 17)


async def read_all(descriptor: int) -> bytes:
    source = Source(descriptor)
    pieces = []
    while data := await source.read():
        pieces.append(data)
    return b"".join(pieces)


async def test_a_file_is_read_and_written_in_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with path.open("r+b", buffering=0) as file:
        file.seek(6)
        sink = Sink(file.fileno())
        await sink.write(DATA)
        sink.close()
        file.seek(6)
        assert await read_all(file.fileno()) == DATA
    assert path.read_bytes() == b"before" + DATA


async def test_a_full_pipe_does_not_hold_up_the_loop() -> None:
    reading, writing = os.pipe()
    sink = Sink(writing)
    task = asyncio.ensure_future(sink.write(DATA))
    try:
        # The write waits for room, and the loop turns: only then can anything be read here.
        assert await asyncio.wait_for(_read(reading, len(DATA)), 30) == DATA
        await task
        assert os.get_blocking(writing)
        assert os.get_blocking(reading)
    finally:
        sink.close()
        os.close(writing)
        os.close(reading)


async def _read(descriptor: int, size: int) -> bytes:
    source = Source(descriptor)
    data = b""
    while len(data) < size:
        data += await source.read()
    return data


async def test_the_end_of_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"last")
    os.close(writing)
    try:
        assert await read_all(reading) == b"last"
    finally:
        os.close(reading)


async def test_a_pipe_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sink = Sink(writing)
    try:
        with pytest.raises(BrokenPipeError):
            await sink.write(b"x")
    finally:
        sink.close()
        os.close(writing)


async def test_the_null_device() -> None:
    descriptor = os.open(os.devnull, os.O_RDWR)
    sink = Sink(descriptor)
    try:
        await sink.write(DATA)
        assert await read_all(descriptor) == b""
    finally:
        sink.close()
        os.close(descriptor)
