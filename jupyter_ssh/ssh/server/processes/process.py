"""What a session runs, as it sees it: a child process with pipes, with a pty or on Windows, or code of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from jupyter_ssh.ssh.errors import ChannelError


class ProcessStartError(ChannelError):
    """The program could not be started."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: ``arguments`` begins with argv[0], ``environment`` is the whole of it."""

    executable: str
    arguments: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """Characters and pixels, as pty-req and window-change carry them (RFC 4254 §6.2, §6.7)."""

    rows: int = 24
    columns: int = 80
    width_pixels: int = 0
    height_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: a status, or the name of a signal (RFC 4254 §6.10), or neither when nobody knows."""

    status: int | None = None
    signal: str | None = None
    core_dumped: bool = False


class ProcessEvents(Protocol):
    """Who is told; always on the loop's thread, never after `ServedProcess.hang_up`."""

    def output(self, data: bytes, code: int | None) -> None:
        """Output: ``code`` None for stdout or a terminal, 1 for stderr (RFC 4254 §5.2)."""

    def input_taken(self, count: int) -> None:
        """So many bytes given to `ServedProcess.write` have left our memory."""

    def ended(self, ending: Ending) -> None:
        """The process is gone and its output ended: nobody holds its pipes or its pty any more.  The last event."""


class ServedProcess(ABC):
    """A running child, leader of its own session and process group, or what stands in its place."""

    tty: str | None = None
    """Path of the terminal, where there is one."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Give ``data`` to the child's stdin, in order, without waiting; the caller bounds what is under way."""

    @abstractmethod
    def write_eof(self) -> None:
        """The child's stdin ends after what was written."""

    @abstractmethod
    def pause(self) -> None:
        """Stop reading output, so that the child blocks when its pipe is full."""

    @abstractmethod
    def resume(self) -> None:
        """Goes on reading."""

    def stop_output(self) -> bool:
        """Nobody reads stdout any more: who still writes there is told so (SIGPIPE).  False where that cannot be."""
        return False

    @abstractmethod
    def signal(self, name: str) -> bool:
        """Send a signal, named as in RFC 4254 §6.10, to the process group; false when that cannot be."""

    @abstractmethod
    def hang_up(self) -> None:
        """The user is gone: SIGHUP to what ran for them, pipes closed, no more events; the child is reaped later."""

    @property
    @abstractmethod
    def reaped(self) -> bool:
        """Whether the child has ended and left no zombie."""

    @abstractmethod
    async def wait_reaped(self) -> None:
        """Return when the child has ended and left no zombie.  A child that survives SIGHUP may take for ever."""

    def resize(self, size: TerminalSize) -> bool:
        """Changes the terminal's size; false without a terminal."""
        return False

    def send_break(self) -> bool:
        """Return a break on the terminal's line (RFC 4335); false without a terminal."""
        return False
