"""Limits on output that a page would take minutes to draw.

JupyterLab works on control characters itself, below the cell and again when the saved notebook is opened:

* Each carriage return and backspace makes it copy all text that the output has so far.
* It takes the parameters of a colour sequence off an array one by one, in time that grows with their square.
* It does the former on raw characters before it looks for the latter, so that overwriting can make a sequence.

Browsers take as long for combining characters in a row.  What is within the limits passes unchanged.
"""

from __future__ import annotations

import re
import unicodedata

MOST_COPIED = 500_000_000
"""How many characters a page copies for carriage returns and backspaces: well below a second's work."""
MOST_WIDTH = 16 * 1024
"""The most characters of a line in which something is overwritten.  A colour sequence as long as this does no harm."""
MOST_PARAMETERS = 1024
"""The most digits and semicolons in one sequence."""
MOST_MARKS = 64
"""The most combining and invisible characters in a row."""

_ERASED = re.compile("[^\n\r\b]\b")  # not a raw string: there \b is the edge of a word
_OVERWRITTEN = re.compile(r"^[^\n]*\r", re.MULTILINE)
_PARAMETERS = re.compile(rf"(\x1b\[[0-9;]{{{MOST_PARAMETERS}}})[0-9;]+")
_OPEN_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*)?")
_MARK_CATEGORIES = frozenset({"Mn", "Mc", "Me", "Cf"})
_UNUSUAL = re.compile(rf"[^\w\s\x00-\x7f]{{{MOST_MARKS + 1},}}")
"""What marks are among: found far quicker than marks."""
_STEP = MOST_MARKS // 2
_SAMPLES = re.compile(r"[^\w\s\x00-\x7f]{2}")
"""What each `_STEP`-th character shows if there are that many: found quicker still."""


class PageLimits:
    """Limits one stream of output, which arrives in pieces."""

    def __init__(self) -> None:
        self._overwriting = _Overwriting()
        self._sequence = ""
        self._marks = ""

    def limit(self, text: str) -> str:
        """Return ``text``, the next piece, without what is beyond the limits."""
        text = self._overwriting.limit(text)
        if self._sequence or "\x1b" in text:
            text = self._limit_parameters(text)
        if self._marks or not text.isascii():
            text = self._limit_marks(text)
        return text

    def rest(self) -> str:
        """Return what was held back until more came, at the end of a command."""
        return self._overwriting.rest()

    def _limit_parameters(self, text: str) -> str:
        whole = self._sequence + text
        if max(map(len, whole.split("\x1b"))) > MOST_PARAMETERS:
            whole = _PARAMETERS.sub(r"\1", whole)
        text = whole[len(self._sequence) :]
        self._sequence = _open_sequence(whole)
        return text

    def _limit_marks(self, text: str) -> str:
        whole = self._marks + text
        if _SAMPLES.search(whole[::_STEP]):
            whole = _UNUSUAL.sub(_fewer_marks, whole)
        text = whole[len(self._marks) :]
        self._marks = _open_marks(whole)
        return text


class _Overwriting:
    """Limits carriage returns and backspaces; beyond the limits, nothing overwrites any more.

    What a page shows is counted from above: the finished lines, and of the last line how wide it ever was.
    """

    def __init__(self) -> None:
        self._left = MOST_COPIED
        self._finished = 0
        self._width = 0
        self._column = 0
        self._overwritten = False
        """Whether something in the last line may have been overwritten."""
        self._beyond = False
        """Whether the limits have been passed."""
        self._held = ""
        """A carriage return at the end of a piece: if a newline follows, it overwrites nothing."""

    def limit(self, text: str) -> str:
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        if self._beyond:
            return _not_overwriting(text)
        open_line = self._overwritten
        if self._within_limits(text):
            return text
        self._beyond = True
        # Nothing may be added to a line in which something was overwritten: it could have become a sequence.
        return "\n" + _not_overwriting(text).removeprefix("\n") if open_line else _not_overwriting(text)

    def rest(self) -> str:
        held, self._held = self._held, ""
        self._beyond = self._beyond or not self._within_limits(held)
        return "" if self._beyond else held

    def _within_limits(self, text: str) -> bool:
        returns = text.count("\r")
        if self._overwritten or "\b" in text or (returns and returns != text.count("\r\n")):
            return self._lines_within_limits(text.split("\n"))
        self._left -= returns * (self._finished + self._width + len(text))
        newline = text.rfind("\n")
        if newline >= 0:
            self._finished += self._width + newline + 1
            self._width = self._column = 0
        self._column += len(text) - newline - 1
        self._width = max(self._width, self._column)
        return self._left >= 0

    def _lines_within_limits(self, lines: list[str]) -> bool:
        last = len(lines) - 1
        for number, line in enumerate(lines):
            shown = line.removesuffix("\r") if number < last else line
            overwrites = shown.count("\r") + shown.count("\b")
            self._write(shown)
            self._overwritten = self._overwritten or overwrites > 0
            self._left -= (overwrites + len(line) - len(shown)) * (self._finished + self._width)
            if self._left < 0 or (self._overwritten and self._width > MOST_WIDTH):
                return False
            if number < last:
                self._finished += self._width + 1
                self._width = self._column = 0
                self._overwritten = False
        return True

    def _write(self, line: str) -> None:
        """Count what a page shows of ``line`` in the last line."""
        parts = line.split("\r")
        parts[0] = " " * self._column + parts[0]
        if "\b" in line:
            parts = [_ERASED.sub("", part) for part in parts]
        widths = [len(part) for part in parts]
        self._column = widths[-1]
        self._width = max(self._width, *widths) + ("\b" in line)


def _not_overwriting(text: str) -> str:
    """Return the last state of each line; what it would overwrite of earlier pieces stays, on a line of its own."""
    if "\b" in text:
        text = _ERASED.sub("", text).replace("\b", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text:
        continues = "\r" in text.partition("\n")[0]
        text = ("\n" if continues else "") + _OVERWRITTEN.sub("", text.rstrip("\r"))
    return text


def _open_sequence(text: str) -> str:
    """Return the beginning of a sequence at the end of ``text``."""
    start = text.rfind("\x1b", max(len(text) - MOST_PARAMETERS - 2, 0))
    return text[start:] if start >= 0 and _OPEN_SEQUENCE.fullmatch(text, start) else ""


def _open_marks(text: str) -> str:
    """Return the marks at the end of ``text``."""
    end = text[-MOST_MARKS:]
    for count, character in enumerate(reversed(end)):
        if unicodedata.category(character) not in _MARK_CATEGORIES:
            return end[len(end) - count :]
    return end


def _fewer_marks(found: re.Match[str]) -> str:
    """Return a run of characters without the marks that are too many."""
    kept, count = [], 0
    for character in found[0]:
        count = count + 1 if unicodedata.category(character) in _MARK_CATEGORIES else 0
        if count <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)


_CELLS: dict[tuple[str, str], PageLimits] = {}
_MOST_CELLS = 16


def limits_of_cell(stream: object, name: str) -> PageLimits | None:
    """Return the limits of the stream called ``name`` below the running cell; None outside of cells.

    A page joins the output of all commands of a cell.
    """
    header = getattr(stream, "parent_header", None)
    if not isinstance(header, dict) or "msg_id" not in header:
        return None
    key = (str(header["msg_id"]), name)
    if key not in _CELLS:
        while len(_CELLS) >= _MOST_CELLS:
            del _CELLS[next(iter(_CELLS))]
        _CELLS[key] = PageLimits()
    return _CELLS[key]
