"""`Workers`: few threads, none that outlives its work, and a stuck one keeps nobody from ending."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from jupyter_ssh.ssh.net.threads.workers import MAX_WAITING, Overloaded, Workers

SECONDS = 60


@pytest.fixture
def end() -> Iterator[threading.Event]:
    """What stuck work waits for."""
    event = threading.Event()
    yield event
    event.set()


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


async def test_results_and_errors_come_back() -> None:
    workers = Workers("test of results", 2)
    assert await workers.run(divmod, 17, 5) == (3, 2)
    with pytest.raises(ZeroDivisionError):
        await workers.run(divmod, 17, 0)
    assert await asyncio.gather(*[workers.run(pow, 2, number) for number in range(50)]) == [
        1 << number for number in range(50)
    ]


async def test_a_thread_ends_with_its_work(end: threading.Event) -> None:
    name = "test of ends"
    workers = Workers(name, 2)
    assert not named(name)
    work = [asyncio.ensure_future(workers.run(end.wait, SECONDS)) for _ in range(5)]
    await asyncio.sleep(0)
    threads = named(name)
    assert len(threads) == 2
    assert all(thread.daemon for thread in threads)
    end.set()
    assert await asyncio.gather(*work) == [True] * 5
    for thread in threads:
        thread.join(SECONDS)
    assert not named(name)
    assert await workers.run(len, "abc") == 3, "they are made anew"


async def test_work_that_nobody_waits_for_any_more_is_not_done(end: threading.Event) -> None:
    workers = Workers("test of giving up", 1)
    stuck = asyncio.ensure_future(workers.run(end.wait, SECONDS))
    done: list[int] = []
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(workers.run(done.append, 1), 0.01)
    last = asyncio.ensure_future(workers.run(done.append, 2))
    await asyncio.sleep(0)
    end.set()
    await asyncio.gather(stuck, last)
    assert done == [2]


async def test_what_waits_is_bounded(end: threading.Event) -> None:
    workers = Workers("test of the bound", 1)
    work = [asyncio.ensure_future(workers.run(end.wait, SECONDS)) for _ in range(1 + MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await workers.run(int)
    work.pop().cancel()
    await asyncio.sleep(0)
    work.append(asyncio.ensure_future(workers.run(end.wait, SECONDS)))  # in the place of the one given up
    await asyncio.sleep(0)
    end.set()
    assert all(await asyncio.gather(*work))


_ENDS_WHILE_STUCK = """
import asyncio, threading
from jupyter_ssh.ssh.net.threads.workers import Workers

async def main():
    workers, stuck = Workers("stuck", 2), threading.Event()
    for _ in range(5):
        work = asyncio.ensure_future(workers.run(lambda: stuck.set() or threading.Event().wait()))
    await asyncio.to_thread(stuck.wait)

asyncio.run(main())
print("ended")
"""


def test_a_process_ends_although_work_is_stuck() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _ENDS_WHILE_STUCK], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert (ended.stdout, ended.stderr) == ("ended\n", "")


_LOOP_ENDS_FIRST = """
import asyncio, threading
from jupyter_ssh.ssh.net.threads.workers import Workers

end, workers = threading.Event(), Workers("late", 1)
loop = asyncio.new_event_loop()
future = workers.start(end.wait, loop, lambda result: print("told"))
loop.close()
end.set()
for thread in threading.enumerate():
    if thread.name == "late":
        thread.join()
"""


def test_a_loop_may_end_before_the_work() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LOOP_ENDS_FIRST], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert (ended.stdout, ended.stderr) == ("", "")
