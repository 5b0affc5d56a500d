"""Signals by their names in SSH (RFC 4254 §6.10), without "SIG"."""

from __future__ import annotations

import signal
from typing import Final

from jupyter_ssh.ssh.server.processes.process import Ending

SIGNAL_NAMES: Final = (
    "ABRT",
    "ALRM",
    "FPE",
    "HUP",
    "ILL",
    "INT",
    "KILL",
    "PIPE",
    "QUIT",
    "SEGV",
    "TERM",
    "USR1",
    "USR2",
)

NUMBERS: Final[dict[str, int]] = {
    name: int(getattr(signal, f"SIG{name}")) for name in SIGNAL_NAMES if hasattr(signal, f"SIG{name}")
}
"""The signals a client may send (RFC 4254 §6.9), as far as this system has them."""

TERMINAL_SIGNALS: Final = frozenset({"INT", "QUIT"})
"""Signals that a terminal generates: on a pty they go to the foreground process group, as for a typed ^C."""

_NAMES: Final = {number: name for name, number in NUMBERS.items()}


def signal_name(number: int) -> str:
    """Return the name for an exit-signal request; a name that RFC 4254 does not list gets a domain, as it requires."""
    if number in _NAMES:
        return _NAMES[number]
    try:
        name = signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        # Real-time signals between SIGRTMIN and SIGRTMAX have no name of their own.
        name = f"RT{number}"
    return f"{name}@jupyter-ssh"


def ending_from_returncode(returncode: int) -> Ending:
    """Return the `Ending` for a `subprocess.Popen.returncode`, which is negative for a signal."""
    if returncode >= 0:
        return Ending(status=returncode)
    return Ending(signal=signal_name(-returncode))
