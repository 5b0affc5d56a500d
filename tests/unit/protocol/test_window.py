"""`ReceiveWindow` on lines that are made of arithmetic: no clock runs, nothing is sent."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count

import pytest

from jupyter_ssh.ssh.errors import WindowError
from jupyter_ssh.ssh.protocol.window import INITIAL_WINDOW, LONGEST, WINDOWS_BETWEEN, ReceiveWindow, RoundTrips

PACKET = 32768
LIMIT = 64 * 1024 * 1024


@dataclass
class Line:
    """A peer that sends whatever it may, at the other end of a line: ``rate`` in bytes a second, ``delay`` there and
    back in seconds. What the line does not carry at once stands in a queue before it, as it does in a socket. A
    ``silent`` one gets no probe."""

    rate: float
    delay: float
    silent: bool = False
    now: float = 0.0
    line_free: float = 0.0
    received: int = 0
    window: ReceiveWindow = field(default_factory=lambda: ReceiveWindow(LIMIT))
    trips: RoundTrips = field(default_factory=RoundTrips)

    def run(self, seconds: float) -> float:
        """Lets the peer send for so long; returns the rate of the second half."""
        self.trips.clock = lambda: self.now
        order = count()
        under_way: list[tuple[float, int, str, int]] = []

        def send(kind: str, size: int) -> None:  # from the peer to us, behind all that stands in the queue
            self.line_free = max(self.line_free, self.now) + size / self.rate
            heapq.heappush(under_way, (self.line_free + self.delay / 2, next(order), kind, size))

        def answer(kind: str, size: int) -> None:  # from us to the peer
            heapq.heappush(under_way, (self.now + self.delay / 2, next(order), kind, size))

        self.trips.share(-self.delay)  # the opening of the channel, when nothing was in the way
        credit, asked_at, half = self.window.size, 0.0, 0
        while self.now < seconds:
            while credit:
                size = min(PACKET, credit)
                credit -= size
                send("data", size)
            self.now, _, kind, size = heapq.heappop(under_way)
            if kind == "data":
                self.received += size
                half += size if self.now > seconds / 2 else 0
                self.window.available -= size
                self.window.consumed += size
                assert self.window.available >= 0
                if self.window.consumed * 4 >= self.window.size:
                    answer("grant", self.window.grant())
                    if self.silent:
                        if self.window.used_up and (
                            growth := self.window.end_probe(self.trips.share_at_most(asked_at))
                        ):
                            answer("grant", growth)
                        if self.window.begin_probe():
                            asked_at = self.now
                    elif self.window.begin_probe():
                        asked_at = self.now
                        answer("probe", 0)
            elif kind == "grant":
                credit += size
            elif kind == "probe":
                send("probe back", 64)
            elif growth := self.window.end_probe(self.trips.share(asked_at)):
                answer("grant", growth)
        return half / (seconds / 2)


@pytest.mark.parametrize(
    ("rate", "delay"),
    [(100e6, 0.05), (300e6, 0.05), (50e6, 0.3), (1e9, 0.01), (20e6, 0.15)],
    ids=lambda value: f"{value:g}",
)
@pytest.mark.parametrize("silent", [False, True])
def test_a_long_line_is_filled_without_filling_the_queue_before_it_much(
    rate: float, delay: float, silent: bool
) -> None:
    line = Line(rate, delay, silent)
    assert line.run(100 * delay) > 0.95 * rate
    assert line.window.size < 5 * rate * delay


@pytest.mark.parametrize(
    ("rate", "delay"), [(500e6, 0.0005), (100e6, 0.001), (1e6, 0.1)], ids=lambda value: f"{value:g}"
)
@pytest.mark.parametrize("silent", [False, True])
def test_a_window_that_fills_its_line_does_not_grow_with_the_queue(rate: float, delay: float, silent: bool) -> None:
    line = Line(rate, delay, silent)
    assert line.run(40 * INITIAL_WINDOW / rate) > 0.95 * rate
    assert line.window.size == INITIAL_WINDOW


@pytest.mark.parametrize("silent", [False, True])
def test_the_window_stops_at_its_limit(silent: bool) -> None:
    line = Line(rate=4e9, delay=0.2, silent=silent)
    line.run(4.0)
    assert line.window.size == LIMIT


def test_what_is_granted_is_what_was_consumed() -> None:
    window = ReceiveWindow(LIMIT)
    window.available -= 70_000
    window.consumed += 50_000
    assert window.grant() == 50_000
    assert window.grant() == 0
    assert window.available == INITIAL_WINDOW - 20_000


def test_an_overrun_says_how_much_was_allowed() -> None:
    window = ReceiveWindow(LIMIT)
    window.available -= INITIAL_WINDOW + 1
    error = window.overrun(1000)
    assert isinstance(error, WindowError)
    assert error.expected == "at most 999 bytes"
    assert error.received == "1000"


def test_round_trips_are_held_against_the_shortest() -> None:
    trips = RoundTrips()
    assert trips.share(0.0) == 1.0  # nobody gave it a clock
    now = 10.0
    trips.clock = lambda: now
    assert trips.share(9.0) == 1.0
    assert trips.share(6.0) == 0.25
    assert trips.share(9.5) == 1.0
    assert trips.share(9.0) == 0.5


def test_a_time_that_is_longer_than_a_round_trip_does_not_count_as_one() -> None:
    trips = RoundTrips()
    assert trips.share_at_most(0.0) == 1.0  # nobody gave it a clock
    now = 10.0
    trips.clock = lambda: now
    assert trips.share_at_most(9.0) == 0.0  # nothing is known yet
    trips.note(10.0 - LONGEST)
    assert trips.share_at_most(9.0) == 0.0  # a pause, not a round trip
    trips.note(9.5)
    assert trips.share_at_most(9.0) == 0.5
    assert trips.share_at_most(9.75) == 1.0
    assert trips.share_at_most(10.0) == 1.0
    assert trips.shortest == 0.5


def test_a_window_is_used_up_when_all_has_come_that_was_granted_at_the_start() -> None:
    window = ReceiveWindow(LIMIT)
    assert not window.used_up
    assert window.begin_probe()
    window.available -= INITIAL_WINDOW - 1
    window.consumed += INITIAL_WINDOW - 1
    window.grant()
    assert not window.used_up
    window.available -= 1
    assert window.used_up
    window.end_probe()
    assert not window.used_up


def pass_through(window: ReceiveWindow, size: int) -> None:
    """Lets so much arrive and be read."""
    window.available -= size
    window.consumed += size
    window.grant()


def test_a_probe_that_found_the_window_large_enough_is_not_repeated_at_once() -> None:
    """A fast line returns a probe before the next grant is due, and each of them costs as much as a packet of data."""
    window = ReceiveWindow(LIMIT)
    for _ in range(3):
        assert window.begin_probe()
        pass_through(window, INITIAL_WINDOW // 4)
        assert window.end_probe() == 0
        for _ in range(4 * WINDOWS_BETWEEN - 1):
            assert not window.begin_probe()
            pass_through(window, INITIAL_WINDOW // 4)
        assert not window.begin_probe()
        pass_through(window, INITIAL_WINDOW // 4)


def test_a_window_that_grew_is_probed_again_at_once() -> None:
    window = ReceiveWindow(LIMIT)
    sizes = []
    while window.begin_probe():
        pass_through(window, window.size)
        assert window.end_probe() > 0
        sizes.append(window.size)
    assert sizes[-1] == LIMIT
