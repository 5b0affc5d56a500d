"""The headers of a connection's last packets, for errors and ``-vvv``; never their contents.

Data packets, the majority, are not noted; gaps in the sequence numbers show how many there were.
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
    """The last `KEPT` packets that were noted."""

    __slots__ = ("_count", "_headers", "on_packet")

    def __init__(self) -> None:
        self._headers = bytearray(KEPT * _HEADER.size)  # objects would take six times the memory
        self._count = 0
        self.on_packet: Callable[[Packet], None] | None = None
        """Called for each noted packet, for a log."""

    def note(self, received: bool, number: int, size: int, sequence: int) -> None:
        """Note a packet; the arguments are the fields of `Packet`."""
        _HEADER.pack_into(self._headers, self._count % KEPT * _HEADER.size, received, number, size, sequence)
        self._count += 1
        if self.on_packet is not None:
            self.on_packet(Packet(received, number, size, sequence))

    def packets(self) -> list[Packet]:
        """Return the noted packets, oldest first."""
        numbers = range(max(0, self._count - KEPT), self._count)
        return [Packet(*_HEADER.unpack_from(self._headers, number % KEPT * _HEADER.size)) for number in numbers]

    def lines(self) -> list[str]:
        """Return a line for each packet, oldest first, and one for the data packets in between."""
        lines: list[str] = []
        last: dict[bool, int] = {}
        for packet in self.packets():
            way = "received" if packet.received else "sent"
            skipped = packet.sequence - last.get(packet.received, packet.sequence) - 1
            if skipped > 0:  # negative if the sequence numbers restarted with new keys
                lines.append(f"{way} {skipped} packets of data")
            last[packet.received] = packet.sequence
            lines.append(f"{way} {n.message_name(packet.number)}, {packet.size} bytes")
        return lines
