"""Channel windows: how much the peer may send, and when it may send more (RFC 4254 §5.2)."""

from __future__ import annotations

import math
from typing import Final

from jupyter_ssh.ssh.errors import WindowError
from jupyter_ssh.ssh.protocol.layers import Clock, stopped

INITIAL_WINDOW: Final = 2 * 1024 * 1024
MAX_PACKET_DATA: Final = 32768
"""How many bytes of data we accept in one packet: every peer can send that many, and decryption is fastest at this
size."""

ROOMS: Final = 3
"""One window for data in transit to us, one for grants in transit or due, and one to find out whether the path has room
for more."""

WINDOWS_BETWEEN: Final = 2
"""How many windows arrive between a probe that found the window large enough and the next one.  A peer that the window
limits uses one up in each round trip, so growth is delayed by so many; a fast one would have a probe with each grant.
"""

LONGEST: Final = 2.0
"""In seconds: a longer round trip is not one of the network."""

MAX_UINT32: Final = 0xFFFFFFFF


class ReceiveWindow:
    """How much the peer may still send on a channel.

    The window grows while the peer exhausts it within a round trip: a probe travels to the peer and back, and what
    arrives in the meantime is the capacity of the path plus what was queued along it.  `RoundTrips.share` subtracts
    the queues, and the window becomes `ROOMS` times the rest.  A window that only fills queues does harm: OpenSSH's
    server reads as much as it may send from its process, and moves all of it in memory for each packet.

    Where no probe is sent, the peer's use of the window stands in for one: it cannot use up what was granted at a
    moment before a round trip from then has passed, see `used_up`.
    """

    __slots__ = ("_granted", "_granted_then", "_probed_at", "_rest_until", "available", "consumed", "limit", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = min(INITIAL_WINDOW, limit)
        self.available = self.size
        """Bytes the peer may still send; the channel counts it down."""
        self.consumed = 0
        """Bytes that were consumed but not granted again yet; the channel counts it up and grants them in time."""
        self._granted = self.size
        self._probed_at: int | None = None
        self._granted_then = 0
        self._rest_until = 0
        """How many bytes must have arrived before the next probe."""

    def overrun(self, count: int) -> WindowError:
        """Return the error for ``count`` bytes that the peer was not allowed to send."""
        return WindowError(
            "the peer sent more than the channel's window",
            phase="connection",
            expected=f"at most {self.available + count} bytes",
            received=f"{count}",
        )

    @property
    def arrived(self) -> int:
        """Bytes the peer has sent so far."""
        return self._granted - self.available

    def grant(self) -> int:
        """Grant the peer all consumed bytes; return how many."""
        grant = self.consumed
        self.consumed = 0
        self._granted += grant
        self.available += grant
        return grant

    def begin_probe(self) -> bool:
        """Return whether to send a probe now; if so it counts as sent."""
        if self._probed_at is not None or self.size >= self.limit or self.arrived < self._rest_until:
            return False
        self._probed_at = self.arrived
        self._granted_then = self._granted
        return True

    @property
    def used_up(self) -> bool:
        """Whether all has arrived that had been granted when the probe began: at least a round trip has passed."""
        return self._probed_at is not None and self.arrived >= self._granted_then

    @property
    def overdue(self) -> bool:
        """Whether the answer should have come: a window has arrived beyond what was granted when the probe was sent.

        The peer could send that only after it had received grants that were sent after the probe."""
        return self._probed_at is not None and self.arrived >= self._granted_then + self.size

    def end_probe(self, share: float = 1.0) -> int:
        """Grow the window when the probe has returned; return how much to grant.

        ``share`` is the part of the round trip that was not spent in queues."""
        if self._probed_at is None:
            return 0
        arrived = self.arrived - self._probed_at
        self._probed_at = None
        needed = int(ROOMS * arrived * share)
        if needed * 4 < self.size * 5:  # ignore growth of less than a quarter
            self._rest_until = self.arrived + WINDOWS_BETWEEN * self.size
            return 0
        growth = min(needed, 2 * self.size, self.limit) - self.size
        self.size += growth
        self._granted += growth
        self.available += growth
        return growth


class RoundTrips:
    """The shortest round trip of a connection: its duration when the queues are empty."""

    __slots__ = ("clock", "shortest")

    def __init__(self) -> None:
        self.clock: Clock = stopped
        """While it stands still, all round trips have the same duration."""
        self.shortest = math.inf

    def share(self, began: float) -> float:
        """Return which part of a round trip from ``began`` until now was not spent in queues: above 0, at most 1."""
        took = self.clock() - began
        if took <= 0:
            return 1.0
        self.shortest = min(self.shortest, took)
        return self.shortest / took

    def note(self, began: float) -> None:
        """Count a round trip from ``began`` until now, unless it took so long that the peer must have been waiting."""
        if self.clock() - began < LONGEST:
            self.share(began)

    def share_at_most(self, began: float) -> float:
        """Return `share` for a time that is a round trip or longer, and does not count as one; 0 if none is known."""
        took = self.clock() - began
        if took <= 0:
            return 1.0
        return min(1.0, self.shortest / took) if self.shortest < math.inf else 0.0
