"""How far a connection is, told step by step: to the log for ``-v``, or to whoever shows it as a table."""

from __future__ import annotations

import enum
import logging

log = logging.getLogger("jupyter_ssh.ssh")

DEBUG1, DEBUG2, DEBUG3 = logging.DEBUG, logging.DEBUG - 1, logging.DEBUG - 2
"""What ``-v``, ``-vv`` and ``-vvv`` show, as levels of the package's loggers."""


class Step(enum.Enum):
    """What has to work, in its order; the value is the name for people."""

    CONFIGURATION = "configuration"
    ROUTE = "route"
    NAME = "name"
    TCP = "TCP"
    VERSION = "version"
    ALGORITHMS = "algorithms"
    HOST_KEY = "host key"
    LOGIN = "login"
    SESSION = "session"


class Progress:
    """Hears of each step of one connection; this one writes to the log.

    ``name`` is the destination.  For a jump host on the way to it there is another one, see `hop`.
    """

    def __init__(self, name: str = "", *, jump: bool = False) -> None:
        self.name = name
        self.jump = jump

    def hop(self, name: str) -> Progress:
        """The progress of the connection to a jump host."""
        return type(self)(name, jump=True)

    def done(self, step: Step, detail: str) -> None:
        """A step worked."""
        self.note(f"{step.value}: {detail}")

    def failed(self, step: Step, detail: str) -> None:
        """A step, or one attempt of it, did not work."""
        self.note(f"{step.value}: {detail}")

    def note(self, text: str, level: int = DEBUG1) -> None:
        """Something for the log only."""
        if log.isEnabledFor(level):
            log.log(level, "%s%s", f"[{self.name}] " if self.jump else "", text)
