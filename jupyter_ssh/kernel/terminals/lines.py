"""Lines typed to a remote shell that has no terminal: what a terminal's line discipline would do with them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from typing import Final

MOST: Final = 4095
"""Characters of a line, as many as Linux takes (termios(3), canonical mode)."""

END_OF_FILE, INTERRUPT, ERASE_LINE = "\x04", "\x03", "\x15"
_ERASE: Final = ("\x7f", "\b")
_PIECE: Final = re.compile(
    # Keys such as arrows, and the page's answers to questions of the remote, are sequences: they are left out.
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P][^\x07\x1b]*(?:\x07|\x1b\\)?|O.|.)?|\r\n|.",
    re.DOTALL,
)


class LineInput:
    """Shows what is typed and hands it over in lines.

    As on a terminal, the last character or the whole line can be erased, ^C interrupts, and ^D ends the input, or hands
    over what there is of a line.

    Args:
        show: Called with the echo.
        send: Called with what is for the remote.
        end: Called at the end of the input.
        interrupt: Called for ^C.
    """

    def __init__(
        self,
        show: Callable[[bytes], None],
        send: Callable[[bytes], None],
        end: Callable[[], None],
        interrupt: Callable[[], None],
    ) -> None:
        self._show = show
        self._send = send
        self._end = end
        self._interrupt = interrupt
        self._line: list[str] = []
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def type(self, data: bytes) -> None:
        """Take what was typed."""
        echo = "".join(self._typed(piece) for piece in _PIECE.findall(self._decode(data)))
        if echo:
            self._show(echo.encode())

    def _typed(self, piece: str) -> str:
        """Handle a character or a sequence; return its echo."""
        if piece in ("\r", "\n", "\r\n"):
            self._hand_over("\n")
            return "\r\n"
        if piece in _ERASE:
            return _erased(self._line.pop()) if self._line else ""
        if piece == ERASE_LINE:
            return "".join(_erased(self._line.pop()) for _ in range(len(self._line)))
        if piece == INTERRUPT:
            self._line.clear()
            self._interrupt()
            return "^C\r\n"
        if piece == END_OF_FILE:
            if self._line:
                self._hand_over("")
            else:
                self._end()
            return ""
        if (not piece.isprintable() and piece != "\t") or len(self._line) >= MOST:
            return ""
        self._line.append(" " if piece == "\t" else piece)
        return self._line[-1]

    def _hand_over(self, end: str) -> None:
        line = "".join(self._line) + end
        self._line.clear()
        self._send(line.encode())


def _erased(character: str) -> str:
    """Return what takes a character from the screen."""
    width = 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return "\b" * width + " " * width + "\b" * width
