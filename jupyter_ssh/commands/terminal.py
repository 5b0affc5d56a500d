"""The local terminal: its size, its modes for the remote one, raw mode, and reading lines with or without echo."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_ssh.ssh.wire.terminal_modes import OPCODES

Attributes = list[int | list[bytes | int]]
"""The result of `termios.tcgetattr`."""

if sys.platform != "win32":
    import termios

    # The modes of RFC 4254 §8 in each word of termios(3); "V…" are control characters.
    _INPUT_NAMES = "IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8"
    _INPUT = frozenset(_INPUT_NAMES.split())
    _OUTPUT = frozenset({"OPOST", "OLCUC", "ONLCR", "OCRNL", "ONOCR", "ONLRET"})
    _CONTROL = frozenset({"CS7", "CS8", "PARENB", "PARODD"})
    _SPEEDS = {"TTY_OP_ISPEED": 4, "TTY_OP_OSPEED": 5}
    _IUTF8 = 0x4000 if sys.platform == "linux" or sys.platform == "darwin" else 0  # not in Python's termios
    _DISABLED = 255  # RFC 4254 §8: disabled

    _RAW_INPUT_OFF = ("ISTRIP", "INLCR", "IGNCR", "ICRNL", "IXON", "IXANY", "IXOFF", "IUCLC")
    _RAW_LOCAL_OFF = ("ISIG", "ICANON", "ECHO", "ECHOE", "ECHOK", "ECHONL", "IEXTEN")


_STEP = 0.2  # seconds


def is_terminal(descriptor: int) -> bool:
    """Return whether a descriptor is a terminal; false for a closed one."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def size(descriptor: int) -> tuple[int, int]:
    """Return rows and columns of the terminal; (0, 0), "unknown" in RFC 4254 §6.2, if there is none."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return rows, columns


def modes(descriptor: int) -> dict[str, int]:
    """Return the terminal's modes by the names of RFC 4254 §8, for the remote terminal; empty if there is none."""
    result: dict[str, int] = {}
    if sys.platform != "win32" and is_terminal(descriptor):
        attributes = termios.tcgetattr(descriptor)
        for name in OPCODES:
            value = _mode(attributes, name)
            if value is not None:
                result[name] = value
    return result


class RawMode:
    """Raw mode of a terminal: every key goes to the remote one, and output is not processed.

    ``enter`` and ``leave`` may be called repeatedly; ``leave`` restores the state before ``enter``.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._saved: Attributes | None = None

    def enter(self) -> None:
        """Switch to raw mode; do nothing without a terminal."""
        if sys.platform != "win32" and self._saved is None and is_terminal(self._descriptor):
            attributes = termios.tcgetattr(self._descriptor)
            self._saved = termios.tcgetattr(self._descriptor)
            _switch_off(attributes, 0, _RAW_INPUT_OFF)
            _switch_off(attributes, 1, ("OPOST",))
            _switch_off(attributes, 3, _RAW_LOCAL_OFF)
            attributes[0] |= termios.IGNPAR
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, attributes)

    def enter_again(self) -> None:
        """Switch to raw mode again after the shell has used the terminal (SIGCONT)."""
        if self._saved is not None:
            self._saved = None
            self.enter()

    def leave(self) -> None:
        """Switch back."""
        if sys.platform != "win32" and self._saved is not None:
            saved, self._saved = self._saved, None
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, saved)


async def _readable(descriptor: int) -> None:
    """Wait until something was typed."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except OSError:
        # macOS's kqueue does not support /dev/tty, but select does; in short steps, so that no thread lingers.
        while not (await loop.run_in_executor(None, select.select, [descriptor], [], [], _STEP))[0]:
            pass
        return
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


if sys.platform != "win32":

    @contextmanager
    def controlling_terminal() -> Iterator[int | None]:
        """Open the process's own terminal, whatever its standard streams are; ``None`` if there is none."""
        try:
            descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    async def ask(descriptor: int, prompt: str, *, echo: bool) -> str | None:
        """Ask for a line at the terminal and return it without its newline; ``None`` at end of file.

        The loop keeps running, and cancelling restores the terminal's echo and leaves no thread in a read.
        """
        saved = termios.tcgetattr(descriptor)
        asking = termios.tcgetattr(descriptor)
        if not echo:
            _switch_off(asking, 3, ("ECHO", "ECHOE", "ECHOK", "ECHONL"))
        # FLUSH: discard what was typed before the question, perhaps in answer to a text that only looked like one.
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, asking)
        line = b""
        try:
            os.write(descriptor, prompt.encode("utf-8", "surrogateescape"))
            while True:
                await _readable(descriptor)
                piece = os.read(descriptor, 4096)
                line += piece
                if not piece and not line:
                    return None
                if not piece or line.endswith(b"\n"):
                    return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        finally:
            if not echo:
                termios.tcsetattr(descriptor, termios.TCSAFLUSH, saved)
                os.write(descriptor, b"\n")

    def _mode(attributes: Attributes, name: str) -> int | None:
        """Return the value of a mode; ``None`` if this system does not have it."""
        if name in _SPEEDS:
            return _bits_per_second(attributes[_SPEEDS[name]])
        constant = _IUTF8 if name == "IUTF8" else getattr(termios, name, None)
        if constant is None:
            return None
        if name.startswith("V"):
            characters = attributes[6]
            assert isinstance(characters, list)
            character = characters[constant]
            number = character[0] if isinstance(character, bytes) else character
            return _DISABLED if number == 0 else number
        word = attributes[0 if name in _INPUT else 1 if name in _OUTPUT else 2 if name in _CONTROL else 3]
        assert isinstance(word, int)
        # CS7 and CS8 are values of a field of several bits; the others are single bits.
        field = termios.CSIZE if name in ("CS7", "CS8") else constant
        return int(word & field == constant)

    def _bits_per_second(code: object) -> int:
        """Return the speed for one of termios' B… constants."""
        for name in dir(termios):
            if name[0] == "B" and name[1:].isdigit() and getattr(termios, name) == code:
                return int(name[1:])
        return 38400

    def _switch_off(attributes: Attributes, word: int, names: tuple[str, ...]) -> None:
        value = attributes[word]
        assert isinstance(value, int)
        for name in names:
            value &= ~getattr(termios, name, 0)
        attributes[word] = value
