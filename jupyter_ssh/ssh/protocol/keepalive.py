"""Noticing a peer that is gone (OpenSSH: ServerAliveInterval, ServerAliveCountMax)."""

from __future__ import annotations

from typing import Final

from ..errors import ConnectionLost
from .connection import Connection
from .settings import KeepAlive
from .transport import Transport

REQUEST: Final = "keepalive@openssh.com"


class KeepAliveTimer:
    """After ``interval`` silent seconds asks for a sign of life; after ``count`` unanswered ones ends the session."""

    def __init__(self, settings: KeepAlive, transport: Transport, connection: Connection) -> None:
        self._settings = settings
        self._transport = transport
        self._connection = connection
        self._due: float | None = None
        self._unanswered = 0
        self._heard = False

    def heard(self) -> None:
        """Something came from the peer."""
        self._heard = True

    def tick(self, now: float) -> None:
        """Gives the time; only once somebody is logged in."""
        interval = self._settings.interval
        if not interval:
            return
        if self._due is None or self._heard:
            self._heard = False
            self._unanswered = 0
            self._due = now + interval
            return
        if now < self._due:
            return
        if self._unanswered >= self._settings.count:
            silent = interval * (self._unanswered + 1)
            self._transport.fail(
                ConnectionLost(
                    "the peer does not answer any more",
                    phase="keepalive",
                    expected=f"an answer to one of {self._unanswered} requests",
                    received=f"silence for about {silent:g} s",
                    next_step="Check the network; then connect again.",
                )
            )
            return
        self._unanswered += 1
        self._due = now + interval
        if not self._transport.exchanging:
            # The answer itself does not matter: `heard` is told of anything that comes.
            self._connection.request_global(REQUEST, on_reply=lambda details: None)

    def next_tick(self) -> float | None:
        """When `tick` should be called next."""
        return self._due
