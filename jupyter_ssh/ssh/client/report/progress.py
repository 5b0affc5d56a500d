"""The progress of a connection, step by step: for the log (``-v``), and for a table of it."""

from __future__ import annotations

import enum
import logging

from jupyter_ssh.ssh.errors import SSHError

log = logging.getLogger("jupyter_ssh.ssh")

DEBUG1, DEBUG2, DEBUG3 = logging.DEBUG, logging.DEBUG - 1, logging.DEBUG - 2
"""What ``-v``, ``-vv`` and ``-vvv`` show, as levels of the package's loggers."""


class Step(enum.Enum):
    """The steps of a connection in their order; the value is the name shown to people."""

    CONFIGURATION = "configuration"
    ROUTE = "route"
    NAME = "name"
    TCP = "TCP connection"
    VERSION = "SSH version"
    ALGORITHMS = "algorithms"
    HOST_KEY = "host key"
    METHODS = "methods offered"
    AGENT = "agent"
    KEY = "key"
    LOGIN = "login"
    SESSION = "session"


class Progress:
    """Is told each step of one connection; this base class only writes `note` to the log.

    ``name`` is the destination.  A jump host on the route to it has a progress of its own, see `hop`.
    """

    def __init__(self, name: str = "", *, jump: bool = False) -> None:
        self.name = name
        self.jump = jump

    def hop(self, name: str) -> Progress:
        """Return the progress of the connection to a jump host."""
        return type(self)(name, jump=True)

    def done(self, step: Step, detail: str) -> None:
        """A step worked."""

    def tried(self, method: str, offer: str, outcome: str) -> None:
        """One attempt to log in, or a key that was only asked about, with its outcome."""

    def broke(self, error: SSHError) -> None:
        """The connection failed; ``error`` carries its advice."""

    def note(self, text: str, level: int = DEBUG1) -> None:
        """Write a line to the log, in the words of ssh(1) where it has any.  Never a secret."""
        if log.isEnabledFor(level):
            log.log(level, "%s%s", f"[{self.name}] " if self.jump else "", text)
