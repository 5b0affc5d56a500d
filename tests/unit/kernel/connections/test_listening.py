"""Changes in the thread of the kernel: in order, bounded while it computes, at a desk while it waits."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_ssh.kernel.cells.desk import Desk
from jupyter_ssh.kernel.connections.listening import PASSED, Listening
from jupyter_ssh.kernel.connections.registry import Connections
from jupyter_ssh.kernel.engine import Engine, get_engine
from jupyter_ssh.ssh.channels.changes import Change, Changes, Counted, Counters, Ended, Opened, StateChanged
from jupyter_ssh.ssh.errors import ConfigError, ConnectionClosed, ConnectionLost
from tests.notebook.remotes import Remote
from tests.support.network.relay import relay

Login = dict[str, Any]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


def on(engine: Engine, action: Callable[[], Any]) -> None:
    """Have something done on the engine; returns once it is."""
    done = threading.Event()
    engine.loop.call_soon_threadsafe(lambda: (action(), done.set()))
    assert done.wait(60)


class Heard:
    """A listener that knows in which thread it was called, and can be waited for."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.threads: set[int] = set()
        self._changed = asyncio.Event()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self.threads.add(threading.get_ident())
        self._changed.set()

    async def until(self, condition: Callable[[Change], Any]) -> None:
        while not any(map(condition, self.changes)):
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 60)


def ended(change: Change) -> bool:
    return isinstance(change, Ended)


async def test_all_is_told_in_order_and_in_the_thread_that_listens(engine: Engine) -> None:
    counters = Counters()
    changes = Changes("connection", "alice@box", count=lambda: counters)
    on(engine, changes.opened)
    heard = Heard()
    listening = Listening(heard, engine, changes)
    await heard.until(lambda change: isinstance(change, Counted))
    on(engine, lambda: changes.state_changed("open", "held by a cell"))
    counters = Counters(5, 6, 7)
    await heard.until(lambda change: change == Counted(changes.subject, Counters(5, 6, 7)))
    on(engine, lambda: changes.ended("closed here"))
    await heard.until(ended)
    listening.stop()
    assert [type(change) for change in heard.changes] == [Opened, Counted, StateChanged, Counted, Counted, Ended]
    assert heard.threads == {threading.get_ident()}


async def test_a_kernel_that_computes_costs_no_memory_and_then_hears_the_newest(engine: Engine) -> None:
    everything = Changes("kernel", "all")
    heard = Heard()
    listening = Listening(heard, engine, everything)
    known = Changes("connection", "known", count=lambda: Counters(known_bytes))
    known_bytes = 0
    everything.adopt(known)
    on(engine, known.opened)
    await heard.until(lambda change: change.subject is known.subject)
    heard.changes.clear()
    sizes: list[int] = []
    alive: list[Changes] = []

    def an_hour() -> None:
        nonlocal known_bytes
        for number in range(20_000):
            known_bytes = number + 1
            known.counted()
            known.state_changed("open", f"state {number}")
            process = Changes("process", f"process {number}", parent=known, count=lambda: Counters(1))
            process.opened()
            process.state_changed("running")
            if number < 3:
                alive.append(process)
            else:
                process.ended("exit status 0")
            sizes.append(len(listening._waiting))  # private: memory is seen nowhere else
        known.ended("lost", ConnectionLost("the connection was lost"))

    on(engine, an_hour)  # while this thread does not come back to its loop
    assert heard.changes == []
    assert max(sizes) <= 4 * (PASSED + len(alive) + 2)
    await heard.until(lambda change: isinstance(change, Ended) and change.subject is known.subject)
    listening.stop()
    of_known = [change for change in heard.changes if change.subject is known.subject]
    assert of_known == [
        StateChanged(known.subject, "open", "state 19999"),
        Counted(known.subject, Counters(20_000)),
        Ended(known.subject, "lost", of_known[-1].error),
    ]
    names: dict[str, list[type]] = {}
    for change in heard.changes:
        if change.subject.kind == "process":
            names.setdefault(change.subject.name, []).append(type(change))
    assert set(names) == {f"process {number}" for number in [0, 1, 2, *range(20_000 - PASSED + 3, 20_000)]}
    assert all(kinds == [Opened, StateChanged, Counted, Ended] for kinds in names.values())
    assert heard.changes[-1] == of_known[-1]  # after all that belonged to it


async def test_a_thread_that_waits_for_the_engine_hears_meanwhile(engine: Engine) -> None:
    changes = Changes("connection", "alice@box")
    heard = Heard()
    listening = Listening(heard, engine, changes)
    during: list[list[Change]] = []

    async def long_command() -> None:
        changes.opened()
        for number in range(3):
            changes.state_changed("open", f"state {number}")
            waits_until = asyncio.get_running_loop().time() + 60
            while len(heard.changes) < number + 2:
                assert asyncio.get_running_loop().time() < waits_until
                await asyncio.sleep(0.001)
        during.append(list(heard.changes))

    engine.call(long_command)  # as a cell does: the loop of this thread stands still
    assert during == [
        [Opened(changes.subject), *(StateChanged(changes.subject, "open", f"state {number}") for number in range(3))]
    ]
    assert heard.threads == {threading.get_ident()}
    await asyncio.sleep(0)
    assert heard.changes == during[0]  # not told again by the loop
    listening.stop()


async def test_after_stop_nothing_is_told(engine: Engine) -> None:
    changes = Changes("connection", "alice@box")
    heard = Heard()
    listening = Listening(heard, engine, changes)
    on(engine, changes.opened)
    assert listening._waiting  # this thread has not come back to its loop; private: it is seen nowhere else
    listening.stop()
    assert listening._waiting == {}  # private, as above
    on(engine, lambda: changes.ended("closed here"))
    another = Heard()
    last = Listening(another, engine, changes)
    on(engine, lambda: None)
    listening.stop()
    last.stop()
    on(engine, lambda: None)  # what was handed to it before is done
    for _ in range(3):
        await asyncio.sleep(0)
    assert heard.changes == another.changes == []
    assert changes._listeners == ()  # private: that nobody is told any more is seen nowhere else


async def test_a_listener_that_stops_itself_hears_nothing_more_of_what_waits(engine: Engine) -> None:
    changes = Changes("connection", "alice@box")
    told: list[Change] = []

    def once(change: Change) -> None:
        told.append(change)
        listening.stop()

    listening = Listening(once, engine, changes)
    other = Heard()
    stays = Listening(other, engine, changes)
    on(engine, changes.opened)
    on(engine, lambda: changes.ended("closed here"))
    await other.until(ended)
    stays.stop()
    assert told == [Opened(changes.subject)]


async def test_a_listener_that_raises_is_logged_and_told_more(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    changes = Changes("connection", "alice@box")
    heard = Heard()

    def broken(change: Change) -> None:
        heard(change)
        raise ValueError("the widget is gone")

    listening = Listening(broken, engine, changes)
    with caplog.at_level(logging.ERROR):
        on(engine, changes.opened)
        on(engine, lambda: changes.ended("closed here"))
        await heard.until(ended)
    listening.stop()
    assert len(heard.changes) == len(caplog.records) == 2


async def test_a_delivery_that_is_over_at_once_is_followed_by_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PromptDesk(Desk):
        """A desk whose thread does each job before the engine goes on."""

        def _put(self, job: Callable[[], None]) -> None:  # private: what a kind of desk defines
            job()

    desk = PromptDesk()
    monkeypatch.setattr("jupyter_ssh.kernel.connections.listening.desk_of_thread", lambda thread: desk)
    changes = Changes("connection", "alice@box")
    heard: list[Change] = []
    listening = Listening(heard.append, engine, changes)
    on(engine, changes.opened)
    on(engine, lambda: changes.state_changed("open", "held by a cell"))
    on(engine, lambda: changes.ended("closed here"))
    assert [type(change) for change in heard] == [Opened, StateChanged, Ended]  # this thread's loop has not run since
    listening.stop()


def test_an_interrupt_in_a_listener_keeps_what_waits(engine: Engine) -> None:
    changes = Changes("connection", "alice@box")
    told: list[Change] = []
    loop = asyncio.new_event_loop()

    def interrupted(change: Change) -> None:
        told.append(change)
        if len(told) == 1:
            raise KeyboardInterrupt
        loop.stop()

    async def listen() -> Listening:
        return Listening(interrupted, engine, changes)

    listening = loop.run_until_complete(listen())
    on(engine, changes.opened)
    on(engine, lambda: changes.ended("closed here"))
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    loop.call_later(60, loop.stop)
    loop.run_forever()
    loop.close()
    listening.stop()
    assert told == [Opened(changes.subject), Ended(changes.subject, "closed here")]


def test_a_kernel_whose_loop_is_over_is_forgotten(engine: Engine) -> None:
    changes = Changes("connection", "alice@box")

    async def listen() -> None:
        Listening(lambda change: None, engine, changes)

    asyncio.run(listen())
    on(engine, changes.opened)
    assert changes._listeners == ()  # private: that nobody is told any more is seen nowhere else
    on(engine, lambda: changes.ended("closed here"))


def test_without_a_loop_there_is_nobody_to_tell(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="event loop"):
        Listening(lambda change: None, engine, Changes("connection", "alice@box"))


# --- of the registry --------------------------------------------------------------------------------------------------


async def elsewhere(call: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(call)


async def test_all_that_lives_on_the_engine_is_heard_of(connections: Connections, remote: Remote, login: Login) -> None:
    early = await connections.open_own_async(remote.host, login)
    heard = Heard()
    listening = connections.listen(heard)
    await heard.until(lambda change: isinstance(change, StateChanged) and change.text == "held by a cell")
    await early.aio.run("echo on")
    await heard.until(lambda change: isinstance(change, Ended) and change.text == "exit status 0")
    await early.aio.close()
    await heard.until(lambda change: isinstance(change, Ended) and change.subject.kind == "connection")
    kinds = [(change.subject.kind, type(change)) for change in heard.changes if not isinstance(change, Counted)]
    assert kinds == [
        ("connection", Opened),
        ("connection", StateChanged),
        ("process", Opened),
        ("process", Ended),
        ("connection", Ended),
    ]
    listening.stop()


async def test_who_holds_a_connection_is_told(connections: Connections, remote: Remote, login: Login) -> None:
    heard = Heard()
    listening = connections.listen(heard)
    lease = await get_engine().wait(lambda: connections.lend_on_engine(remote.host, login, "a terminal"))
    connection = (await elsewhere(lambda: connections.open(remote.host, login))).connection
    await heard.until(lambda change: isinstance(change, StateChanged) and change.text == "held by a terminal, a cell")
    await connection.aio.close()
    get_engine().loop.call_soon_threadsafe(lease.release)
    await heard.until(ended)
    held = [change.text for change in heard.changes if isinstance(change, StateChanged)]
    assert held[0] == "held by a terminal"
    assert held[-1] == "held by a terminal"
    listening.stop()


async def test_one_connection_is_heard_of_also_when_it_has_come_back(
    connections: Connections, remote: Remote, login: Login
) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port, "reconnect": True}
        connection = await connections.open_own_async(remote.host, options)
        other = await connections.open_own_async(remote.host, login)
        heard = Heard()
        listening = connections.listen(heard, connection)
        await heard.until(lambda change: isinstance(change, Opened))
        line.cut()
        await heard.until(lambda change: isinstance(change, Ended) and isinstance(change.error, ConnectionLost))
        await other.aio.run("true")
        await connection.aio.run("true")
        await heard.until(lambda change: isinstance(change, Ended) and change.subject.kind == "process")
        await connection.aio.close()
        await heard.until(lambda change: isinstance(change, Ended) and change.text == "closed here")
        listening.stop()
        opened = [change.subject for change in heard.changes if isinstance(change, Opened)]
        assert [subject.kind for subject in opened] == ["connection", "connection", "process"]
        assert opened[2].parent == opened[1].number != opened[0].number
        await other.aio.close()


async def test_one_that_is_given_back_has_ended_for_its_listeners(
    connections: Connections, remote: Remote, login: Login
) -> None:
    connection = (await elsewhere(lambda: connections.open(remote.host, login))).connection
    lease = await get_engine().wait(lambda: connections.lend_on_engine(remote.host, login, "a terminal"))
    heard = Heard()
    listening = connections.listen(heard, connection)
    await connection.aio.close()
    await heard.until(ended)
    assert not lease.connection.closed
    assert not any(isinstance(change, Ended) for change in heard.changes[:-1])
    listening.stop()
    get_engine().loop.call_soon_threadsafe(lease.release)
    await get_engine().wait(lease.connection.wait_closed)
    with pytest.raises(ConnectionClosed):
        connections.listen(heard, connection)
