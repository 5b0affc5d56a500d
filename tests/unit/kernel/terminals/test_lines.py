"""What is typed to a remote shell without a terminal: echoed, edited and handed over in lines."""

from __future__ import annotations

import pytest

from jupyter_ssh.kernel.terminals.lines import MOST, LineInput


class Remote:
    """Notes what it gets."""

    def __init__(self) -> None:
        self.shown = b""
        self.got: list[bytes | str] = []
        self.lines = LineInput(
            self._show, self.got.append, lambda: self.got.append("end"), lambda: self.got.append("interrupt")
        )

    def _show(self, data: bytes) -> None:
        self.shown += data


@pytest.mark.parametrize(
    ("typed", "shown", "got"),
    [
        ("ls -l\r", "ls -l\r\n", [b"ls -l\n"]),
        ("a\r\nb\nc", "a\r\nb\r\nc", [b"a\n", b"b\n"]),
        ("lx\x7fs\r", "lx\b \bs\r\n", [b"ls\n"]),
        ("\x7f\b\r", "\r\n", [b"\n"]),
        ("漢e\u0301\x7f\x7f\x7f\r", "漢e\u0301\b \b\b\b  \b\b\r\n", [b"\n"]),
        ("rm\x15ls\r", "rm\b \b\b \bls\r\n", [b"ls\n"]),
        ("sleep 9\r\x03", "sleep 9\r\n^C\r\n", [b"sleep 9\n", "interrupt"]),
        ("half\x03ls\r", "half^C\r\nls\r\n", ["interrupt", b"ls\n"]),
        ("\x04", "", ["end"]),
        ("half\x04\x04", "half", [b"half", "end"]),
        ("a\tb\r", "a b\r\n", [b"a b\n"]),
        ("a\x1b[A\x1bOP\x1bx\x1b[1;5Cb\r", "ab\r\n", [b"ab\n"]),
        ("\x1b[?1;2c\x1b]11;rgb:0/0/0\x1b\\\x1bP1$r0m\x1b\\\x1b", "", []),
        ("\x00\x01\x1a\x9b\r", "\r\n", [b"\n"]),
    ],
)
@pytest.mark.parametrize("pieces", ["at once", "in characters"])
def test_what_is_typed(typed: str, shown: str, got: list[bytes | str], pieces: str) -> None:
    remote = Remote()
    if pieces == "at once" or "\x1b" in typed or "\r\n" in typed:
        remote.lines.type(typed.encode())
    else:
        for byte in typed.encode():
            remote.lines.type(bytes([byte]))
    assert remote.shown.decode() == shown
    assert remote.got == got


def test_a_line_has_an_end() -> None:
    remote = Remote()
    for _ in range(MOST):
        remote.lines.type(b"xy")
    remote.lines.type(b"\r")
    assert remote.got == [b"xy" * (MOST // 2) + b"x\n"]
    remote.lines.type(b"ls\r")
    assert remote.got[1:] == [b"ls\n"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    remote = Remote()
    remote.lines.type(b"a\xffb\r")
    assert remote.got == ["a\ufffdb\n".encode()]
