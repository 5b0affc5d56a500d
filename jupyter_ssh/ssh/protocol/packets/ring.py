"""The headers of a connection's last packets, for errors and ``-vvv``: never their contents.

Packets of data, which are most of them, are not noted; sequence numbers tell how many there were in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final

from jupyter_ssh.ssh.wire import numbers as n

KEPT: Final = 24
"""How many packets are kept."""

_HEADER: Final = Struct("=?BIq")
"""The fields of `Packet`."""

UNNOTED: Final = frozenset({n.SSH_MSG_CHANNEL_DATA, n.SSH_MSG_CHANNEL_EXTENDED_DATA, n.SSH_MSG_CHANNEL_WINDOW_ADJUST})
"""Messages that are only counted."""


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

    __slots__ = ("_count", "_headers", "on_packet")

    def __init__(self) -> None:
        self._headers = bytearray(KEPT * _HEADER.size)  # every connection has one: objects would take six times as much
        self._count = 0
        self.on_packet: Callable[[Packet], None] | None = None
        """Called for each, for a log."""

    def note(self, received: bool, number: int, size: int, sequence: int) -> None:
        """Keep one; the fields are those of `Packet`."""
        _HEADER.pack_into(self._headers, self._count % KEPT * _HEADER.size, received, number, size, sequence)
        self._count += 1
        if self.on_packet is not None:
            self.on_packet(Packet(received, number, size, sequence))

    def packets(self) -> list[Packet]:
        """Return those that are kept, oldest first."""
        numbers = range(max(0, self._count - KEPT), self._count)
        return [Packet(*_HEADER.unpack_from(self._headers, number % KEPT * _HEADER.size)) for number in numbers]

    def lines(self) -> list[str]:
        """Return a line for each, oldest first, and one for packets in between that were not noted."""
        lines: list[str] = []
        last: dict[bool, int] = {}
        for packet in self.packets():
            way = "received" if packet.received else "sent"
            skipped = packet.sequence - last.get(packet.received, packet.sequence) - 1
            if skipped > 0:  # not where new keys have begun to count anew
                lines.append(f"{way} {skipped} packets of data")
            last[packet.received] = packet.sequence
            lines.append(f"{way} {n.message_name(packet.number)}, {packet.size} bytes")
        return lines
