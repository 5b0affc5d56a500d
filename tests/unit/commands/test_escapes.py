"""Escape sequences: what is typed after a newline and the escape character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.commands.ssh.escapes import EscapeFilter


def fed(character: str | None, *pieces: bytes) -> list[bytes | str]:
    """What comes out, neighbouring bytes joined."""
    typed = EscapeFilter(character)
    result: list[bytes | str] = []
    for piece in pieces:
        for out in typed.feed(piece):
            if isinstance(out, bytes) and result and isinstance(result[-1], bytes):
                result[-1] += out
            else:
                result.append(out)
    return result


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (b"~.", ["."]),
        (b"ls\r~.", [b"ls\r", "."]),
        (b"ls\n~?x", [b"ls\n", "?", b"x"]),
        (b"a~.", [b"a~."]),
        (b"~~.", [b"~."]),
        (b"~~\r~.", [b"~\r", "."]),
        (b"~x", [b"~x"]),
        (b"~\r~.", [b"~\r", "."]),
        (b"~B~R~v", ["B", "R", "v"]),
        (b"~\x1a", ["\x1a"]),
        (b"plain", [b"plain"]),
        (b"\r~", [b"\r"]),
        (b"", []),
    ],
)
def test_sequences(typed: bytes, expected: list[bytes | str]) -> None:
    assert fed("~", typed) == expected
    assert fed("~", *(typed[at : at + 1] for at in range(len(typed)))) == expected


@given(st.lists(st.text("~.?ab\r\n", max_size=6), max_size=6))
def test_how_typing_is_cut_makes_no_difference(pieces: list[str]) -> None:
    typed = [piece.encode() for piece in pieces]
    assert fed("~", *typed) == fed("~", b"".join(typed))


def test_without_an_escape_character_everything_is_sent() -> None:
    assert fed(None, b"\r~.", b"~.") == [b"\r~.~."]


def test_another_escape_character() -> None:
    assert fed("\x01", b"\r~.\r\x01.") == [b"\r~.\r", "."]
