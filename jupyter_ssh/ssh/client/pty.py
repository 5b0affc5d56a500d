"""The terminal of a remote command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jupyter_ssh.ssh.wire.requests import PtyRequest
from jupyter_ssh.ssh.wire.terminal_modes import encode_modes


@dataclass(frozen=True, slots=True)
class Pty:
    """The pseudo-terminal to request (RFC 4254 §6.2); sizes in characters, ``modes`` by their names in termios(3)."""

    term: str = "xterm-256color"
    rows: int = 24
    cols: int = 80
    modes: Mapping[str, int] = field(default_factory=dict)
    required: bool = True
    """Whether it is an error if the server grants none; otherwise the command runs without a terminal."""
    refused: Callable[[], None] = lambda: None
    """Called if it is not required and the server grants none, which may be after `Connection.start` has returned."""

    def request(self) -> PtyRequest:
        """Return the body of pty-req."""
        return PtyRequest(self.term, self.cols, self.rows, 0, 0, encode_modes(self.modes))
