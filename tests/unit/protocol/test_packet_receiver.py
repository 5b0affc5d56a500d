"""The receiver: whole packets reach their handlers, each opened with the keys of its moment."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.errors import PacketError, UnexpectedMessage
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.packets.receiver import PacketReceiver
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.transitions import Trigger
from jupyter_ssh.ssh.wire import numbers as n

IGNORE, DEBUG = n.SSH_MSG_IGNORE, n.SSH_MSG_DEBUG


class Receiver(PacketReceiver):
    """A receiver in the phase KEXINIT that keeps what it hands on."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        dispatcher = Dispatcher(Role.CLIENT, lambda body: None, lambda body: None)
        dispatcher.register(lambda: dict.fromkeys(range(256), self._handle))
        dispatcher.advance(Trigger.VERSION)
        super().__init__(PlainOpener(), dispatcher)
        self.react = {}

    def _handle(self, body: bytes) -> None:
        self.payloads.append(body[1 : len(body) - body[0]])
        self.react.get(body[1], lambda: None)()

    def feed(self, data: bytes) -> None:
        """What the network does."""
        self.buffer.room()[: len(data)] = data
        self.buffer.written(len(data))
        self.read_packets()


def packets(*payloads: bytes) -> bytes:
    sealer = PlainSealer()
    return b"".join(map(sealer.seal, payloads))


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_the_pieces_do_not_matter(step: int) -> None:
    said = [bytes((IGNORE,)) + bytes(size) for size in (0, 1, 50, 700)]
    data = packets(*said)
    receiver = Receiver()
    for start in range(0, len(data), step):
        receiver.feed(data[start : start + step])
    assert receiver.payloads == said
    assert receiver.opener.sequence == len(said)


def test_a_handler_may_change_the_keys_for_the_packet_after_its_own() -> None:
    receiver = Receiver()
    receiver.react[IGNORE] = lambda: setattr(receiver, "opener", PlainOpener(sequence=100))
    receiver.feed(packets(bytes((IGNORE,)), bytes((DEBUG,))))
    assert len(receiver.payloads) == 2
    assert receiver.opener.sequence == 101


def test_the_end_comes_at_once() -> None:
    receiver = Receiver()
    receiver.react[IGNORE] = receiver.close
    receiver.feed(packets(bytes((IGNORE,)), bytes((DEBUG,))) + b"what is no packet at all")
    assert receiver.payloads == [bytes((IGNORE,))]
    assert receiver.opener.sequence == 1


def test_what_is_wrong_is_raised_after_what_was_right() -> None:
    receiver = Receiver()
    with pytest.raises(UnexpectedMessage):
        receiver.feed(packets(bytes((IGNORE,)), bytes((n.SSH_MSG_NEWKEYS,))))
    assert receiver.payloads == [bytes((IGNORE,))]
    with pytest.raises(PacketError):
        receiver.feed(b"\xff" * 50)
