"""How often the peer may renew the keys: each time costs far more to answer than to ask for."""

from __future__ import annotations

from typing import Final

ENOUGH_BYTES: Final = 256 * 1024
"""New keys after at least so much traffic are always allowed."""

SECONDS_EACH: Final = 1.0
"""And new keys every second; OpenSSH's RekeyLimit counts in seconds too."""

IN_ADVANCE: Final = {False: 16, True: 256}
"""How many more there may be at once, before and after the login.  With the smallest RekeyLimit, a peer renews the keys
after each packet; before the login no program needs new ones."""


class RekeyAllowance:
    """Counts the key exchanges after the first that the peer begins; ours are our own affair."""

    __slots__ = ("_then", "_used")

    def __init__(self) -> None:
        self._used = 0.0
        self._then = 0.0

    def spend(self, traffic: int, now: float, *, logged_in: bool) -> bool:
        """Count one, after ``traffic`` bytes under the current keys; return whether it is allowed."""
        self._used = max(0.0, self._used - (now - self._then) / SECONDS_EACH)
        self._then = now
        if traffic < ENOUGH_BYTES:
            self._used += 1
        return self._used <= IN_ADVANCE[logged_in]

    @staticmethod
    def described(*, logged_in: bool) -> str:
        """Return what is allowed, for an error."""
        return f"at most {IN_ADVANCE[logged_in]} times, then once a second or after {ENOUGH_BYTES >> 10} KiB"
