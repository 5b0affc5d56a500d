"""The result of a remote command."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Final, Generic

from jupyter_ssh.ssh.channels.interfaces import AnyStr
from jupyter_ssh.ssh.errors import RemoteCommandError

_NUMBERS: Final = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ILL": 4,
    "ABRT": 6,
    "FPE": 8,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "USR2": 12,
    "PIPE": 13,
    "ALRM": 14,
    "TERM": 15,
    **{each.name.removeprefix("SIG"): int(each) for each in signal.Signals},
}
"""The signals of RFC 4254 §6.10 as Linux numbers them, and those of this machine by its own numbers."""


@dataclass(frozen=True)
class Result(Generic[AnyStr]):
    """What a remote command left behind: bytes, or text where an ``encoding`` was asked for.

    ``exit_signal`` has no "SIG"; ``stdout`` and ``stderr`` are empty where they were redirected.
    """

    command: str | None
    stdout: AnyStr = field(repr=False)
    stderr: AnyStr = field(repr=False)
    exit_status: int | None
    exit_signal: str | None = None
    host: str = ""
    """Where it ran: ``user@host``, with the port if it is not 22."""
    seconds: float = 0.0
    """From its start to its end."""
    stdout_size: int = field(default=0, repr=False)
    """Bytes of the whole stream, which may be more than what was kept."""
    stderr_size: int = field(default=0, repr=False)

    @property
    def text(self) -> str:
        """``stdout`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return _text(self.stdout)

    @property
    def stderr_text(self) -> str:
        """``stderr`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return _text(self.stderr)

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.exit_status == 0

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the number of the signal that ended it, as in `subprocess`; None if unknown."""
        return returncode(self.exit_status, self.exit_signal)

    def check(self) -> Result[AnyStr]:
        """Return this result; raises `RemoteCommandError` if the command failed."""
        if not self.ok:
            raise RemoteCommandError(self.command, self.exit_status, self.exit_signal, self.stdout, self.stderr)
        return self


def returncode(exit_status: int | None, exit_signal: str | None) -> int | None:
    """Return the exit status, or minus the number of a signal; None where it is not known."""
    if exit_signal is None:
        return exit_status
    number = _NUMBERS.get(exit_signal)
    return None if number is None else -number


def _text(output: bytes | str) -> str:
    return output if isinstance(output, str) else output.decode("utf-8", "backslashreplace")
