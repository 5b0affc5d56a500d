"""What is told, to whom, in which order, and how often."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from jupyter_ssh.ssh.channels import changes as module
from jupyter_ssh.ssh.channels.changes import (
    PERIOD,
    Change,
    Changes,
    Counted,
    Counters,
    Ended,
    Opened,
    StateChanged,
)
from jupyter_ssh.ssh.errors import ConnectionLost


class Clock:
    """The timers of a loop, run by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.timers: list[tuple[float, Any]] = []
        self._loop = asyncio.get_running_loop()
        monkeypatch.setattr(self._loop, "call_later", self._call_later)

    def _call_later(self, seconds: float, call: Any, *args: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(0, call, args, self._loop)
        self.timers.append((seconds, handle))
        return handle

    @property
    def waiting(self) -> int:
        """How many timers are set."""
        return sum(not handle.cancelled() for _, handle in self.timers)

    def pass_period(self) -> None:
        """Run what is due after one `PERIOD`."""
        due, self.timers = self.timers, []
        for seconds, handle in due:
            assert seconds == PERIOD
            if not handle.cancelled():
                handle._run()  # private: what the loop does


class Line:
    """A thing that counts bytes."""

    def __init__(self, parent: Changes | None = None, kind: str = "connection") -> None:
        self.counters = Counters()
        self.reads = 0
        self.changes = Changes(kind, "alice@box", parent=parent, count=self._count)

    def _count(self) -> Counters:
        self.reads += 1
        return self.counters


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_the_life_of_a_thing_in_its_order(clock: Clock) -> None:
    told: list[Change] = []
    line = Line()
    subject = line.changes.subject
    line.changes.listen(told.append)
    line.changes.state_changed("early", "before it is open nothing is told")
    line.changes.opened()
    line.changes.opened()
    line.changes.state_changed("open", "all is well")
    line.changes.state_changed("open", "all is well")
    line.counters = Counters(10, 20, 1)
    clock.pass_period()
    line.counters = Counters(11, 21, 1)
    error = ConnectionLost("the connection was lost")
    line.changes.ended("lost", error)
    line.changes.ended("again")
    line.changes.opened()
    line.changes.state_changed("late")
    clock.pass_period()
    assert told == [
        Opened(subject),
        StateChanged(subject, "open", "all is well"),
        Counted(subject, Counters(10, 20, 1)),
        Counted(subject, Counters(11, 21, 1)),
        Ended(subject, "lost", error),
    ]


async def test_counters_are_read_by_a_timer_that_runs_only_while_somebody_listens(clock: Clock) -> None:
    line = Line()
    line.changes.opened()
    assert (clock.waiting, line.reads) == (0, 0)
    told: list[Change] = []
    subscription = line.changes.listen(told.append)
    for number in range(1, 4):
        line.counters = Counters(number)
        line.counters = Counters(number * 10)
        clock.pass_period()
    clock.pass_period()  # nothing new: nothing is told
    assert [change.counters.received for change in told if isinstance(change, Counted)] == [10, 20, 30]
    reads = line.reads
    subscription.remove()
    assert clock.waiting == 0
    clock.pass_period()
    assert line.reads == reads
    line.changes.listen(told.append)
    assert clock.waiting == 1
    line.changes.ended("closed here")
    clock.pass_period()
    assert clock.waiting == 0  # nothing is open


async def test_one_timer_counts_for_all_and_begins_with_the_first_that_opens(clock: Clock) -> None:
    everything = Changes("kernel", "all")
    told: list[Change] = []
    everything.listen(told.append)
    clock.pass_period()
    assert clock.waiting == 0
    lines = [Line() for _ in range(3)]
    for line in lines:
        everything.adopt(line.changes)
        line.changes.opened()
        line.counters = Counters(1)
    assert clock.waiting == 1
    clock.pass_period()
    assert [type(change) for change in told] == [Opened] * 3 + [Counted] * 3


async def test_one_that_is_open_when_it_is_adopted_is_counted(clock: Clock) -> None:
    everything = Changes("kernel", "all")
    line = Line()
    line.changes.opened()
    told: list[Change] = []
    everything.listen(told.append)
    clock.pass_period()
    everything.adopt(line.changes)
    line.counters = Counters(1)
    clock.pass_period()
    assert told[-1] == Counted(line.changes.subject, Counters(1))


async def test_who_listens_further_up_hears_of_all_below(clock: Clock) -> None:
    everything = Changes("kernel", "all")
    connection = Line()
    heard: list[Change] = []
    of_the_connection: list[Change] = []
    everything.listen(heard.append)
    connection.changes.listen(of_the_connection.append)
    connection.changes.opened()
    connection.changes.state_changed("open")
    process = Line(connection.changes, "process")
    assert process.changes.subject.parent == connection.changes.subject.number
    process.changes.opened()
    everything.adopt(connection.changes)
    everything.adopt(connection.changes)
    process.counters = Counters(5)
    process.changes.ended("exit status 0")
    connection.changes.ended("closed here")
    one, two = connection.changes.subject, process.changes.subject
    assert of_the_connection == [
        Opened(one),
        StateChanged(one, "open"),
        Opened(two),
        Counted(two, Counters(5)),
        Ended(two, "exit status 0"),
        Counted(one, Counters()),
        Ended(one, "closed here"),
    ]
    assert heard == [
        Opened(one),
        StateChanged(one, "open"),
        Counted(one, Counters()),
        Opened(two),
        Counted(two, Counters()),
        Counted(two, Counters(5)),
        Ended(two, "exit status 0"),
        Counted(one, Counters()),
        Ended(one, "closed here"),
    ]
    assert everything.all_open() == []


async def test_what_belongs_to_it_ends_before_it(clock: Clock) -> None:
    connection = Line()
    told: list[Change] = []
    connection.changes.opened()
    first, second = (Line(connection.changes, "process") for _ in range(2))
    first.changes.opened()
    second.changes.opened()
    connection.changes.listen(told.append)
    connection.changes.ended("lost")
    ended = [change.subject for change in told if isinstance(change, Ended)]
    assert ended == [second.changes.subject, first.changes.subject, connection.changes.subject]


async def test_what_ended_before_it_was_open_is_not_opened(clock: Clock) -> None:
    told: list[Change] = []
    line = Changes("connection", "demo")
    line.listen(told.append)
    line.ended("the server disconnected")
    line.opened()
    assert told == []
    assert not line.is_open


async def test_one_that_goes_on_elsewhere_has_ended_here(clock: Clock) -> None:
    connection = Line()
    own, everything = Changes("entry", "mine"), Changes("kernel", "all")
    connection.changes.opened()
    here: list[Change] = []
    there: list[Change] = []
    for group, told in ((own, here), (everything, there)):
        group.adopt(connection.changes)
        group.listen(told.append)
    own.release(connection.changes, "closed here")
    own.release(connection.changes, "closed here")
    connection.changes.state_changed("open", "for others")
    assert here == [Ended(connection.changes.subject, "closed here")]
    assert there == [StateChanged(connection.changes.subject, "open", "for others")]


async def test_one_who_comes_late_is_told_what_there_is(clock: Clock) -> None:
    everything = Changes("kernel", "all")
    line = Line()
    everything.adopt(line.changes)
    line.changes.opened()
    line.changes.state_changed("open", "first")
    line.changes.state_changed("open", "second")
    line.counters = Counters(7, 8, 9)
    told: list[Change] = []
    everything.listen(told.append, present=True)
    subject = line.changes.subject
    assert told == [
        Opened(subject),
        StateChanged(subject, "open", "second"),
        Counted(subject, Counters(7, 8, 9)),
    ]


async def test_a_listener_that_raises_is_logged_and_hurts_nobody(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    told: list[Change] = []

    def broken(change: Change) -> None:
        raise ValueError("the widget is gone")

    line.changes.listen(broken)
    line.changes.listen(told.append)
    with caplog.at_level(logging.ERROR):
        line.changes.opened()
    assert told == [Opened(line.changes.subject)]
    [record] = caplog.records
    assert "alice@box" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


async def test_after_removal_nothing_is_told_even_of_the_same_change(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    told: list[str] = []
    first = line.changes.listen(lambda change: (told.append("first"), second.remove()))
    second = line.changes.listen(lambda change: told.append("second"))
    line.changes.opened()
    first.remove()
    first.remove()
    line.changes.ended("closed here")
    assert told == ["first"]
    assert caplog.records == []
    assert clock.waiting == 0


async def test_numbers_are_given_once() -> None:
    numbers = {Changes("process", "same name").subject.number for _ in range(100)}
    assert len(numbers) == 100


def test_a_loop_that_is_over_is_not_kept() -> None:
    async def listen() -> None:
        line = Line()
        line.changes.opened()
        line.changes.listen(lambda change: None)

    for _ in range(3):
        asyncio.run(listen())
    assert sum(loop.is_closed() for loop in module._meters) <= 1  # private: what is kept is seen nowhere else
