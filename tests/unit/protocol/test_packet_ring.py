"""The ring of packets: the newest are told in order, and how many of data there were in between."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.protocol.packets.ring import KEPT, Packet, PacketRing


@pytest.mark.parametrize("count", [0, 1, KEPT - 1, KEPT, KEPT + 1, 5 * KEPT + 3])
def test_the_newest_are_kept_in_order(count: int) -> None:
    ring = PacketRing()
    packets = [Packet(number % 3 == 0, number % 256, number * 1000, number + 7) for number in range(count)]
    for packet in packets:
        ring.note(packet.received, packet.number, packet.size, packet.sequence)
    assert ring.packets() == packets[-KEPT:]


def test_any_header_there_may_be() -> None:
    ring = PacketRing()
    packets = [Packet(True, 255, (1 << 32) - 1, (1 << 32) - 1), Packet(False, 0, 0, -1)]
    for packet in packets:
        ring.note(packet.received, packet.number, packet.size, packet.sequence)
    assert ring.packets() == packets


def test_lines() -> None:
    ring = PacketRing()
    ring.note(True, 91, 17, 4)
    ring.note(False, 98, 22, 9)
    ring.note(True, 97, 5, 12)
    ring.note(True, 20, 100, 0)
    assert ring.lines() == [
        "received SSH_MSG_CHANNEL_OPEN_CONFIRMATION (91), 17 bytes",
        "sent SSH_MSG_CHANNEL_REQUEST (98), 22 bytes",
        "received 7 packets of data",
        "received SSH_MSG_CHANNEL_CLOSE (97), 5 bytes",
        "received SSH_MSG_KEXINIT (20), 100 bytes",
    ]


def test_whoever_logs_hears_of_each() -> None:
    ring = PacketRing()
    heard: list[Packet] = []
    ring.note(True, 1, 2, 3)
    ring.on_packet = heard.append
    ring.note(False, 20, 1000, 0)
    assert heard == [Packet(False, 20, 1000, 0)]
