"""What a program prints, looked at before a cell shows it."""

from __future__ import annotations

import pytest

from jupyter_ssh.kernel.cells.execution import FullScreenDetector


@pytest.mark.parametrize("sequence", [b"\x1b[?1049h", b"\x1b[?47h", b"\x1b[?1;1047;25h"])
def test_a_wish_for_the_whole_screen_is_seen_in_any_pieces(sequence: bytes) -> None:
    for cut in range(len(sequence) + 1):
        detector = FullScreenDetector()
        before, after = b"x" * 100 + sequence[:cut], sequence[cut:] + b"y" * 100
        assert detector.found(before) or detector.found(after)


def test_colours_and_the_cursor_are_no_such_wish() -> None:
    detector = FullScreenDetector()
    for piece in (b"\x1b[31mred\x1b[0m", b"\x1b[?25l\x1b[?2004h", b"\x1b[?1049l", b"\x1b[?10490h 1049h"):
        assert not detector.found(piece)
