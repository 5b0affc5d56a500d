"""Live output of a remote command below the cell that runs it.

    engine: ``feed``  ->  a bounded queue of (stream, bytes)  ->  waiting thread: ``flush`` -> sys.stdout, sys.stderr

The engine never writes itself: it puts one job on the desk of the cell (desk.py) and goes on.  The output shown is
limited, batched and paced, because jupyter_server drops the output of a kernel that sends more than 1 MB or 1000
messages a second, and a page with a hundred megabytes of text becomes unresponsive.  Output beyond the limit is
counted; a notice gives its size, and its last lines are shown at the end.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import sys
import threading
import time
from typing import TextIO

from jupyter_ssh.kernel.cells.desk import Desk
from jupyter_ssh.kernel.cells.page_limits import PageLimits, limits_of_cell

SHOWN_BYTES = 1024 * 1024
"""How much output of one command is shown by default: about as much as a page can scroll smoothly."""
SHOWN_LINES = 10_000
SHOWN_SEQUENCES = 20_000
"""How many control sequences are shown by default: a page makes an element for each change of the colour."""
TAIL_BYTES = 4096
"""How much of the end of a longer output is shown."""
TAIL_LINES = 20

BATCH_SECONDS = 0.03
"""Seconds for which output is collected before it is shown: not noticeable, and at most 33 batches a second."""
MESSAGE_BYTES = 64 * 1024
"""The most bytes in one message."""
PENDING_BYTES = 4 * 1024 * 1024
"""How many bytes may wait to be shown before the engine stops reading from the remote."""
INTERLEAVINGS = 16
"""The most alternations between stdout and stderr that one batch shows in order; beyond that, each stream is shown in
one piece."""

STREAMS = ("stdout", "stderr")


class Pace:
    """A budget of bytes and messages per second, shared by all cells of this kernel.

    jupyter_server counts over windows of 3 s (``iopub_data_rate_limit`` 1 MB/s, ``iopub_msg_rate_limit`` 1000/s).
    ``burst`` bytes, followed by ``rate`` bytes per second, stay below that and leave room for the user's own output.
    """

    def __init__(self, rate: float = 600_000, burst: float = 1_000_000, messages: float = 300) -> None:
        self._rate, self._burst, self._messages = rate, burst, messages
        self._bytes_left = burst
        self._messages_left = messages
        self._then = time.monotonic()

    def spend(self, size: int) -> None:
        """Count a message of ``size`` bytes."""
        self._bytes_left -= size
        self._messages_left -= 1

    def delay(self) -> float:
        """Return the seconds until the next message may be sent; 0 if it may be sent now."""
        now = time.monotonic()
        passed, self._then = now - self._then, now
        self._bytes_left = min(self._burst, self._bytes_left + passed * self._rate)
        self._messages_left = min(self._messages, self._messages_left + passed * self._messages)
        return max(-self._bytes_left / self._rate, -self._messages_left / self._messages, 0)


_PACE = Pace()


def to_a_page() -> bool:
    """Return whether sys.stdout goes to a page through a Jupyter server, and is subject to its limits."""
    return type(sys.stdout).__module__.partition(".")[0] == "ipykernel"


class _Tail:
    """The end of one stream's output that is not shown, and the size of all of it."""

    def __init__(self) -> None:
        self._data = b""
        self.size = 0
        self.lines = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.lines += data.count(b"\n")
        self._data = (self._data + data[-TAIL_BYTES:])[-TAIL_BYTES:]

    def last_lines(self) -> bytes:
        """Return the last lines, without one that is incomplete at its beginning unless there is no other."""
        lines = self._data.splitlines(keepends=True)
        if len(self._data) < self.size and len(lines) > 1:
            lines = lines[1:]
        return b"".join(lines[-TAIL_LINES:])


class LiveOutput:
    """Shows the two output streams of one command while a cell waits for it.

    `feed` and `finish` are called on the engine, `flush` by the waiting thread.  ``limit`` is in bytes, 0 for no limit;
    ``kept`` says in a few words where the whole output is kept, None if it is not.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        limit: int | None = None,
        kept: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        # A user who gives a limit in bytes does not also want one in lines and sequences.
        self._bytes_left: float = SHOWN_BYTES if limit is None else (limit or float("inf"))
        self._lines_left: float = SHOWN_LINES if limit is None else float("inf")
        self._sequences_left: float = SHOWN_SEQUENCES if limit is None else float("inf")
        self._limit = SHOWN_BYTES if limit is None else limit
        self._own_limit = limit is not None
        self._kept = kept
        self._pace = pace if pace is not None else (_PACE if to_a_page() else None)
        self._lock = threading.Lock()  # for the queue: the engine adds to it, the waiting thread takes from it
        self._pending: list[tuple[str, bytes]] = []
        self._pending_bytes = 0
        self._full = False
        self._tails: dict[str, _Tail] = {name: _Tail() for name in STREAMS}
        # Bytes that are not UTF-8 are shown as \xNN, so nothing is lost.
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {name: decoder(errors="backslashreplace") for name in STREAMS}
        # A terminal that is not a page has no trouble with what these limit.
        self._page_limits = {name: PageLimits() for name in STREAMS} if self._pace else {}
        self._scheduled = False
        self._last_flush = float("-inf")
        self._flushed = asyncio.Event()

    # --- the engine's side --------------------------------------------------------------------------------------------

    def feed(self, name: str, data: bytes) -> None:
        """Show ``data`` of the stream ``name`` ("stdout" or "stderr") as far as the limit allows."""
        if not data:
            return
        if self._full:
            self._tails[name].add(data)
            return
        shown = self._within_bound(data)
        if shown:
            self._queue(name, shown)
        if len(shown) < len(data):
            self._full = True
            self._queue("notice", self._notice().encode())
            self._tails[name].add(data[len(shown) :])

    def say(self, text: str) -> None:
        """Show a message of our own on stderr."""
        self._queue("notice", f"[ssh: {text}]\n".encode())

    async def writable(self) -> None:
        """Wait while more than `PENDING_BYTES` wait to be shown: the remote is held back, and memory stays bounded."""
        await self._until_pending(PENDING_BYTES)

    async def finish(self) -> None:
        """Wait until everything has been shown, including the end of a long output."""
        for name in STREAMS:
            if self._tails[name].size:
                self._queue("notice", self._tail_notice(name).encode())
                self._queue(name, self._tails[name].last_lines())
        await self._until_pending(0)
        self._desk.post(self._write_rests)

    async def _until_pending(self, size: int) -> None:
        while self._pending_bytes > size and self._desk.open:
            self._flushed.clear()
            await self._flushed.wait()

    def _within_bound(self, data: bytes) -> bytes:
        end = len(data)
        lines, sequences = data.count(b"\n"), data.count(b"\x1b")
        if lines >= self._lines_left:
            end = _place_of(b"\n", int(self._lines_left), data)
        if sequences > self._sequences_left:
            end = min(end, _place_of(b"\x1b", int(self._sequences_left) + 1, data) - 1)
        if end > self._bytes_left:
            end = int(self._bytes_left)
            end = data.rfind(b"\n", 0, end) + 1 or end
        self._bytes_left -= end
        self._lines_left -= lines
        self._sequences_left -= sequences
        return data[:end]

    def _notice(self) -> str:
        others = f", {SHOWN_LINES:,} lines or {SHOWN_SEQUENCES:,} control sequences"
        bound = f"{size_text(self._limit)}" + ("" if self._own_limit else others)
        kept = f"all of it is kept in {self._kept}" if self._kept else "it is not kept (--out NAME keeps it)"
        return f"\n[ssh: output beyond {bound} is not shown; {kept}; --show SIZE shows more]\n"

    def _tail_notice(self, name: str) -> str:
        tail = self._tails[name]
        return f"[ssh: {size_text(tail.size)} of {name} not shown, {tail.lines:,} lines; it ends with:]\n"

    def _queue(self, name: str, data: bytes) -> None:
        with self._lock:
            self._pending.append((name, data))
            self._pending_bytes += len(data)
        self._schedule(0)

    def _schedule(self, delay: float) -> None:
        if not self._scheduled:
            self._scheduled = True
            rest_of_batch = self._last_flush + BATCH_SECONDS - self._loop.time()
            self._loop.call_later(max(delay, rest_of_batch, 0), self._post)

    def _post(self) -> None:
        if not self._desk.post(self.flush):
            self._written(0)

    def _written(self, delay: float) -> None:
        self._scheduled = False
        self._last_flush = self._loop.time()
        self._flushed.set()
        if self._pending_bytes and self._desk.open:
            self._schedule(delay)

    # --- the waiting thread's side ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the pending output, as far as the pace allows.  Run by the waiting thread, as a job of its desk."""
        delay = 0.0
        try:
            delay = self._write_pending()
        finally:
            self._loop.call_soon_threadsafe(self._written, delay)

    def _write_pending(self) -> float:
        with self._lock:
            batch, self._pending = self._pending, []
        pieces = _merge(batch)
        try:
            while pieces:
                delay = self._pace.delay() if self._pace else 0.0
                if delay:
                    return delay
                self._write(*pieces.pop(0))
            return 0.0
        finally:  # a piece that cannot be written is lost; the ones after it still wait
            with self._lock:
                self._pending[:0] = pieces
                self._pending_bytes = sum(len(data) for _, data in self._pending)

    def _write(self, name: str, data: bytes) -> None:
        if name == "notice":
            text, stream = data.decode(), sys.stderr
        else:
            text, stream = self._decoders[name].decode(data), _stream(name)
            if limits := self._limits(name):
                text = limits.limit(text)
        if text:
            _put(stream, text)
            if self._pace:
                self._pace.spend(len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")))

    def _write_rests(self) -> None:
        """Write the first bytes of a character that was never completed, and what was held back."""
        for name in STREAMS:
            rest = self._decoders[name].decode(b"", final=True)
            if limits := self._limits(name):
                rest = limits.limit(rest) + limits.rest()
            if rest:
                _put(_stream(name), rest)

    def _limits(self, name: str) -> PageLimits | None:
        return (limits_of_cell(_stream(name), name) or self._page_limits[name]) if self._page_limits else None


def _place_of(byte: bytes, count: int, data: bytes) -> int:
    """Return where ``data`` goes on behind the ``count``-th ``byte``."""
    place = 0
    for _ in range(count):
        place = data.index(byte, place) + 1
    return place


def _stream(name: str) -> TextIO:
    return sys.stdout if name == "stdout" else sys.stderr


def _put(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # a terminal that is not UTF-8
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _merge(pieces: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Join adjacent pieces of the same stream into pieces of at most `MESSAGE_BYTES`; see `INTERLEAVINGS`."""
    runs: list[tuple[str, list[bytes]]] = []
    for name, data in pieces:
        if runs and runs[-1][0] == name:
            runs[-1][1].append(data)
        else:
            runs.append((name, [data]))
    if len(runs) > INTERLEAVINGS:
        names = dict.fromkeys(name for name, _ in runs)
        runs = [(name, [data for other, data in pieces if other == name]) for name in names]
    merged: list[tuple[str, bytes]] = []
    for name, parts in runs:
        data = b"".join(parts)
        merged += [(name, data[start : start + MESSAGE_BYTES]) for start in range(0, len(data), MESSAGE_BYTES)]
    return merged


def size_text(size: float) -> str:
    """Return ``size`` bytes in readable form, such as "1.5 MiB"."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1000 or unit == "GiB":
            break
    return f"{size:.1f} {unit}" if size < 100 and size != int(size) else f"{size:.0f} {unit}"
