"""Unexpected messages of a logged-in peer: ignored as by OpenSSH, but reported, counted and bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.errors import StrayMessages
from jupyter_ssh.ssh.protocol.layers import Clock, stopped
from jupyter_ssh.ssh.wire import numbers as n

MAX_STRAYS: Final = 4096
"""How many messages are ignored within `SPAN`: far more than slips, far fewer than a flood."""

SPAN: Final = 60.0
"""In seconds.  A count without a time would end the connection of a server that makes one slip with each command."""


class Strays:
    """Ignores messages, and ends the session if there are too many; ``report`` gets the number and why of each.

    Nothing may be ignored before a user is logged in, or while keys change: whoever calls `ignore` is reached in
    Phase.OPEN only, see GATE.
    """

    __slots__ = ("_began", "_recent", "_report", "clock", "count")

    def __init__(self, report: Callable[[int, str], None]) -> None:
        self._report = report
        self.count = 0
        """How many messages were ignored so far."""
        self.clock: Clock = stopped
        """While it stands still, the limit is that of the whole session."""
        self._began = 0.0
        self._recent = 0

    def ignore(self, number: int, why: str) -> None:
        """Ignore a message.  Raises `StrayMessages` if there were too many."""
        self.count += 1
        self._recent += 1
        if self._recent > MAX_STRAYS or self._recent == 1:
            self._measure(number)
        self._report(number, why)

    def _measure(self, number: int) -> None:
        now = self.clock()
        if self._recent > MAX_STRAYS and now - self._began < SPAN:
            raise StrayMessages(
                "the peer keeps sending unexpected messages",
                phase="connection",
                expected=f"at most {MAX_STRAYS} within {SPAN:g} s",
                received=f"one more, {n.message_name(number)}",
            )
        self._began = now
        self._recent = 1
