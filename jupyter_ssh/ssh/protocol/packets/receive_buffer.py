"""The buffer of received bytes until they are complete packets.

The memory is large, so that bulk data is read in large pieces, but a connection needs it only from a read until its
packets are handled.  So connections take turns in it; an idle one keeps at most an incomplete packet.
"""

from __future__ import annotations

from typing import Final

BLOCK_SIZE: Final = 512 * 1024
"""Fits the processor's cache: decryption is a fifth faster than from a buffer of 4 MiB."""

MIN_ROOM: Final = 64 * 1024
"""The minimum room for a read, in bytes, however much is buffered."""

_NOTHING: Final = memoryview(b"")


class Block:
    """A piece of memory and its tenant: the connection whose bytes are in it."""

    __slots__ = ("busy", "tenant", "view")

    def __init__(self) -> None:
        self.view = memoryview(bytearray(BLOCK_SIZE))
        self.tenant: ReceiveBuffer | None = None
        self.busy = False
        """The packets of the tenant are being handled: no other connection may move in."""


class ReceiveMemory:
    """The blocks that the connections of one event loop take turns in.

    One block is enough, unless handling the packets of one connection feeds another, as with a jump host.
    """

    __slots__ = ("blocks",)

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def take(self, tenant: ReceiveBuffer) -> Block:
        """Return a block for ``tenant``; its previous tenant keeps a copy of its unread bytes."""
        block = next((block for block in self.blocks if not block.busy), None)
        if block is None:
            block = Block()
            self.blocks.append(block)
        if block.tenant is not None:
            block.tenant.move_out()
        block.tenant = tenant
        return block


class ReceiveBuffer:
    """The received bytes of one connection: ``view[start:end]`` has not been read yet.

    The network writes into `room` directly and calls `written` before another connection asks for room.
    """

    __slots__ = ("block", "end", "memory", "start", "view")

    def __init__(self, memory: ReceiveMemory | None = None) -> None:
        self.memory = memory or ReceiveMemory()
        """Shared with other connections, or the connection's own."""
        self.block: Block | None = None
        self.view = _NOTHING
        self.start = 0
        self.end = 0

    def room(self) -> memoryview:
        """Return where to write the next received bytes: at least `MIN_ROOM` bytes."""
        block = self.block
        if block is None or block.tenant is not self:
            self._move_in()
        elif self.start:
            # An incomplete packet is moved to the front at most once per read.
            waiting = self.end - self.start
            if waiting == 0 or BLOCK_SIZE - self.end < BLOCK_SIZE // 2:
                self._move_to_front(self.view)
        return self.view[self.end :]

    def written(self, count: int) -> None:
        """Count ``count`` bytes as written into the last `room`."""
        if self.block is None or self.block.tenant is not self:
            raise RuntimeError("another connection was given room before this one had written into its own")
        self.end += count

    def _move_in(self) -> None:
        self.block = block = self.memory.take(self)
        self._move_to_front(block.view)

    def _move_to_front(self, target: memoryview) -> None:
        waiting = self.end - self.start
        target[:waiting] = self.view[self.start : self.end]
        self.view = target
        self.start = 0
        self.end = waiting

    def move_out(self) -> None:
        """Leave the block to another connection and keep a copy of the unread bytes."""
        rest = bytes(self.view[self.start : self.end])
        self.block = None
        self.view = memoryview(rest) if rest else _NOTHING
        self.start = 0
        self.end = len(rest)
