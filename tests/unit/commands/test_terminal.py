"""The local terminal: raw mode, modes and questions, at a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from jupyter_ssh.commands import terminal

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import fcntl
import struct
import termios


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Keyboard and terminal: what is written to the first is typed at the second."""
    keyboard, screen = os.openpty()
    yield keyboard, screen
    os.close(keyboard)
    os.close(screen)


def test_size_and_modes(pair: tuple[int, int]) -> None:
    fcntl.ioctl(pair[1], termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    assert terminal.size(pair[1]) == (31, 97)
    modes = terminal.modes(pair[1])
    assert modes["VINTR"] == 3
    assert modes["ECHO"] == 1
    assert modes["CS8"] == 1
    assert modes["CS7"] == 0
    assert modes["TTY_OP_ISPEED"] in (9600, 38400)
    attributes = termios.tcgetattr(pair[1])
    attributes[3] &= ~termios.ECHO
    attributes[6][termios.VINTR] = b"\x00"
    termios.tcsetattr(pair[1], termios.TCSANOW, attributes)
    assert terminal.modes(pair[1])["ECHO"] == 0
    assert terminal.modes(pair[1])["VINTR"] == 255


def test_where_there_is_no_terminal() -> None:
    reading, writing = os.pipe()
    try:
        assert not terminal.is_terminal(reading)
        assert terminal.size(reading) == (0, 0)
        assert terminal.modes(reading) == {}
        terminal.RawMode(reading).enter()
    finally:
        os.close(reading)
        os.close(writing)
    assert not terminal.is_terminal(reading)


def test_raw_mode_and_back(pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    raw = terminal.RawMode(pair[1])
    raw.enter()
    raw.enter()
    during = termios.tcgetattr(pair[1])
    assert not during[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not during[1] & termios.OPOST
    raw.leave()
    raw.leave()
    assert termios.tcgetattr(pair[1]) == before


@pytest.mark.parametrize("echo", [True, False])
async def test_a_question(pair: tuple[int, int], echo: bool) -> None:
    before = termios.tcgetattr(pair[1])
    asking = asyncio.ensure_future(terminal.ask(pair[1], "word? ", echo=echo))
    shown = await read_until(pair[0], b"? ")
    assert bool(termios.tcgetattr(pair[1])[3] & termios.ECHO) is echo
    os.write(pair[0], "süß\n".encode())
    assert await asking == "süß"
    assert termios.tcgetattr(pair[1]) == before
    shown += await read_until(pair[0], b"\n")
    assert ("süß".encode() in shown) is echo


async def test_a_question_that_is_not_utf8(pair: tuple[int, int]) -> None:
    """A file's name may be any bytes."""
    asking = asyncio.ensure_future(terminal.ask(pair[1], "passphrase for enc\udcff? ", echo=False))
    assert b"for enc\xff? " in await read_until(pair[0], b"? ")
    os.write(pair[0], b"\xfe\n")
    assert await asking == "\udcfe"


async def test_a_question_where_the_loop_cannot_watch_terminals(
    pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    watch = loop.add_reader

    def add_reader(descriptor: int, callback: Callable[..., object], *args: object) -> None:
        if descriptor == pair[1]:
            raise OSError("as kqueue on macOS")
        watch(descriptor, callback, *args)

    monkeypatch.setattr(loop, "add_reader", add_reader)
    asking = asyncio.ensure_future(terminal.ask(pair[1], "? ", echo=False))
    await read_until(pair[0], b"? ")
    os.write(pair[0], b"answer\n")
    assert await asking == "answer"


async def test_no_answer(pair: tuple[int, int]) -> None:
    asking = asyncio.ensure_future(terminal.ask(pair[1], "? ", echo=True))
    await read_until(pair[0], b"? ")
    os.write(pair[0], b"\x04")
    assert await asking is None


async def test_a_question_given_up_leaves_the_echo_on(pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    asking = asyncio.ensure_future(terminal.ask(pair[1], "? ", echo=False))
    await read_until(pair[0], b"? ")
    asking.cancel()
    await asyncio.wait([asking])
    assert termios.tcgetattr(pair[1]) == before


async def read_until(descriptor: int, end: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    shown = b""
    while end not in shown:
        readable = asyncio.Event()
        loop.add_reader(descriptor, readable.set)
        await asyncio.wait_for(readable.wait(), 30)
        loop.remove_reader(descriptor)
        shown += os.read(descriptor, 4096)
    return shown
