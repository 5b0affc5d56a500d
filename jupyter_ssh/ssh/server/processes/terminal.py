"""The server's end of a pty: size, modes, break and the foreground process group.  Unix only; imported where used."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_ssh.ssh.server.processes.process import TerminalSize
from jupyter_ssh.ssh.server.processes.signals import TERMINAL_SIGNALS
from jupyter_ssh.ssh.server.processes.terminal_modes import apply_modes

if sys.platform == "win32":
    raise ImportError("there are no pseudo-terminals on Windows")

_IFLAG, _LFLAG, _CC = 0, 3, 6


class Terminal:
    """A pty: its master descriptor (owned) and the path of its slave end."""

    def __init__(self, master: int, name: str) -> None:
        self.master = master
        self.name = name
        self._closed = False
        self._at_line_start = True

    @classmethod
    def open(cls, size: TerminalSize, modes: Mapping[str, int]) -> tuple[Terminal, int]:
        """Return a new pty, and the descriptor of its slave end for the child; raises `OSError`."""
        master, slave = os.openpty()
        try:
            terminal = cls(master, os.ttyname(slave))
            terminal.resize(size)
            # Before the child starts, so that it finds the modes its user wants.
            apply_modes(slave, modes)
        except BaseException:
            os.close(master)
            os.close(slave)
            raise
        return terminal, slave

    def resize(self, size: TerminalSize) -> bool:
        """Set the size; the system sends SIGWINCH to the foreground process group."""
        if self._closed:
            return False
        fields = (size.rows, size.columns, size.width_pixels, size.height_pixels)
        packed = struct.pack("HHHH", *(min(field, 0xFFFF) for field in fields))
        try:
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, packed)
        except OSError:
            return False
        return True

    def signal_foreground(self, name: str, number: int) -> bool:
        """Send the signal to the foreground process group, as a key would; false if no key generates it."""
        if name not in TERMINAL_SIGNALS or self._closed:
            return False
        try:
            group = os.tcgetpgrp(self.master)
            if group <= 0:
                return False
            os.killpg(group, number)
        except OSError:
            return False
        return True

    def send_break(self, write: Callable[[bytes], None]) -> None:
        """Send a break as termios(3) defines it: ignored (IGNBRK), an interrupt (BRKINT) or a NUL byte.

        tcsendbreak on a pty's master has no effect on Linux, so it is emulated.
        """
        modes = self._modes()
        if modes is None or modes[_IFLAG] & termios.IGNBRK:
            return
        if modes[_IFLAG] & termios.BRKINT:
            termios.tcflush(self.master, termios.TCIOFLUSH)
            self.signal_foreground("INT", signal.SIGINT)
        else:
            write(b"\0")

    def note_input(self, data: bytes) -> None:
        """Remember whether the user is in the middle of a line."""
        if data:
            self._at_line_start = data[-1:] in b"\r\n"

    def eof_keys(self) -> list[bytes]:
        """Return the keys that signal end of file: none in raw mode; two in the middle of a line, where the first one
        only flushes the line."""
        modes = self._modes()
        if modes is None or not modes[_LFLAG] & termios.ICANON:
            return []
        key = modes[_CC][termios.VEOF]
        if not isinstance(key, bytes) or key == b"\0":
            return []
        return [key] if self._at_line_start else [key, key]

    def close(self) -> None:
        """Close the master; when no copy of it is left, the system hangs up the line."""
        if not self._closed:
            self._closed = True
            os.close(self.master)

    def _modes(self) -> list[Any] | None:
        if self._closed:
            return None
        try:
            return termios.tcgetattr(self.master)
        except termios.error:
            return None
