"""The interface of what a session runs: a child process with pipes, on a pty or on Windows, or Python code."""

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
    """What to run: ``arguments`` begins with argv[0], ``environment`` is complete."""

    executable: str
    arguments: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """The size in characters and pixels, as in pty-req and window-change (RFC 4254 §6.2, §6.7)."""

    rows: int = 24
    columns: int = 80
    width_pixels: int = 0
    height_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: an exit status or the name of a signal (RFC 4254 §6.10); neither if unknown."""

    status: int | None = None
    signal: str | None = None
    core_dumped: bool = False


class ProcessEvents(Protocol):
    """Receives events of a process, always on the loop's thread, never after `ServedProcess.hang_up`."""

    def output(self, data: bytes, code: int | None) -> None:
        """Handle output; ``code`` is None for stdout or a terminal, 1 for stderr (RFC 4254 §5.2)."""

    def input_taken(self, count: int) -> None:
        """Note that ``count`` bytes given to `ServedProcess.write` have left our memory."""

    def ended(self, ending: Ending) -> None:
        """Note that the process has ended and its pipes or pty are closed at all ends.  The last event."""


class ServedProcess(ABC):
    """A running child, leader of its own session and process group, or a stand-in for one."""

    tty: str | None = None
    """The path of the terminal, if there is one."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Write ``data`` to the child's stdin, in order, without waiting; the caller bounds how much is queued."""

    @abstractmethod
    def write_eof(self) -> None:
        """Close the child's stdin after what was written."""

    @abstractmethod
    def pause(self) -> None:
        """Stop reading output; the child then blocks when its pipe is full."""

    @abstractmethod
    def resume(self) -> None:
        """Continue reading output."""

    def stop_output(self) -> bool:
        """Close the reading end of stdout, so that the child gets SIGPIPE if it writes; false if that is impossible."""
        return False

    @abstractmethod
    def signal(self, name: str) -> bool:
        """Send a signal, named as in RFC 4254 §6.10, to the process group; false if that is impossible."""

    @abstractmethod
    def hang_up(self) -> None:
        """Send SIGHUP to the child, close its pipes and send no more events; the child is reaped later."""

    @property
    @abstractmethod
    def reaped(self) -> bool:
        """Whether the child has ended and left no zombie."""

    @abstractmethod
    async def wait_reaped(self) -> None:
        """Wait until the child has ended and left no zombie; a child that survives SIGHUP may never end."""

    def resize(self, size: TerminalSize) -> bool:
        """Change the terminal's size; false without a terminal."""
        return False

    def send_break(self) -> bool:
        """Send a break on the terminal's line (RFC 4335); false without a terminal."""
        return False
