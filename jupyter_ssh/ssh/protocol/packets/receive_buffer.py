"""The one buffer that received bytes lie in until they are whole packets."""

from __future__ import annotations

from typing import Final

INITIAL_SIZE: Final = 256 * 1024
MAX_SIZE: Final = 512 * 1024
"""What the processor's cache holds: packets are decrypted a fifth faster from there than from a buffer of 4 MiB."""

MIN_ROOM: Final = 64 * 1024


class ReceiveBuffer:
    """A ``bytearray`` with a read offset and a write offset; ``view[start:end]`` has not been read yet.

    The network writes into `room` directly.  What is left of an incomplete packet moves to the front at most once a
    read, and a read that fills all the room doubles the buffer, up to `MAX_SIZE`.
    """

    __slots__ = ("_filled", "end", "start", "view")

    def __init__(self) -> None:
        self.view = memoryview(bytearray(INITIAL_SIZE))
        self.start = 0
        self.end = 0
        self._filled = False

    def room(self) -> memoryview:
        """Where to write what is received next: at least `MIN_ROOM` bytes."""
        size = len(self.view)
        waiting = self.end - self.start
        if (self._filled and size < MAX_SIZE) or size - waiting < MIN_ROOM:
            self._move_to(memoryview(bytearray(size * 2)), waiting)
        elif self.start and (waiting == 0 or size - self.end < size // 2):
            self._move_to(self.view, waiting)
        self._filled = False
        return self.view[self.end :]

    def written(self, count: int) -> None:
        """Says that ``count`` bytes were written into the last `room`."""
        self.end += count
        self._filled = self.end == len(self.view)

    def _move_to(self, target: memoryview, waiting: int) -> None:
        target[:waiting] = self.view[self.start : self.end]
        self.view = target
        self.start = 0
        self.end = waiting
