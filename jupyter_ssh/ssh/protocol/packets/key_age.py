"""When keys must be replaced: after bytes, packets or time (RFC 4253 §9, RFC 4344 §3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS, REKEY_PACKETS

SEQUENCE_MASK: Final = 0xFFFFFFFF

REKEY_PATIENCE: Final = 120.0
"""Seconds of silence after which a peer that has not completed a rekey is considered dead."""

NEVER: Final = 1 << 62


class KeyAge:
    """Counts the traffic under the current keys; if ``max_bytes`` is None, the ciphers set the limit."""

    def __init__(self, max_bytes: int | None, max_seconds: float) -> None:
        self._configured = max_bytes
        self._max_bytes = NEVER
        self._max_seconds = max_seconds
        self._sent = self._received = 0
        self._first_in = self._packets_out = 0
        self._now = 0.0
        self._since: float | None = None
        self._heard = False
        self._waiting_since: float | None = None

    @property
    def traffic(self) -> int:
        """Bytes in both directions under the current keys."""
        return max(0, self._sent) + self._received

    def received(self, count: int) -> None:
        """Count received bytes."""
        self._received += count
        self._heard = True

    def sent(self, count: int, packets: int) -> bool:
        """Count sent bytes and packets; return whether the sending keys are worn out."""
        # Called for every keystroke: counting packets is cheaper than asking for their sequence number.
        self._sent += count
        self._packets_out += packets
        return self._sent > self._max_bytes or self._packets_out >= REKEY_PACKETS

    def worn_in(self, sequence: int) -> bool:
        """Return whether the receiving keys are worn out; the next packet is number ``sequence``."""
        return self._received > self._max_bytes or (sequence - self._first_in) & SEQUENCE_MASK >= REKEY_PACKETS

    def new_sending_keys(self, unsent: int, packets: int) -> None:
        """Start over for new sending keys; ``unsent`` bytes in ``packets`` packets under the old ones are still
        queued."""
        self._sent = -unsent
        self._packets_out = -packets

    def new_receiving_keys(self, sequence: int) -> None:
        """Start over for new receiving keys, whose first packet is number ``sequence``."""
        self._first_in = sequence
        self._received = 0

    def renewed(self, ciphers: Iterable[str]) -> None:
        """Start over when a key exchange is complete; ``ciphers`` are those of both directions."""
        self._since = self._now
        self._max_bytes = self._configured or min(CIPHERS[name].rekey_bytes for name in ciphers)

    def tick(self, now: float) -> bool:
        """Advance the clock to ``now``; return whether the keys are too old."""
        self._now = now
        if self._since is None:
            self._since = now
        if now - self._since < self._max_seconds:
            return False
        self._since = now
        return True

    def stalled(self, rekeying: bool) -> bool:
        """Return whether the peer was silent for `REKEY_PATIENCE` during a rekey; to be called every tick."""
        if not rekeying:
            self._waiting_since = None
        elif self._waiting_since is None or self._heard:
            self._waiting_since = self._now
        self._heard = False
        return self._waiting_since is not None and self._now - self._waiting_since >= REKEY_PATIENCE

    def next_tick(self) -> float | None:
        """Return when `tick` should be called next."""
        return None if self._since is None else min(self._since + self._max_seconds, self._now + REKEY_PATIENCE)
