"""`ByteReader` against a model: whatever is fed and however it is read, the bytes and the credit come out the same."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.channels.streams import ByteReader
from jupyter_ssh.ssh.errors import ChannelClosed, ConnectionLost

CHUNKS = st.lists(st.binary(max_size=12), max_size=8)
WAYS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 20)),
        st.tuples(st.just("readexactly"), st.integers(0, 20)),
        st.tuples(st.just("readuntil"), st.sampled_from([b"\0", b"\0\0", b"\n"])),
    ),
    max_size=12,
)


async def _all_read(chunks: list[bytes], ways: list[tuple[str, int | bytes]]) -> tuple[list[bytes], list[bytes], int]:
    """(what each read gave, what it should have given, bytes credited); the rest is read at the end."""
    credits: list[int] = []
    reader = ByteReader(credits.append)

    async def feed() -> None:
        for chunk in chunks:
            reader.feed(chunk)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    left = b"".join(chunks)
    got, expected = [], []
    for way, argument in [*ways, ("read", -1)]:
        try:
            data = await getattr(reader, way)(argument)
        except asyncio.IncompleteReadError as error:
            data = error.partial
        size = len(left)
        if way == "readuntil":
            found = left.find(argument)
            size = found + len(argument) if found >= 0 else len(left)
        elif way == "readexactly":
            size = min(argument, len(left))
        elif argument > 0:
            size = len(data)  # as much as had come, which the model does not know
            assert 0 < size <= argument or not left
        got.append(data)
        expected.append(left[:size])
        left = left[size:]
    assert left == b""
    await feeding
    return got, expected, sum(credits)


@given(CHUNKS, WAYS)
def test_every_way_to_read_gives_the_bytes_in_order_and_credits_each_once(
    chunks: list[bytes], ways: list[tuple[str, int | bytes]]
) -> None:
    got, expected, credited = asyncio.run(_all_read(chunks, ways))
    assert got == expected
    assert credited == sum(map(len, chunks))


async def test_what_was_collected_before_a_cancellation_is_still_there() -> None:
    reader = ByteReader(lambda count: None)
    reader.feed(b"one ")
    collecting = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    assert reader.collecting
    reader.feed(b"two ")
    collecting.cancel()
    await asyncio.wait([collecting])
    assert not reader.collecting
    reader.feed(b"three")
    reader.feed_eof()
    assert await reader.read() == b"one two three"
    assert reader.at_eof()


async def test_the_error_comes_after_all_that_arrived_before_it() -> None:
    reader = ByteReader(lambda count: None)
    reader.feed(b"last words")
    reader.feed_eof(ConnectionLost("gone"))
    assert await reader.read(100) == b"last words"
    with pytest.raises(ConnectionLost):
        await reader.read()
    with pytest.raises(ConnectionLost):
        await reader.readuntil(b"\n")


@pytest.mark.parametrize("first", ["read", "readline"])
async def test_a_second_task_is_refused_and_the_first_goes_on(first: str) -> None:
    reader = ByteReader(lambda count: None)
    reading = asyncio.create_task(getattr(reader, first)())
    await asyncio.sleep(0)
    for second in (reader.read(), reader.read(1), reader.readline()):
        with pytest.raises(ChannelClosed):
            await second
    reader.feed(b"for the first\n")
    reader.feed_eof()
    assert await reading == b"for the first\n"


@pytest.mark.parametrize("ended", [False, True], ids=["open", "ended"])
async def test_what_one_task_reads_to_the_end_is_not_given_to_another(ended: bool) -> None:
    reader = ByteReader(lambda count: None)
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    reader.feed(b"for the first")
    if ended:
        reader.feed_eof()
    for second in (reader.read(), reader.read(1), reader.readexactly(1), reader.readexactly(99), reader.readline()):
        with pytest.raises(ChannelClosed, match="another task"):
            await second
    reader.feed_eof()
    assert await reading == b"for the first"


async def test_a_line_is_found_without_looking_at_the_rest_again() -> None:
    """Many short lines in one large piece: the bytes that are not asked for are not moved."""
    reader = ByteReader(lambda count: None)
    line = b"x" * 63 + b"\n"
    reader.feed(line * 2)
    reader.feed(line * 30_000)
    reader.feed_eof()
    longest = 0
    async for text in reader:
        assert text == line
        # Whether bytes are moved shows in no result, only in the time that it takes.
        longest = max(longest, max(map(len, reader._chunks), default=0))
    assert longest == len(line) * 30_000  # a rest that was cut off would be a shorter piece, once for each line
