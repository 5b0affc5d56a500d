"""How often the peer may renew the keys: each time costs far more to answer than to ask for."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.protocol.layers import Clock, stopped

ENOUGH_BYTES: Final = 16 * 1024
"""New keys after at least so much traffic are always allowed once a user is logged in: that a peer has a small
RekeyLimit must not end its transfers, and so much traffic takes a while."""

SECONDS_EACH: Final = 1.0
"""And new keys every second; OpenSSH's RekeyLimit counts in seconds too."""

IN_ADVANCE: Final = {False: 16, True: 256}
"""How many others there may be at once, before and after the login.  With the smallest RekeyLimit, a peer renews the
keys after each packet; before the login no program needs new ones."""


class RekeyAllowance:
    """Counts the key exchanges after the first that the peer begins; ours are our own affair."""

    __slots__ = ("_then", "_used", "clock")

    def __init__(self) -> None:
        self._used = 0.0
        self._then = 0.0
        self.clock: Clock = stopped
        """While it stands still, no allowance is regained."""

    def spend(self, traffic: int, *, logged_in: bool) -> bool:
        """Count one, after ``traffic`` bytes under the current keys; return whether it is allowed."""
        now = self.clock()
        self._used = max(0.0, self._used - (now - self._then) / SECONDS_EACH)
        self._then = now
        if not logged_in or traffic < ENOUGH_BYTES:
            self._used += 1
        return self._used <= IN_ADVANCE[logged_in]

    @staticmethod
    def described(*, logged_in: bool) -> str:
        """Return what is allowed, for an error."""
        more = f" or after {ENOUGH_BYTES >> 10} KiB" if logged_in else ""
        return f"at most {IN_ADVANCE[logged_in]} times, then once a second{more}"
