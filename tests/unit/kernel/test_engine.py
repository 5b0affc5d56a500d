"""The engine's thread and the desk of a thread that waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from jupyter_ssh.kernel.agent import confirm
from jupyter_ssh.kernel.cells.desk import CURRENT_DESK, BlockingDesk, waiting_desk
from jupyter_ssh.kernel.engine import SWITCH_INTERVAL, THREAD_NAME, Engine
from jupyter_ssh.ssh.errors import ConnectionClosed, DeadlineExceeded, PromptUnavailable

unix = pytest.mark.skipif(os.name == "nt", reason="signals and fork of Unix")


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.stop()


async def forever(started: threading.Event | None = None) -> None:
    if started is not None:
        started.set()
    await asyncio.get_running_loop().create_future()


def interrupt_when(event: threading.Event, *more: threading.Event) -> threading.Thread:
    """SIGINT to this process, as ■ sends it, once for each event."""

    def run() -> None:
        for each in (event, *more):
            assert each.wait(30)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_importing_starts_nothing():
    code = (
        "import threading, jupyter_ssh, jupyter_ssh.kernel.engine\n"
        "assert threading.active_count() == 1\n"
        "from jupyter_ssh.kernel.engine import get_engine, running_engine\n"
        "assert running_engine() is None\n"
        "assert get_engine() is get_engine() is running_engine()\n"
        f"assert [t.name for t in threading.enumerate()][1:] == [{THREAD_NAME!r}]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("before", "after"), [(0.005, SWITCH_INTERVAL), (0.0001, 0.0001)])
def test_the_engine_need_not_wait_long_for_a_thread_that_computes(before, after):
    found = sys.getswitchinterval()
    sys.setswitchinterval(before)
    engine = Engine()
    try:
        engine.call(lambda: asyncio.sleep(0))
        assert sys.getswitchinterval() == pytest.approx(after, abs=2e-6)  # whole microseconds, cut
    finally:
        engine.stop()
        sys.setswitchinterval(found)


def test_a_call_returns_the_value_from_the_engines_thread(engine):
    async def work() -> str:
        return threading.current_thread().name

    assert engine.call(work) == THREAD_NAME


def test_a_call_raises_what_the_coroutine_raises(engine):
    async def work() -> None:
        raise ValueError("from the engine")

    with pytest.raises(ValueError, match="from the engine"):
        engine.call(work)


def test_a_call_ends_at_its_deadline_and_its_coroutine_cleans_up(engine):
    cleaned = threading.Event()

    async def work() -> None:
        try:
            await forever()
        finally:
            cleaned.set()

    with pytest.raises(DeadlineExceeded) as caught:
        engine.call(work, timeout=0.01)
    assert caught.value.seconds == 0.01
    assert cleaned.is_set()


def test_the_engine_does_not_wait_for_itself(engine):
    async def work() -> None:
        engine.call(forever)

    with pytest.raises(RuntimeError, match="cannot wait for itself"):
        engine.call(work)


def test_a_cancelled_coroutine_is_a_closed_operation(engine):
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionClosed):
        engine.call(work)


@unix
def test_an_interrupt_lets_the_coroutine_clean_up_and_is_raised(engine):
    started, ended = threading.Event(), threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up may wait for the peer
            ended.set()
            raise

    thread = interrupt_when(started)
    with pytest.raises(KeyboardInterrupt):
        engine.call(work, grace=30)
    thread.join()
    assert ended.is_set()


@unix
def test_a_second_interrupt_does_not_wait_for_the_cleaning_up(engine):
    started, cleaning, cancelled_again = threading.Event(), threading.Event(), threading.Event()

    async def work() -> None:
        try:
            await forever(started)
        finally:
            try:
                await forever(cleaning)
            finally:
                cancelled_again.set()

    thread = interrupt_when(started, cleaning)
    with pytest.raises(KeyboardInterrupt):
        engine.call(work, grace=3600)
    thread.join()
    assert cancelled_again.wait(30)


@unix
def test_an_interrupt_is_raised_even_if_the_coroutine_will_not_end(engine):
    started = threading.Event()

    async def work() -> None:
        while True:
            try:
                await forever(started)
            except asyncio.CancelledError:
                if engine._stopped:  # else the fixture could not stop it
                    raise

    thread = interrupt_when(started)
    with pytest.raises(KeyboardInterrupt):
        engine.call(work, grace=0.01)
    thread.join()


def test_questions_are_answered_by_the_thread_that_waits(engine):
    async def work() -> list[str]:
        desk = CURRENT_DESK.get()
        return [await desk.ask(lambda: threading.current_thread().name) for _ in range(3)]

    assert engine.call(work) == [threading.current_thread().name] * 3


def test_a_question_may_fail(engine):
    async def work() -> str:
        with pytest.raises(EOFError):
            await CURRENT_DESK.get().ask(lambda: (_ for _ in ()).throw(EOFError()))
        return "went on"

    assert engine.call(work) == "went on"


def test_an_interrupted_question_ends_the_call(engine):
    def question() -> None:
        raise KeyboardInterrupt

    async def work() -> None:
        await CURRENT_DESK.get().ask(question)

    with pytest.raises(KeyboardInterrupt):
        engine.call(work)


def test_an_interrupt_refuses_a_question_of_another_task_and_cancels_nothing(engine, monkeypatch):
    """As when the kernel's own agent asks about a key for somebody else while a cell waits."""
    waiting, refused = threading.Event(), []

    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    async def agent() -> None:
        await asyncio.to_thread(waiting.wait, 30)
        try:
            await confirm("Use the key?")
        except PromptUnavailable as error:
            refused.append(error.message)

    monkeypatch.setattr("builtins.input", interrupted)
    asked = engine.submit(agent)
    with pytest.raises(KeyboardInterrupt):
        engine.call(lambda: forever(waiting))
    asked.result(30)
    assert refused == ["the cell in which this question could be answered was interrupted"]


async def test_a_question_whose_asker_has_given_up_is_not_asked():
    desk, asked = BlockingDesk(), []
    questions = [asyncio.create_task(desk.ask(lambda name=name: asked.append(name))) for name in ("first", "second")]
    await asyncio.sleep(0)
    questions[0].cancel()
    await asyncio.wait(questions[:1])
    desk.finish()
    assert desk.serve()
    await questions[1]
    assert asked == ["second"]


def test_jobs_posted_before_the_end_are_done_in_order(engine):
    done: list[int] = []

    async def work() -> None:
        for number in range(100):
            CURRENT_DESK.get().post(lambda number=number: done.append(number))

    engine.call(work)
    assert done == list(range(100))


def test_a_failing_job_does_not_end_the_call(engine, caplog):
    async def work() -> str:
        CURRENT_DESK.get().post(lambda: 1 / 0)
        return "value"

    assert engine.call(work) == "value"
    assert "a job for the waiting thread failed" in caplog.text


def test_nobody_answers_once_the_call_is_over(engine):
    desks = []

    async def work() -> None:
        desks.append(CURRENT_DESK.get())

    async def ask() -> None:
        await desks[0].ask(lambda: "answer")

    engine.call(work)
    assert not desks[0].post(lambda: None)
    with pytest.raises(PromptUnavailable):
        engine.call(ask)


def test_a_task_of_nobodys_finds_the_desk_however_soon_it_asks(engine, monkeypatch):
    """As the kernel's own agent does, which another task of the engine has sign."""
    found, asked = [], threading.Event()
    serve = BlockingDesk.serve

    def late(desk: BlockingDesk, timeout: float | None = None) -> bool:
        assert asked.wait(30)
        return serve(desk, timeout)

    async def work() -> None:
        found.append(waiting_desk())
        asked.set()

    monkeypatch.setattr(BlockingDesk, "serve", late)
    engine.call(work)
    assert isinstance(found[0], BlockingDesk)
    assert waiting_desk() is None


async def test_a_question_nobody_came_to_fails_when_the_desk_is_closed():
    desk = BlockingDesk()
    question = asyncio.create_task(desk.ask(lambda: "answer"))
    await asyncio.sleep(0)
    desk.close()
    with pytest.raises(PromptUnavailable):
        await question


async def test_awaiting_from_another_loop_answers_questions_there(engine):
    async def work() -> tuple[str, str]:
        asked_in = await CURRENT_DESK.get().ask(lambda: threading.current_thread().name)
        return threading.current_thread().name, asked_in

    assert await engine.wait(work) == (THREAD_NAME, threading.current_thread().name)


async def test_cancelling_the_awaiting_task_cancels_the_work(engine):
    started, cancelled = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            await forever(started)
        finally:
            cancelled.set()

    task = asyncio.create_task(engine.wait(work))
    while not started.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.wait(30)


def test_stopping_closes_what_is_open_and_ends_the_thread():
    engine = Engine()
    closed = threading.Event()

    async def closer() -> None:
        closed.set()

    engine.add_closer(closer)
    work = engine.submit(forever)
    engine.stop()
    assert closed.is_set()
    assert work.cancelled()
    assert not engine._thread.is_alive()  # nobody else has the thread
    engine.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        engine.submit(forever)


def test_stopping_does_not_wait_for_what_will_not_close():
    engine = Engine()
    engine.add_closer(forever)
    engine.stop(timeout=0.01)
    assert not engine._thread.is_alive()  # nobody else has the thread


@unix
def test_the_interpreter_ends_with_work_under_way():
    code = (
        "from jupyter_ssh.kernel.engine import get_engine\n"
        "import asyncio\n"
        "async def close(): print('closed')\n"
        "async def work(): await asyncio.Event().wait()\n"
        "engine = get_engine(); engine.add_closer(close); engine.submit(work)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("closed\n", "")


@unix
def test_a_forked_child_has_an_engine_of_its_own():
    code = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # fork beside threads, since 3.12\n"
        "from jupyter_ssh.kernel.engine import get_engine, running_engine\n"
        "async def answer(): return os.getpid()\n"
        "parent = get_engine(); assert parent.call(answer) == os.getpid()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ok = running_engine() is None and get_engine() is not parent\n"
        "    ok = ok and get_engine().call(answer) == os.getpid()\n"
        "    get_engine().stop(); os._exit(0 if ok else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert get_engine() is parent and parent.call(answer) == os.getpid()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
