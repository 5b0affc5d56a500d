"""The frames' codec: what goes in comes out, however it is cut, and what is no frame is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.pages.frames import (
    CLOSE,
    CONTROL,
    DATA,
    Close,
    Data,
    Deframer,
    FrameError,
    decode_close,
    decode_control,
    decode_data,
    encode_control,
    encode_data,
    framed,
    framed_close,
    framed_data,
)
from jupyter_ssh.pages.limits import DATA_BYTES, LARGE_CONTROL_BYTES

frames = st.lists(st.tuples(st.sampled_from([CONTROL, DATA, CLOSE]), st.binary(max_size=300)), max_size=20)


@given(frames, st.data())
def test_frames_survive_any_cut(expected: list[tuple[int, bytes]], data: st.DataObject) -> None:
    wire = b"".join(framed(kind, body) for kind, body in expected)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    deframer = Deframer()
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += deframer.feed(wire[start:stop])
    assert found == expected
    assert not deframer.partial


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=100), st.integers(0, 100))
def test_data_is_the_same_in_pieces(stream: int, offset: int, payload: bytes, cut: int) -> None:
    assert decode_data(encode_data(stream, offset, payload)) == Data(stream, offset, payload)
    pieces = memoryview(payload)[:cut], memoryview(payload)[cut:]
    [(kind, body)] = Deframer().feed(framed_data(stream, offset, pieces, len(payload)))
    assert (kind, decode_data(body)) == (DATA, Data(stream, offset, payload))


@pytest.mark.parametrize("size", [0, DATA_BYTES + 1])
def test_data_of_an_impossible_size(size: int) -> None:
    with pytest.raises(FrameError, match="impossible size"):
        decode_data(encode_data(1, 0, bytes(size)))


def test_data_that_ends_in_its_head_or_has_no_stream() -> None:
    with pytest.raises(FrameError):
        decode_data(encode_data(1, 0, b"x")[:11])
    with pytest.raises(FrameError, match="no stream"):
        decode_data(encode_data(0, 0, b"x"))


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none()))
def test_control(members: dict[str, object]) -> None:
    message = {**members, "type": "x"}
    assert decode_control(encode_control(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'"hello"',
        b"null",
        b"{}",
        b'{"type": 1}',
        b"[" * 100_000,
        json.dumps({"type": "snapshot", "text": "x" * LARGE_CONTROL_BYTES}).encode(),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_control_frame(body: bytes) -> None:
    with pytest.raises(FrameError):
        decode_control(body)


def test_an_error_does_not_repeat_the_frame() -> None:
    with pytest.raises(FrameError) as caught:
        decode_control('{"type": "answer", "answer": "correct horse"')
    assert "horse" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "wire", [b"\0\0\0\0\x43", b"\xff\xff\xff\xff\x43", b"\0\0\0\1\x00", b"\x80\0\0\2\x44x"], ids=lambda wire: wire.hex()
)
def test_bytes_that_are_no_frame(wire: bytes) -> None:
    with pytest.raises(FrameError):
        Deframer().feed(wire)


def test_the_last_word() -> None:
    [(kind, body)] = Deframer().feed(framed_close(4409, "a reason " + "ä" * 200))
    assert kind == CLOSE
    close = decode_close(body)
    assert isinstance(close, Close)
    assert close.code == 4409
    assert close.reason.startswith("a reason ä")
    assert len(close.reason.encode()) <= 123
    with pytest.raises(FrameError):
        decode_close(b"\x11")
