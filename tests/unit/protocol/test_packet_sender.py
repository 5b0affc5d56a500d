"""The sender: messages go out in order, held back while keys change, and its queue says when it is full."""

from __future__ import annotations

import weakref

import pytest

from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.protocol.packets.key_age import KeyAge
from jupyter_ssh.ssh.protocol.packets.ring import PacketRing
from jupyter_ssh.ssh.protocol.packets.sender import HELD_OVERHEAD, MAX_HELD, MAX_OUTPUT, PacketSender

VERSION = b"SSH-2.0-us\r\n"


class Sender(PacketSender):
    """A sender that counts whom it told."""

    def __init__(self, rekey_bytes: int | None = None) -> None:
        self.ring = PacketRing()
        age = KeyAge(rekey_bytes, 3600.0)
        age.renewed(["aes128-gcm@openssh.com"])
        super().__init__(PlainSealer(), age, self.ring, VERSION)
        self.told: list[str] = []
        self.on_output = lambda: self.told.append("output")
        self.on_released = lambda: self.told.append("released")
        self.on_worn_out = lambda: self.told.append("worn out")
        self.on_overflow = lambda: self.told.append("overflow")

    def sent(self) -> list[bytes]:
        """Takes the payloads that wait."""
        data = b"".join(packet for packet in self.take() if packet != VERSION)
        opener, payloads, start = PlainOpener(), [], 0
        while (body := opener.open(memoryview(data), start, len(data))) is not None:
            payloads.append(body[1 : len(body) - body[0]])
            start += len(body) + opener.overhead
        assert start == len(data)
        return payloads


@pytest.fixture
def sender() -> Sender:
    made = Sender()
    assert made.take() == [VERSION]
    return made


def test_all_goes_out_in_order_and_once(sender: Sender) -> None:
    sender.send(b"\2one")
    sender.send_data(b"^two")
    sender.send_now(b"\2three")
    assert sender.told == ["output"]
    assert sender.unsent > 0
    assert sender.sent() == [b"\2one", b"^two", b"\2three"]
    assert sender.unsent == 0
    assert sender.sent() == []
    assert sender.ring.lines() == ["sent SSH_MSG_IGNORE (2), 4 bytes", "sent 1 packets of data", sender.ring.lines()[2]]


def test_what_was_taken_is_the_takers(sender: Sender) -> None:
    taken = sender.take()
    sender.send(b"\2more")
    assert taken == []


def test_messages_wait_for_new_keys(sender: Sender) -> None:
    order: list[str] = []
    sender.hold()
    sender.send(b"\2one", lambda: order.append(f"after {sender.sealer.sequence}"))
    sender.send_data(b"^two")
    sender.send_now(b"\x15")
    assert sender.sent() == [b"\x15"]
    assert sender.congested
    sender.use(PlainSealer(sequence=100))
    sender.send(b"\2first under the new keys")
    assert sender.told == ["output", "output"]
    sender.release()
    assert sender.sent() == [b"\2first under the new keys", b"\2one", b"^two"]
    assert order == ["after 102"], "called when its message was sealed, and no other after it"
    assert sender.told == ["output", "output", "released"]
    assert not sender.congested


def test_what_is_called_afterwards_may_change_the_sealer(sender: Sender) -> None:
    other = PlainSealer(sequence=7)
    sender.send(b"\2before", lambda: setattr(sender, "sealer", other))
    sender.send(b"\2after")
    assert other.sequence == 8


def test_what_waits_for_new_keys_is_bounded(sender: Sender) -> None:
    sender.hold()
    for _ in range(MAX_HELD // (1 + HELD_OVERHEAD)):
        sender.send_data(b"x")
    assert sender.told == []
    sender.send_data(b"x")
    assert sender.told == ["overflow"]


def test_a_full_queue_is_congestion(sender: Sender) -> None:
    while sender.unsent <= MAX_OUTPUT:
        assert not sender.congested
        sender.send_data(bytes(30000))
    assert sender.congested
    sender.take()
    assert not sender.congested
    assert sender.told == ["output", "released"]


@pytest.mark.parametrize("resumed_first", [True, False])
def test_a_slow_network_and_new_keys_are_two_reasons(sender: Sender, resumed_first: bool) -> None:
    sender.pause()
    sender.hold()
    steps = [sender.resume, lambda: (sender.use(PlainSealer()), sender.release())]
    for step in steps if resumed_first else steps[::-1]:
        assert sender.congested
        assert sender.told == []
        step()
    assert not sender.congested
    assert sender.told == ["released"]


def test_keys_wear_out() -> None:
    sender = Sender(rekey_bytes=1000)
    sender.send_data(bytes(500))
    sender.take()
    assert "worn out" not in sender.told
    sender.send_data(bytes(500))
    sender.take()
    assert sender.told.count("worn out") == 1


def test_what_was_sealed_before_the_keys_does_not_wear_them() -> None:
    sender = Sender(rekey_bytes=1000)
    sender.send_data(bytes(5000))
    sender.use(PlainSealer())
    sender.send_data(bytes(500))
    sender.take()
    assert "worn out" not in sender.told


def test_the_end(sender: Sender) -> None:
    class Then:
        def __call__(self) -> None:
            raise AssertionError("what waits when the session ends is never sent")

    then = Then()
    forgotten = weakref.ref(then)
    sender.hold()
    sender.send(b"\2held", then)
    del then
    sender.send_now(b"\1goodbye")
    sender.close()
    assert forgotten() is None
    sender.send(b"\2late")
    sender.send_data(bytes(2 * MAX_HELD))
    sender.resume()
    assert sender.closed
    assert sender.sent() == [b"\1goodbye"]
    assert sender.told == ["output"]
