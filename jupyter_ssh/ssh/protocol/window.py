"""Channel windows: how much the peer may send, and when it may send more (RFC 4254 §5.2)."""

from __future__ import annotations

from typing import Final

from ..errors import WindowError

INITIAL_WINDOW: Final = 2 * 1024 * 1024
MAX_PACKET_DATA: Final = 32768
"""Bytes of data we take in one packet: what every peer can send, and a size at which decryption is at its fastest."""

MAX_UINT32: Final = 0xFFFFFFFF


class ReceiveWindow:
    """How much the peer may still send on a channel.

    The window doubles while the peer drains it within a round trip: a `probe` travels to the peer and back, and if
    half a window or more arrived meanwhile, the window (not the line) is what limits the peer.  No clock is needed.
    """

    __slots__ = ("_consumed", "_probed_at", "available", "limit", "received", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = min(INITIAL_WINDOW, limit)
        self.available = self.size
        """Bytes the peer may still send; the channel counts it down."""
        self.received = 0
        """Bytes granted again so far, which trails the bytes received by less than a window."""
        self._consumed = 0
        self._probed_at: int | None = None

    def overrun(self, count: int) -> WindowError:
        """The error for ``count`` bytes that the peer was not allowed to send."""
        return WindowError(
            "the peer sent more than the channel's window",
            phase="connection",
            expected=f"at most {self.available + count} bytes",
            received=f"{count}",
        )

    def credit(self, count: int) -> int:
        """Says that ``count`` bytes are off our hands; returns how much to grant the peer now (often 0)."""
        self._consumed += count
        if self._consumed * 4 < self.size:
            return 0
        grant = self._consumed
        self._consumed = 0
        self.received += grant
        self.available += grant
        return grant

    def begin_probe(self) -> bool:
        """Whether to send a probe now; if so it counts as sent."""
        if self._probed_at is not None or self.size >= self.limit:
            return False
        self._probed_at = self.received
        return True

    def end_probe(self) -> int:
        """The probe is back: returns how much to grant because the window grew."""
        if self._probed_at is None:
            return 0
        arrived = self.received - self._probed_at
        self._probed_at = None
        if arrived * 2 < self.size:
            return 0
        growth = min(self.size, self.limit - self.size)
        self.size += growth
        self.available += growth
        return growth
