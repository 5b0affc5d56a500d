"""Detect that the peer is gone (OpenSSH: ServerAliveInterval, ServerAliveCountMax)."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.errors import ConnectionLost
from jupyter_ssh.ssh.protocol.connection import MAX_PENDING_GLOBAL, Connection
from jupyter_ssh.ssh.protocol.settings import KeepAlive
from jupyter_ssh.ssh.protocol.transport import Transport

REQUEST: Final = "keepalive@openssh.com"


class KeepAliveTimer:
    """Probes the peer after ``interval`` silent seconds, and ends the session after ``count`` unanswered probes;
    without a ``count`` it never does."""

    def __init__(self, settings: KeepAlive, transport: Transport, connection: Connection) -> None:
        self._settings = settings
        self._transport = transport
        self._connection = connection
        self._due: float | None = None
        self._unanswered = 0
        self._heard = False
        self._probe: tuple[float, ConnectionLost] | None = None
        """When a `probe` times out, and the error to end the session with."""

    def heard(self) -> None:
        """Note that something was received from the peer."""
        self._heard = True

    def tick(self, now: float) -> None:
        """Advance the clock to ``now``; only to be called when a user is logged in."""
        if self._probe is not None and (self._heard or now >= self._probe[0]):
            error, self._probe = self._probe[1], None
            if not self._heard:
                self._transport.fail(error)
                return
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
        if self._settings.count is not None and self._unanswered >= self._settings.count:
            silent = interval * (self._unanswered + 1)
            self._transport.fail(
                ConnectionLost.silent(
                    "the peer no longer answers",
                    phase="keepalive",
                    expected=f"an answer to one of {self._unanswered} requests",
                    received=f"silence for about {silent:g} s",
                    next_step="Check the network; then connect again.",
                )
            )
            return
        self._unanswered += 1
        self._due = now + interval
        self._ask()

    def _ask(self) -> None:
        # A peer that talks but never answers is alive: there is no room for more requests, and no need.
        if not self._transport.exchanging and self._connection.unanswered < MAX_PENDING_GLOBAL:
            # The answer itself does not matter: `heard` is called for everything that is received.
            self._connection.request_global(REQUEST, on_reply=lambda details: None)

    def probe(self, now: float, within: float, slept: float) -> None:
        """Probe the peer now, whatever the interval; end the session unless something is received ``within`` seconds.

        ``slept`` is how many seconds this machine was asleep.
        """
        error = ConnectionLost.silent(
            "the connection did not survive this machine's sleep",
            phase="waking up",
            expected=f"an answer within {within:g} s of waking up",
            received=f"silence, after a sleep of about {_duration(slept)}",
            next_step="Connect again.",
        )
        self._heard = False
        self._probe = (now + within, error)
        self._ask()

    def next_tick(self) -> float | None:
        """Return when `tick` should be called next."""
        times = [self._due, self._probe[0] if self._probe is not None else None]
        return min((time for time in times if time is not None), default=None)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
