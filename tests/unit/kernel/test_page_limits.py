"""What output may ask of a page, and what passes unchanged."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from random import Random

import pytest

from jupyter_ssh.kernel.cells.page_limits import (
    MOST_COPIED,
    MOST_MARKS,
    MOST_PARAMETERS,
    MOST_WIDTH,
    PageLimits,
    limits_of_cell,
)

MEGABYTE = 1024 * 1024
PIECE = 64 * 1024


def limited(text: str, size: int = PIECE) -> str:
    """What passes of ``text``, given in pieces of ``size``."""
    limits = PageLimits()
    shown = "".join(limits.limit(text[start : start + size]) for start in range(0, len(text), size))
    return shown + limits.rest()


class Page:
    """What JupyterLab makes of a stream: each newline, return and backspace as its ``processText`` takes them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.column = 0
        self.copied = 0
        """How many characters it had when it took a return or a backspace, of all of them together."""
        self._finished = 0

    def show(self, pieces: Iterable[str]) -> str:
        for piece in pieces:
            for part in re.split("([\n\r\b])", piece):
                self._take(part)
        return "\n".join([*self.lines, "".join(self.line)])

    def _take(self, part: str) -> None:
        if part == "\n":
            self.lines.append("".join(self.line))
            self._finished += len(self.line) + 1
            self.line, self.column = [], 0
        elif part in ("\r", "\b"):
            self.copied += self._finished + len(self.line)
            self.column = 0 if part == "\r" else max(self.column - 1, 0)
            if part == "\b" and self.column < len(self.line) and not self._at_start:
                del self.line[self.column]
        else:
            self.line[self.column : self.column + len(part)] = part
            self.column += len(part)
        self._at_start = self.column == 0

    _at_start = True


def longest_sequence(shown: str) -> int:
    return max(map(len, re.findall(r"\x1b\[([0-9;]*)", shown)), default=0)


RUN = "1;" * (MEGABYTE // 2)
SEQUENCES = {
    "one": "\x1b[" + RUN + "mx",
    "two": f"\x1b[{RUN}mx\x1b[{RUN}mx",
    "digits": "\x1b[" + "1" * MEGABYTE + "mx",
    "an ESC written over what stood before": f"X[{RUN}m\r\x1b",
    "an ESC written over it, the run behind it in pieces": "".join(f"X[{RUN[:PIECE]}\r" for _ in range(20)) + "\x1b",
    "what stood between erased": f"\x1b[X\b{RUN}m",
    "what stood between erased one by one": "\x1b[" + "1;X\b" * (MEGABYTE // 4) + "m",
    "what stood between overwritten": f"\x1b[{RUN[:MOST_PARAMETERS]}X{RUN}m\r\x1b[{RUN[:MOST_PARAMETERS]}1",
    "erased up to the beginning of a line and beyond": "\b" * MEGABYTE + f"\x1b[X\b{RUN}m",
    "an ESC erased after the run": f"\x1b[x\x1b\b\b{RUN}m",
    "a short line first": f"\x1b[X\b\r\x1b[{RUN}m",
    "a return with a newline to come": f"X[{RUN}m\r",
    "many returns first": "x" * 100_000 + "\n" + "x\r" * 100_000 + f"X[{RUN}m\r\x1b\n\x1b[X\b{RUN}m",
}


@pytest.mark.parametrize("size", [PIECE, 1000])
@pytest.mark.parametrize("name", SEQUENCES)
def test_no_long_sequence_is_shown_nor_made_on_the_page(name, size):
    shown = limited(SEQUENCES[name], size)
    assert longest_sequence(shown) <= MOST_PARAMETERS
    page = Page()
    assert longest_sequence(page.show([shown])) <= MOST_WIDTH
    assert page.copied <= MOST_COPIED


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_sequence_in_small_pieces_is_as_short(size):
    text = "\x1b[" + "1;" * 3000 + "mx\x1b[1m"
    assert limited(text, size) == limited(text) == "\x1b[" + "1;" * (MOST_PARAMETERS // 2) + "mx\x1b[1m"


def test_no_mixture_of_a_few_characters_gets_around_it():
    random = Random(1)
    parts = ["\x1b", "\x1b[", "[", "\r", "\b", "\n", "X", "\r\n", "m", "1;" * 500, "1;" * 9000, "\b" * 50, "\r\r"]
    for _ in range(100):
        text = "".join(random.choices(parts, k=60))
        size = random.choice([100, 5000, PIECE])
        limits = PageLimits()
        pieces = [limits.limit(text[start : start + size]) for start in range(0, len(text), size)]
        assert longest_sequence(Page().show([*pieces, limits.rest()])) <= MOST_WIDTH


OVERWRITING = {
    "returns": "x" * 500_000 + "\n" + "x\r" * 250_000,
    "backspaces": "x" * 500_000 + "\n" + "x\b" * 250_000,
    "lines that end with a return and a newline": "x" * 500_000 + "\n" + "x\r\n" * 160_000,
    "returns in lines of their own": "x" * 500_000 + "\n" + "x\ry\n" * 125_000,
    "wide lines": ("x" * 8000 + "\r" * 8000 + "\n") * 64,
    "only returns": "x" * 10_000 + "\n" + "\r" * 300_000,
    "only backspaces": "x" * 500_000 + "\b" * 500_000,
}


@pytest.mark.parametrize("name", OVERWRITING)
def test_a_page_copies_no_more_than_it_can(name):
    page = Page()
    page.show([limited(OVERWRITING[name])])
    assert page.copied <= MOST_COPIED


def test_beyond_the_limits_lines_look_as_before_and_progress_shows_its_last_state():
    page, plain = Page(), Page()
    text = "".join(f"line {number}\r\n" for number in range(40_000))
    shown = limited(text)
    assert shown.count("\r") < 40_000
    assert page.show([shown]) == plain.show([text])
    manual = "".join(f"{letter}\b{letter}" for letter in "overstruck") + " plain\n"
    assert limited(text + manual).endswith("overstruck plain\n")
    limits = PageLimits()
    limits.limit(text)
    assert limits.limit("10%\r20%\r30%") == "\n30%"
    assert limits.limit("\r40%\r") + limits.limit("\nnext") == "\n40%\nnext"


MARKS = {"accents": "\u0301", "joiners": "\u200d", "signs of vowels": "\u0eb1", "both": "\u0301\u034f\u200d"}


@pytest.mark.parametrize("size", [1, 7, 1000, MEGABYTE])
@pytest.mark.parametrize("name", MARKS)
def test_marks_in_a_row_are_limited_however_they_are_split(name, size):
    marks = MARKS[name] * (5000 // len(MARKS[name]))
    assert limited(f"a{marks}b\u0301c", size) == f"a{marks[:MOST_MARKS]}b\u0301c"


RANDOM = Random(0).randbytes(100_000)
USUAL = {
    "lines": "plain lines\n" * 5000,
    "lines of Windows": "plain lines\r\n" * 2000,
    "colours": "\x1b[1;38;2;1;2;3;48;5;17mcolour\x1b[0m \x1b[38:2::1:2:3mthis way\x1b[m\n" * 1000,
    "coloured names": "\x1b[0m\x1b[01;34mfolder\x1b[0m  \x1b[01;32mprogram\x1b[0m  file\n" * 3000,
    "tqdm": "".join(f"\r{n / 200:3.0f}%|{'█' * (n // 1000)} | {n}/20000 [00:04<00:05]" for n in range(5_000)) + "\n",
    "curl": "".join(f"\r{n:4} 100M   45 45.0M    0     0  9.9M      0  0:00:10" for n in range(5_000)) + "\r\n",
    "a progress that ends with a return": "".join(f"{n} of 20000\r" for n in range(5_000)),
    "a spinner": "|\b/\b-\b\\\b" * 5000,
    "a manual": "N\bNA\bAM\bME\bE\n  _\bt_\bh_\bi_\bs text\n" * 500,
    "a line of 10 MB": "x" * 10_000_000,
    "a wide line of Windows": "x" * 100_000 + "\r\n" + "x" * 100_000 + "\r\n",
    "numbers": "1;" * 100_000 + "\n",
    "links": "\x1b]8;;http://host/\x1b\\link\x1b]8;;\x1b\\\n" * 1000,
    "other alphabets": "e\u0301 \u0e01\u0e33 \U0001f468\u200d\U0001f469\ufe0f क्षत्रिय שָׁלוֹם 漢字\n" * 1000,
    "frames": ("┌" + "─" * 200 + "┐\n") * 100,
    "bytes": RANDOM.decode("utf-8", "backslashreplace"),
    "bytes of Latin 1": RANDOM[:20_000].decode("latin-1").replace("\r", "").replace("\b", ""),
}


@pytest.mark.parametrize("size", [PIECE, 4001, 13])
@pytest.mark.parametrize("name", USUAL)
def test_usual_output_passes_unchanged(name, size):
    text = USUAL[name][: 10_000_000 if size == PIECE else 100_000]
    assert limited(text, size) == text


class Stream:
    def __init__(self, cell: str) -> None:
        self.parent_header = {"msg_id": cell}


def test_the_commands_of_a_cell_have_limits_together_and_each_stream_its_own():
    first = limits_of_cell(Stream("1"), "stdout")
    assert first is limits_of_cell(Stream("1"), "stdout")
    assert first is not limits_of_cell(Stream("1"), "stderr")
    assert first is not limits_of_cell(Stream("2"), "stdout")
    assert limits_of_cell(sys.__stdout__, "stdout") is None
    for number in range(1000):
        limits_of_cell(Stream(f"other {number}"), "stdout")
    assert limits_of_cell(Stream("1"), "stdout") is not first, "they are forgotten"
