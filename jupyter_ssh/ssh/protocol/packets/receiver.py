"""Incoming packets: taken from the receive buffer, opened, and passed to the handler of their message."""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.packets.receive_buffer import ReceiveBuffer


class PacketReceiver:
    """Opens packets in order, each with the keys in use at that point."""

    __slots__ = ("_dispatcher", "buffer", "opener")

    def __init__(self, opener: Opener, dispatcher: Dispatcher) -> None:
        self.opener = opener
        self.buffer = ReceiveBuffer()
        self._dispatcher = dispatcher

    def read_packets(self) -> None:
        """Pass all complete packets to their handlers; raise `SSHError` if the peer violates the protocol."""
        # The hot loop of a download: one call to open a packet, one to handle it.
        buffer, dispatcher = self.buffer, self._dispatcher
        block, view, start, end = buffer.block, buffer.view, buffer.start, buffer.end
        assert block is not None
        block.busy = True
        try:
            while True:
                opener = self.opener
                body = opener.open(view, start, end)
                if body is None:
                    return
                start += len(body) + opener.overhead
                try:
                    handler = dispatcher.handlers[body[1]]
                except KeyError:
                    handler = dispatcher.look_up(body)
                handler(body)
        finally:
            buffer.start = start
            block.busy = False

    def close(self) -> None:
        """Open nothing more, whatever has been received."""
        self.opener = _ClosedOpener(self.opener)


class _ClosedOpener:
    """The opener of a session that is over."""

    __slots__ = ("overhead", "sequence")

    def __init__(self, before: Opener) -> None:
        self.overhead = 0
        self.sequence = before.sequence

    def open(self, buffer: memoryview, start: int, end: int) -> bytes | None:
        """See `Opener.open`: there is never a packet."""
        return None
