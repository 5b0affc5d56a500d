"""The fallback transport without its channels: frames in numbered messages, acknowledged, retransmitted, and paced.

On the way to the page, messages may be lost without notice (a Jupyter server drops those that arrive too fast); on the
way from it, they may arrive twice.  Time is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from jupyter_ssh.pages.frames import Data, FrameError, decode_data, encode_data, is_data_of
from jupyter_ssh.pages.limits import UNREAD

Message = tuple[dict[str, Any], list[bytes]]
"""Content and buffers."""

MESSAGES: Final = (10.0, 30.0)
"""A burst, and a rate per second: together at most 40 messages in any second."""
BYTES: Final = (float(1 << 20), float(3 << 20))
"""The same in bytes: at most 4 MiB in any second."""
BATCH_BYTES: Final = 256 << 10
QUEUE_BYTES: Final = 256 << 10
"""How much may be queued before streams have to wait."""
UNACKED_BYTES: Final = 4 << 20
AGAIN_SECONDS: Final = 1.5
"""A message that is not acknowledged within this time is sent again, with all that follow it."""
ACK_SECONDS: Final = 0.05
"""How long an acknowledgement waits for a message that can carry it."""
SILENT_SECONDS: Final = 10.0
"""Nothing is sent to a page that has been silent for this long."""
GONE_SECONDS: Final = 60.0
"""A page that has been silent for this long is gone."""
ONLY_ACK: Final = 0
"""The number of a message that carries nothing but an acknowledgement."""


class Allowance:
    """A rate limit: a burst at once, and then so many per second."""

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst, self._rate = burst, rate
        self._left, self._at = burst, now

    def _refill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until ``amount`` may be sent; for more than a burst, until a whole burst is available."""
        self._refill(now)
        return max(0.0, (min(amount, self._burst) - self._left) / self._rate)

    def take(self, amount: float, now: float) -> None:
        """Deduct ``amount``, which is sent now."""
        self._refill(now)
        self._left -= amount


_Queued = tuple["dict[str, Any] | bytes", int]
"""A control frame or the body of a data frame, and its approximate size in bytes."""


@dataclass(slots=True)
class _Numbered:
    seq: int
    frames: list[_Queued]
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(size for _, size in self.frames)


class Batches:
    """Both directions of one page's connection; ``send`` sends a message and never blocks."""

    def __init__(
        self,
        connection: str,
        send: Callable[[dict[str, Any], list[bytes]], None],
        now: float,
        silent: float = SILENT_SECONDS,
    ) -> None:
        self.connection = connection
        self._silent = silent
        self._send = send
        self._queue: deque[_Queued] = deque()
        self._queued = 0
        self._unacked: deque[_Numbered] = deque()
        self._unacked_bytes = 0
        self._next = 1
        self._again: deque[_Numbered] = deque()
        self._oldest_sent = now
        self._received = 0
        self._owed_since: float | None = None
        self._heard = now
        self._messages = Allowance(*MESSAGES, now)
        self._bytes = Allowance(*BYTES, now)
        self._ending: dict[str, Any] = {}
        self._asks = False

    # --- towards the page ---------------------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        """Whether more output may be queued."""
        return self._queued < QUEUE_BYTES and self._unacked_bytes < UNACKED_BYTES - BATCH_BYTES

    @property
    def queued(self) -> int:
        """The number of bytes waiting to be sent for the first time."""
        return self._queued

    @property
    def overfull(self) -> bool:
        """Whether more is waiting than any page may leave unread."""
        return self._queued > 2 * UNREAD

    def control(self, message: dict[str, Any], size: int) -> None:
        """Queue a control frame of about ``size`` bytes."""
        self._queue.append((message, size))
        self._queued += size

    def data(self, stream: int, offset: int, payload: bytes) -> None:
        """Queue a data frame."""
        body = encode_data(stream, offset, payload)
        self._queue.append((body, len(body)))
        self._queued += len(body)

    def discard(self, stream: int) -> None:
        """Drop the waiting data frames of this stream, also from messages that may have to be sent again."""

        def kept(frames: Iterable[_Queued]) -> list[_Queued]:
            return [frame for frame in frames if not (isinstance(frame[0], bytes) and is_data_of(stream, frame[0]))]

        self._queue = deque(kept(self._queue))
        self._queued = sum(size for _, size in self._queue)
        for message in self._unacked:
            message.frames = kept(message.frames)
        self._unacked_bytes = sum(message.size for message in self._unacked)

    def end(self, code: int, reason: str) -> None:
        """Queue the end of the connection, after the waiting frames."""
        self._ending = {"close": code, "reason": reason}

    @property
    def ending(self) -> bool:
        """Whether the end of the connection is still to be sent."""
        return bool(self._ending)

    def ask(self) -> None:
        """Queue an empty message unless one is in transit: its acknowledgement shows that messages arrive."""
        self._asks = not self._unacked

    def flush(self, now: float) -> float | None:
        """Send what may be sent now; return the time at which to call again, or None if nothing is waiting."""
        if now - self._heard >= self._silent:
            return None
        if self._unacked and not self._again and now - self._oldest_sent >= AGAIN_SECONDS:
            self._again = deque(self._unacked)
            self._oldest_sent = now
        while (message := self._upcoming()) is not None:
            wait = max(self._messages.wait(1, now), self._bytes.wait(message.size, now))
            if wait > 0:
                return now + wait
            self._take(message, now)
        if self._owed_since is not None:
            due = self._owed_since + ACK_SECONDS
            if now < due:
                return due
            wait = self._messages.wait(1, now)
            if wait > 0:
                return now + wait
            self._messages.take(1, now)
            self._owed_since = None
            self._post(_Numbered(ONLY_ACK, []))
        return self._oldest_sent + AGAIN_SECONDS if self._unacked else None

    def _upcoming(self) -> _Numbered | None:
        if self._again:
            return self._again[0]
        if not (self._queue or self._ending or self._asks) or self._unacked_bytes >= UNACKED_BYTES:
            return None
        # Built anew at each call, so that it includes what was queued while it waited for its turn.
        frames: list[_Queued] = []
        size = 0
        for frame in self._queue:
            if frames and size + frame[1] > BATCH_BYTES:
                break
            frames.append(frame)
            size += frame[1]
        last = len(frames) == len(self._queue)
        return _Numbered(self._next, frames, self._ending if last else {})

    def _take(self, message: _Numbered, now: float) -> None:
        self._messages.take(1, now)
        self._bytes.take(message.size, now)
        if self._again:
            self._again.popleft()
        else:
            for _ in message.frames:
                self._queued -= self._queue.popleft()[1]
            if message.extra:
                self._ending = {}
            self._asks = False
            if not self._unacked:
                self._oldest_sent = now
            self._unacked.append(message)
            self._unacked_bytes += message.size
            self._next += 1
        self._owed_since = None
        self._post(message)

    def _post(self, message: _Numbered) -> None:
        frames: list[Any] = []
        buffers: list[bytes] = []
        for frame, _ in message.frames:
            if isinstance(frame, bytes):
                frames.append(len(buffers))
                buffers.append(frame)
            else:
                frames.append(frame)
        content = {"connection": self.connection, "seq": message.seq, "ack": self._received, "frames": frames}
        self._send({**content, **message.extra}, buffers)

    # --- from the page ------------------------------------------------------------------------------------------------

    def gone(self, now: float) -> bool:
        """Return whether the page has been silent for so long that it will not come back."""
        return now - self._heard >= GONE_SECONDS

    def receive(self, content: dict[str, Any], buffers: list[bytes], now: float) -> list[dict[str, Any] | Data]:
        """Return a message's frames; none if it is a duplicate or an earlier one is missing.  Raises `FrameError`."""
        self._heard = now
        seq, ack, frames = content.get("seq"), content.get("ack"), content.get("frames")
        if not _whole(seq) or not _whole(ack) or not isinstance(frames, list):
            raise _bad("a message without seq, ack or frames")
        assert isinstance(seq, int)
        assert isinstance(ack, int)
        self._acknowledged(ack, now)
        if seq == ONLY_ACK:
            return []
        if self._owed_since is None:
            self._owed_since = now
        if seq != self._received + 1:
            return []
        taken = [_frame(frame, buffers) for frame in frames]
        self._received = seq
        return taken

    def _acknowledged(self, ack: int, now: float) -> None:
        if ack >= self._next:
            raise _bad("a message that has not been sent was acknowledged")
        while self._unacked and self._unacked[0].seq <= ack:
            self._unacked_bytes -= self._unacked.popleft().size
            self._oldest_sent = now
        while self._again and self._again[0].seq <= ack:
            self._again.popleft()


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _frame(frame: object, buffers: list[bytes]) -> dict[str, Any] | Data:
    if isinstance(frame, dict):
        if not isinstance(frame.get("type"), str):
            raise _bad("a control frame without a type")
        return frame
    if not _whole(frame):
        raise _bad("a frame that is neither an object nor the number of a buffer")
    assert isinstance(frame, int)
    if frame >= len(buffers):
        raise _bad("a frame's buffer is missing")
    return decode_data(buffers[frame])


def _bad(message: str) -> FrameError:
    return FrameError(message, phase="page frames")
