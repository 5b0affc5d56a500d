"""Live output: what is shown, in which order, and what is said about the rest."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from jupyter_ssh.kernel.cells import output
from jupyter_ssh.kernel.cells.desk import CURRENT_DESK
from jupyter_ssh.kernel.cells.output import LiveOutput, Pace
from jupyter_ssh.kernel.engine import Engine


class Recorder(io.StringIO):
    """A stream that notes each write, in one list with the other stream."""

    encoding = "utf-8"

    def __init__(self, name: str, writes: list[tuple[str, str]]) -> None:
        super().__init__()
        self._name, self._writes = name, writes

    def write(self, text: str) -> int:
        self._writes.append((self._name, text))
        return len(text)


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.stop()


@contextmanager
def recorded() -> Iterator[list[tuple[str, str]]]:
    """What is written to either stream."""
    writes: list[tuple[str, str]] = []
    with redirect_stdout(Recorder("stdout", writes)), redirect_stderr(Recorder("stderr", writes)):
        yield writes


def show(engine: Engine, *pieces: tuple[str, bytes], apart: bool = False, **options: object) -> list[tuple[str, str]]:
    """Feed the pieces, each in a batch of its own if ``apart``; what was written when all is shown."""

    async def work() -> None:
        live = LiveOutput(CURRENT_DESK.get(), **options)
        for name, data in pieces:
            live.feed(name, data)
            await live.writable()
            if apart:
                await live._until_pending(0)  # a command writes on without waiting for what is shown
        await live.finish()

    with recorded() as writes:
        engine.call(work)
    return writes


def text(writes: list[tuple[str, str]], name: str) -> str:
    return "".join(piece for stream, piece in writes if stream == name)


def test_streams_are_shown_apart_and_in_order(engine):
    writes = show(engine, ("stdout", b"one\n"), ("stderr", b"two\n"), ("stdout", b"three\n"), ("stdout", b"four\n"))
    assert writes == [("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "three\nfour\n")]


def test_the_first_output_is_shown_while_the_command_runs(engine):
    async def work() -> list[tuple[str, str]]:
        live = LiveOutput(CURRENT_DESK.get())
        live.feed("stdout", b"first\n")
        await live._until_pending(0)  # a command writes on without waiting for what is shown
        seen = list(writes)
        await live.finish()
        return seen

    with recorded() as writes:
        assert engine.call(work) == [("stdout", "first\n")]


@pytest.mark.parametrize("apart", [False, True])
def test_a_character_split_over_packets_is_whole(engine, apart):
    data = "héllo \N{SNOWMAN} \N{GRINNING FACE}\n".encode()
    writes = show(engine, *(("stdout", bytes([byte])) for byte in data), apart=apart)
    assert text(writes, "stdout") == data.decode()


def test_bytes_that_are_no_utf8_are_shown_escaped(engine):
    writes = show(engine, ("stdout", b"caf\xe9 \xff\n"), ("stderr", b"cut \xe2\x82"))
    assert text(writes, "stdout") == "caf\\xe9 \\xff\n"
    assert text(writes, "stderr") == "cut \\xe2\\x82"


def test_colours_are_kept(engine):
    writes = show(engine, ("stdout", b"\x1b[31mred\x1b[0m\n"))
    assert text(writes, "stdout") == "\x1b[31mred\x1b[0m\n"


def test_a_stream_that_cannot_show_a_character_gets_it_escaped(engine):
    async def work() -> None:
        live = LiveOutput(CURRENT_DESK.get())
        live.feed("stdout", "\N{SNOWMAN}\n".encode())
        await live.finish()

    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with redirect_stdout(stream):
        engine.call(work)
    assert raw.getvalue() == b"\\u2603\n"


def test_a_closed_stream_loses_only_its_own_output(engine, caplog):
    writes: list[tuple[str, str]] = []
    closed = io.StringIO()
    closed.close()

    async def work() -> None:
        live = LiveOutput(CURRENT_DESK.get())
        for name, data in (("stdout", b"one\n"), ("stderr", b"two\n"), ("stdout", b"three\n"), ("stderr", b"four\n")):
            live.feed(name, data)
        await asyncio.wait_for(live.finish(), 60)

    with redirect_stdout(closed), redirect_stderr(Recorder("stderr", writes)):
        engine.call(work)
    assert text(writes, "stderr") == "two\nfour\n"
    assert [record.exc_info[0] for record in caplog.records] == [ValueError, ValueError]


def test_output_up_to_the_bound_is_shown_without_a_word(engine):
    writes = show(engine, ("stdout", b"12345\n"), limit=6)
    assert writes == [("stdout", "12345\n")]


def test_beyond_the_bound_it_is_said_once_and_the_end_is_shown(engine):
    lines = [b"line %d\n" % number for number in range(1000)]
    writes = show(engine, *(("stdout", line) for line in lines), limit=1000, kept="the result")
    shown = text(writes, "stdout")
    assert shown.startswith("line 0\nline 1\n")
    assert shown.endswith("line 998\nline 999\n")
    assert len(shown) <= 1000 + output.TAIL_BYTES
    notices = text(writes, "stderr")
    assert notices.count("is not shown") == 1
    assert "beyond 1000 B" in notices
    assert "the result" in notices
    hidden = sum(map(len, lines)) - 1000
    assert hidden > 0
    assert "of stdout not shown" in notices


def test_what_is_not_kept_is_said(engine):
    writes = show(engine, ("stdout", b"x" * 20), limit=10)
    assert "it is not kept" in text(writes, "stderr")


def test_the_default_bound_also_counts_lines(engine):
    writes = show(engine, ("stdout", b"y\n" * (output.SHOWN_LINES + 100)))
    assert text(writes, "stdout") == "y\n" * (output.SHOWN_LINES + output.TAIL_LINES)
    assert f"{output.SHOWN_LINES:,} lines" in text(writes, "stderr")
    assert "100 lines" in text(writes, "stderr")


def test_without_a_bound_everything_is_shown(engine):
    data = b"0123456789abcde\n" * 200_000
    size = 100_000
    writes = show(engine, *(("stdout", data[start : start + size]) for start in range(0, len(data), size)), limit=0)
    assert text(writes, "stdout") == data.decode()
    assert max(len(piece) for _, piece in writes) <= output.MESSAGE_BYTES


def test_a_flood_of_small_pieces_is_few_messages(engine):
    writes = show(engine, *((("stdout", "stderr")[number % 2], b"%d\n" % number) for number in range(5000)))
    numbers = [f"{number}\n" for number in range(5000)]
    assert text(writes, "stdout") == "".join(numbers[::2])
    assert text(writes, "stderr") == "".join(numbers[1::2])
    assert len(writes) <= 100


def test_the_pace_holds_back_and_loses_nothing(engine):
    pace = Pace(rate=10_000_000, burst=1000)
    data = b"0123456789abcde\n" * 20_000
    writes = show(engine, ("stdout", data), limit=0, pace=pace)
    assert text(writes, "stdout") == data.decode()
    assert len(writes) == -(-len(data) // output.MESSAGE_BYTES)


def test_the_pace_counts_bytes_and_messages():
    pace = Pace(rate=1e-6, burst=100, messages=2)
    assert pace.delay() == 0
    pace.spend(101)
    assert pace.delay() > 0
    pace = Pace(rate=1e9, burst=1e9, messages=1e-6)
    pace.spend(1)
    assert pace.delay() > 0


def test_an_interrupt_while_writing_ends_the_call(engine):
    class Interrupted(io.StringIO):
        def write(self, text: str) -> int:
            raise KeyboardInterrupt

    async def work() -> None:
        live = LiveOutput(CURRENT_DESK.get())
        live.feed("stdout", b"x")
        await live.finish()

    with redirect_stdout(Interrupted()), pytest.raises(KeyboardInterrupt):
        engine.call(work)


def test_a_cell_that_is_gone_does_not_hold_up_the_engine(engine):
    lives: list[LiveOutput] = []

    async def first() -> None:
        lives.append(LiveOutput(CURRENT_DESK.get()))

    async def later() -> None:
        lives[0].feed("stdout", b"nobody sees this")
        await asyncio.wait_for(lives[0].finish(), 30)

    engine.call(first)
    engine.call(later)


def test_output_to_a_page_is_limited_in_what_it_asks_of_it_and_that_to_a_terminal_is_not(engine):
    data = b"\x1b[" + b"1;" * 1000 + b"mx\n10%\r"
    assert text(show(engine, ("stdout", data)), "stdout") == data.decode()
    shown = show(engine, *(("stdout", data[start : start + 500]) for start in range(0, len(data), 500)), pace=Pace())
    assert text(shown, "stdout") == "\x1b[" + "1;" * 512 + "mx\n10%\r"


def test_the_default_bound_also_counts_control_sequences(engine):
    line = b"\x1b[31mred\x1b[0m\n"
    count = output.SHOWN_SEQUENCES // 2
    data = b"\x1b[1m" + line * (count - 1) + b"last \x1b[0mline\n" + line * 1000
    shown = text(show(engine, *(("stdout", data[start : start + 700]) for start in range(0, len(data), 700))), "stdout")
    whole = b"\x1b[1m" + line * (count - 1) + b"last \x1b[0mline\n"
    assert shown == whole.decode() + (line * output.TAIL_LINES).decode()
    assert text(show(engine, ("stdout", data), limit=0), "stdout") == data.decode()
