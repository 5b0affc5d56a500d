"""Text from and to streams of bytes: wherever the bytes are cut, the text is the same."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.channels.interfaces import Writer
from jupyter_ssh.ssh.channels.streams import ByteReader
from jupyter_ssh.ssh.channels.text_streams import TextReader, TextWriter
from jupyter_ssh.ssh.errors import DeadlineExceeded, WireError

TEXTS = st.text(st.sampled_from("aä€😀\n\r\0"), max_size=40)
WAYS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 9)),
        st.tuples(st.just("readexactly"), st.integers(0, 9)),
        st.tuples(st.just("readuntil"), st.sampled_from(["\n", "ä€", "\0"])),
        st.tuples(st.just("readline"), st.none()),
    ),
    max_size=10,
)


class Kept(Writer):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview | str) -> None:
        assert not isinstance(data, str)
        self.data += bytes(data)

    async def drain(self, *, timeout: float | None = None) -> None:
        """All of it is here."""

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended


def reader(*pieces: bytes, encoding: str = "utf-8", errors: str = "strict", eof: bool = True) -> TextReader:
    stream = ByteReader(lambda count: None)
    for piece in pieces:
        stream.feed(piece)
    if eof:
        stream.feed_eof()
    return TextReader(stream, encoding, errors)


@given(TEXTS, st.lists(st.integers(0, 160), max_size=8), WAYS, st.sampled_from(["utf-8", "utf-16", "shift_jisx0213"]))
def test_however_it_is_cut_and_read_the_text_is_the_same(
    text: str, cuts: list[int], ways: list[tuple[str, int | str | None]], encoding: str
) -> None:
    if encoding.startswith("shift"):
        text = text.replace("€", "語").replace("ä", "ー").replace("😀", "ア")
    data = text.encode(encoding)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(bounds)]

    async def run() -> None:
        stream = ByteReader(lambda count: None)
        texts = TextReader(stream, encoding)

        async def feed() -> None:
            for piece in pieces:
                stream.feed(piece)
                await asyncio.sleep(0)
            stream.feed_eof()

        feeding = asyncio.create_task(feed())
        got = ""
        for name, argument in ways:
            try:
                got += await getattr(texts, name)(*([] if argument is None else [argument]))
            except asyncio.IncompleteReadError as error:
                got += error.partial  # type: ignore[operator]  # text, here
        got += await texts.read()
        await feeding
        assert got == text
        assert texts.at_eof()

    asyncio.run(run())


async def test_each_way_to_read_gives_what_it_says() -> None:
    texts = reader("one\ntw€o\nthree".encode())
    assert await texts.readline() == "one\n"
    assert await texts.readuntil("€") == "tw€"
    assert await texts.readexactly(2) == "o\n"
    assert [line async for line in texts] == ["three"]
    assert await texts.read() == ""


async def test_what_is_no_text_is_treated_as_was_asked_for() -> None:
    with pytest.raises(UnicodeDecodeError):
        await reader(b"a\xff").read()
    with pytest.raises(UnicodeDecodeError):
        await reader(b"a\xc3").read()  # cut off at the end
    assert await reader(b"a\xff\xc3", errors="backslashreplace").read() == "a\\xff\\xc3"


async def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(WireError, match="within 1000 characters"):
        await reader(b"x" * 2000, eof=False).readuntil("\n", 1000)


async def test_what_came_before_a_deadline_stays_to_be_read() -> None:
    texts = reader("half a line ä".encode()[:-1], eof=False)
    with pytest.raises(DeadlineExceeded):
        await texts.readline(timeout=0.01)
    assert texts.peek() == "half a line ä".encode()[:-1]
    assert not texts.at_eof()
    assert await texts.read(11) == "half a line"


async def test_the_stream_below_can_be_taken_without_losing_anything() -> None:
    texts = reader("one\ntwo ä".encode()[:-1], b"\xa4 three")
    assert await texts.readline() == "one\n"
    first, below = texts.detach()
    assert first + await below.read() == "two ä three".encode()


def test_text_is_written_in_its_encoding_and_bytes_are_refused() -> None:
    kept = Kept()
    writer = TextWriter(kept, "utf-16")
    writer.write("a")
    writer.write("ä")
    assert kept.data.decode("utf-16") == "aä"  # one mark of the byte order, at the beginning
    with pytest.raises(TypeError, match="accepts text"):
        writer.write(b"a")
    writer.write_eof()
    assert writer.is_closing()
