"""RFC 4251 §5: each data type to bytes and back, its own examples, and bytes that are none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire import types as t
from jupyter_ssh.ssh.wire.types import MAX_MPINT, MAX_NAME_LIST, Reader

# RFC 4251 §5
MPINTS = {
    0: "00 00 00 00",
    0x9A378F9B2E332A7: "00 00 00 08 09 a3 78 f9 b2 e3 32 a7",
    0x80: "00 00 00 02 00 80",
    -0x1234: "00 00 00 02 ed cc",
    -0xDEADBEEF: "00 00 00 05 ff 21 52 41 11",
}
NAME_LISTS = {
    (): "00 00 00 00",
    ("zlib",): "00 00 00 04 7a 6c 69 62",
    ("zlib", "none"): "00 00 00 09 7a 6c 69 62 2c 6e 6f 6e 65",
}


@pytest.mark.parametrize("value", MPINTS)
def test_mpints_of_the_rfc(value: int) -> None:
    encoded = bytes.fromhex(MPINTS[value])
    assert t.mpint(value) == encoded
    assert Reader(encoded).mpint() == value


@pytest.mark.parametrize("value", NAME_LISTS)
def test_name_lists_of_the_rfc(value: tuple[str, ...]) -> None:
    encoded = bytes.fromhex(NAME_LISTS[value])
    assert t.name_list(value) == encoded
    assert Reader(encoded).name_list() == value


def test_others_of_the_rfc() -> None:
    assert t.uint32(699921578) == bytes.fromhex("29b7f4aa")
    assert t.string("testing") == bytes.fromhex("00000007") + b"testing"
    assert (t.boolean(False), t.boolean(True)) == (b"\0", b"\1")
    assert Reader(b"\0\1\2\xff").boolean() is False
    assert [Reader(bytes([byte])).boolean() for byte in (1, 2, 255)] == [True] * 3  # "all non-zero values are true"


@given(st.integers(-(1 << 2000), 1 << 2000))
def test_mpints_come_back(value: int) -> None:
    reader = Reader(t.mpint(value))
    assert reader.mpint() == value
    reader.finish()


@given(st.integers(-(1 << 2000), 1 << 2000))
def test_mpints_have_one_form(value: int) -> None:
    """Of all numbers of bytes that could hold the value, the smallest is used, and no other is read."""
    body = t.mpint(value)[4:]
    for extra in (1, 5):
        longer = value.to_bytes(len(body) + extra, "big", signed=True)
        with pytest.raises(WireError):
            Reader(t.string(longer)).mpint()
    if body:
        with pytest.raises(OverflowError):
            value.to_bytes(len(body) - 1, "big", signed=True)


@given(st.binary(max_size=64))
def test_unsigned_bytes_as_mpint(magnitude: bytes) -> None:
    assert t.mpint_from_bytes(magnitude) == t.mpint(int.from_bytes(magnitude, "big"))


@given(st.binary(max_size=300), st.integers(0, 0xFFFFFFFF), st.integers(0, 2**64 - 1), st.booleans(), st.text())
def test_values_come_back_in_their_order(data: bytes, small: int, large: int, truth: bool, text: str) -> None:
    encoded = t.string(data) + t.uint32(small) + t.uint64(large) + t.boolean(truth) + t.string(text) + b"rest"
    for view in (encoded, bytearray(encoded), memoryview(encoded)):
        reader = Reader(view)
        assert (reader.string(), reader.uint32(), reader.uint64(), reader.boolean(), reader.text()) == (
            data,
            small,
            large,
            truth,
            text,
        )
        assert reader.remaining == 4
        assert reader.rest() == b"rest"
        reader.finish()


@given(st.binary(max_size=100))
def test_text_that_is_no_utf8_survives(data: bytes) -> None:
    assert t.string(Reader(t.string(data)).text()) == t.string(data)


NAMES = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1), max_size=20
)


@given(NAMES)
def test_name_lists_come_back(names: list[str]) -> None:
    assert Reader(t.name_list(names)).name_list() == tuple(names)


@pytest.mark.parametrize(
    "data", [b",", b"a,", b",a", b"a,,b", b"a b", b"a\0", b"\x7f", b"a\n", b"\x80\x7f", "ä,".encode(), b" "]
)
def test_name_lists_that_are_none(data: bytes) -> None:
    with pytest.raises(WireError):
        Reader(t.string(data)).name_list()


@given(st.lists(st.binary(min_size=1).filter(lambda name: all(33 <= byte != 127 and byte != 44 for byte in name))))
def test_names_of_other_bytes_are_names_of_nothing(names: list[bytes]) -> None:
    """They can be shown, and none of them looks like a name of ours."""
    read = Reader(t.string(b",".join(names))).name_list()
    assert len(read) == len(names)
    for name, text in zip(names, read, strict=True):
        assert text.isascii()
        assert text.isprintable()
        assert (text == name.decode("latin-1")) is name.isascii()
        assert name.isascii() or "\\x" in text


def test_what_is_too_long() -> None:
    assert len(Reader(t.string("a" * MAX_NAME_LIST)).name_list()[0]) == MAX_NAME_LIST
    with pytest.raises(WireError):
        Reader(t.string("a" * (MAX_NAME_LIST + 1))).name_list()
    assert Reader(t.string(b"\1" * MAX_MPINT)).mpint() > 0
    with pytest.raises(WireError):
        Reader(t.string(b"\1" * (MAX_MPINT + 1))).mpint()
    assert Reader(t.string(b"abc")).string(limit=3) == b"abc"
    with pytest.raises(WireError):
        Reader(t.string(b"abcd")).string(limit=3)


READERS = [
    Reader.byte,
    Reader.boolean,
    Reader.uint32,
    Reader.uint64,
    Reader.string,
    Reader.text,
    Reader.mpint,
    Reader.name_list,
    lambda reader: reader.raw(3),
]


@pytest.mark.parametrize("read", READERS)
@given(st.binary(max_size=40), st.integers(0, 45), st.integers(0, 45))
def test_a_reader_never_reads_beyond_its_end(read: object, data: bytes, first: int, last: int) -> None:
    start, end = sorted((min(first, len(data)), min(last, len(data))))
    reader = Reader(data, start, end)
    with contextlib.suppress(WireError):
        read(reader)
    assert 0 <= reader.remaining <= end - start


def test_errors_say_what_was_there() -> None:
    with pytest.raises(WireError) as caught:
        Reader(b"\0\0\0\5ab").string()
    assert (caught.value.expected, caught.value.received) == ("5 more bytes", "2")
    with pytest.raises(WireError) as caught:
        Reader(b"abc").finish()
    assert caught.value.received == "3 bytes too many"
    with pytest.raises(WireError):
        Reader(b"abc").raw(-1)


def test_name_lists_of_many_peers_are_kept_once() -> None:
    short, long = ",".join(f"name{i}" for i in range(20)), ",".join(f"name{i}" for i in range(1000))
    assert Reader(t.name_list([short])).name_list() is Reader(t.name_list([short])).name_list()
    assert Reader(t.name_list([long])).name_list() is not Reader(t.name_list([long])).name_list()
    assert Reader(t.name_list([long])).name_list() == tuple(long.split(","))
