"""The newest output of a remote process, by offset from its start, and the terminal's sizes at those offsets."""

from __future__ import annotations

from jupyter_ssh.kernel.terminals.limits import RING, SIZES

_FIRST = 64 << 10


class Ring:
    """A ring of at most ``capacity`` bytes, which grows as it is filled; when it is full, it drops the oldest bytes."""

    def __init__(self, capacity: int = RING) -> None:
        self.capacity = capacity
        self.end = 0
        """The offset just after the newest byte."""
        self._buffer = bytearray(min(_FIRST, capacity))

    @property
    def start(self) -> int:
        """The offset of the oldest byte that is kept."""
        return max(0, self.end - self.capacity)

    @property
    def allocated(self) -> int:
        """The number of bytes of memory in use."""
        return len(self._buffer)

    def append(self, data: bytes) -> None:
        """Add ``data`` at the end."""
        skipped = max(0, len(data) - self.capacity)
        first = self.end + skipped
        self.end += len(data)
        with memoryview(data) as whole, whole[skipped:] as kept:
            self._grow(first + len(kept))
            size = len(self._buffer)
            index = first % size
            head = min(len(kept), size - index)
            self._buffer[index : index + head] = kept[:head]
            if head < len(kept):
                self._buffer[: len(kept) - head] = kept[head:]

    def _grow(self, end: int) -> None:
        # Until the ring is full, nothing has wrapped, so room can be added at the end.
        size = len(self._buffer)
        if size < self.capacity and end > size:
            while size < min(end, self.capacity):
                size *= 2
            self._buffer += bytes(min(size, self.capacity) - len(self._buffer))

    def pieces(self, offset: int, size: int) -> tuple[memoryview, ...]:
        """Return views of ``size`` bytes from ``offset`` on, all of which must exist; valid until the next `append`."""
        index = offset % len(self._buffer)
        view = memoryview(self._buffer)
        head = min(size, len(self._buffer) - index)
        return (view[index : index + head],) if head == size else (view[index:], view[: size - head])

    def read(self, offset: int, size: int) -> bytes:
        """Return at most ``size`` bytes from ``offset`` on, which must not be older than `start`."""
        if not self.start <= offset <= self.end:
            raise IndexError(f"offset {offset} is not between {self.start} and {self.end}")
        return b"".join(self.pieces(offset, min(size, self.end - offset)))

    def line_start(self, offset: int, within: int) -> int:
        """Return the first start of a line in the ``within`` bytes after ``offset``, or ``offset`` if there is none."""
        found = self.read(offset, within).find(b"\n")
        return offset + found + 1 if found >= 0 else offset

    def last_lines(self, count: int, within: int) -> int:
        """Return the offset at which the last ``count`` lines begin, at most ``within`` bytes before the end."""
        first = max(self.start, self.end - within)
        tail = self.read(first, within)
        index = len(tail)
        for _ in range(count + 1):
            found = tail.rfind(b"\n", 0, index)
            if found < 0:
                break
            index = found
        else:
            return first + index + 1
        # There are fewer lines: begin with the first complete one.
        found = tail.find(b"\n")
        return first if first == 0 or found < 0 else first + found + 1


class Sizes:
    """The sizes of the terminal, each with the output offset from which it applies."""

    def __init__(self, rows: int, cols: int) -> None:
        self._changes: list[tuple[int, int, int]] = [(0, rows, cols)]

    @property
    def current(self) -> tuple[int, int]:
        """The current size, as (rows, cols)."""
        _, rows, cols = self._changes[-1]
        return rows, cols

    def change(self, offset: int, rows: int, cols: int, oldest: int) -> None:
        """Record the size from ``offset`` on; offsets before ``oldest`` will not be asked for again."""
        if self._changes[-1][0] == offset:
            self._changes.pop()
        self._changes.append((offset, rows, cols))
        kept = next((at for at in range(len(self._changes) - 1, 0, -1) if self._changes[at][0] <= oldest), 0)
        del self._changes[: max(kept, len(self._changes) - SIZES)]

    def since(self, offset: int) -> list[list[int]]:
        """Return the size in effect at ``offset`` and each change after it, as ``[offset, rows, cols]``."""
        before = [change for change in self._changes if change[0] <= offset][-1:] or self._changes[:1]
        after = [change for change in self._changes if change[0] > offset and change not in before]
        return [list(change) for change in (*before, *after)]
