"""The ring: against a plain list of all bytes; the sizes: against a list of all changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.kernel.terminals.limits import RING, SIZES
from jupyter_ssh.kernel.terminals.ring import Ring, Sizes


@given(st.integers(1, 200), st.lists(st.binary(max_size=90), max_size=30), st.data())
def test_the_newest_bytes_are_kept(capacity: int, pieces: list[bytes], data: st.DataObject) -> None:
    ring = Ring(capacity)
    written = b""
    for piece in pieces:
        ring.append(piece)
        written += piece
        assert ring.end == len(written)
        assert ring.start == max(0, len(written) - capacity)
        offset = data.draw(st.integers(ring.start, ring.end))
        size = data.draw(st.integers(0, 2 * capacity))
        assert ring.read(offset, size) == written[offset : offset + size]
    assert ring.read(ring.start, capacity) == written[-capacity:]


def test_memory_grows_with_what_is_written_up_to_the_capacity() -> None:
    ring = Ring()
    assert ring.allocated < 100_000
    for _ in range(3):
        ring.append(bytes(RING))
        assert ring.allocated == RING
    ring.append(bytes(3 * RING))
    assert ring.allocated == RING


def test_what_was_dropped_or_is_to_come_cannot_be_read() -> None:
    ring = Ring(10)
    ring.append(b"0123456789abc")
    for offset in (2, 14):
        with pytest.raises(IndexError):
            ring.read(offset, 1)


def test_starts_of_lines() -> None:
    ring = Ring(100)
    ring.append(b"one\ntwo\nthree\nfour")
    assert ring.line_start(1, 100) == 4
    assert ring.line_start(15, 100) == 15
    assert [ring.last_lines(count, 100) for count in (0, 1, 2, 9)] == [14, 8, 4, 0]
    assert ring.last_lines(9, 7) == 14
    empty = Ring(10)
    assert empty.last_lines(3, 10) == 0


changes = st.lists(st.tuples(st.integers(0, 50), st.integers(2, 9), st.integers(2, 9)), max_size=30)


@given(changes, st.integers(0, 900))
def test_the_size_in_force_comes_first(steps: list[tuple[int, int, int]], oldest: int) -> None:
    sizes = Sizes(24, 80)
    history = {0: (24, 80)}
    offset = 0
    for step, rows, cols in steps:
        offset += step
        sizes.change(offset, rows, cols, min(oldest, offset))
        history[offset] = (rows, cols)
    assert sizes.current == history[offset]
    for asked in {min(oldest, offset), offset}:
        first, *rest = sizes.since(asked)
        at = max(at for at in history if at <= asked)
        assert first == [at, *history[at]]
        assert rest == [[at, *size] for at, size in sorted(history.items()) if at > asked]


def test_sizes_are_bounded() -> None:
    sizes = Sizes(24, 80)
    for offset in range(5 * SIZES):
        sizes.change(offset, 24, 80 + offset % 2, 0)
    assert len(sizes.since(0)) <= SIZES
