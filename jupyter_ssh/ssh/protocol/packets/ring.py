"""The last packets of a connection by their headers, for errors and ``-vvv``: never what was in them.

Packets of data are not noted one by one, as they are what a connection spends its time with: the packet's sequence
numbers tell how many there were in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.wire import numbers as n

KEPT: Final = 24
"""Packets that are kept."""

UNNOTED: Final = frozenset({n.SSH_MSG_CHANNEL_DATA, n.SSH_MSG_CHANNEL_EXTENDED_DATA, n.SSH_MSG_CHANNEL_WINDOW_ADJUST})
"""Messages that are told of by their number only."""


@dataclass(frozen=True, slots=True)
class Packet:
    """``received`` is its direction, ``number`` the message's, ``size`` the bytes of the message, ``sequence`` the
    packet's number in its direction (with strict key exchange under the keys of that time)."""

    received: bool
    number: int
    size: int
    sequence: int


class PacketRing:
    """The newest `KEPT` packets that were noted."""

    def __init__(self) -> None:
        self._packets: deque[Packet] = deque(maxlen=KEPT)
        self.on_packet: Callable[[Packet], None] | None = None
        """Hears of each, for a log."""

    def note(self, received: bool, number: int, size: int, sequence: int) -> None:
        """Keeps one."""
        packet = Packet(received, number, size, sequence)
        self._packets.append(packet)
        if self.on_packet is not None:
            self.on_packet(packet)

    def lines(self) -> list[str]:
        """A line each, oldest first, and one for packets that were not noted."""
        lines: list[str] = []
        last: dict[bool, int] = {}
        for packet in self._packets:
            way = "received" if packet.received else "sent"
            skipped = packet.sequence - last.get(packet.received, packet.sequence) - 1
            if skipped > 0:  # not where new keys have begun to count anew
                lines.append(f"{way} {skipped} packets of data")
            last[packet.received] = packet.sequence
            lines.append(f"{way} {n.message_name(packet.number)}, {packet.size} bytes")
        return lines
