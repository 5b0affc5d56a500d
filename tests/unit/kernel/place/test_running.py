"""The place of a process: started once, however many ask for it, and found by pages that can show questions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.place.page_prompts import page_prompts
from jupyter_ssh.kernel.place.running import place_on_engine, running_place, start_place, stop_place
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.rendezvous import FOLDER, read_place
from jupyter_ssh.ssh.errors import ConfigError
from tests.support.page.plain_page import PlainPage

NAME = "kernel-of-a-test"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_place()


async def twice(runtime: Path) -> tuple[Place, Place]:
    """The place, as two find it that ask at the same time."""
    one, two = await asyncio.gather(place_on_engine(NAME, runtime), place_on_engine(NAME, runtime))
    return one, two


@pytest.mark.skipif(os.name == "nt", reason="looks for a Unix socket")
def test_there_is_one_place_however_many_ask_for_it(runtime: Path) -> None:
    one, two = get_engine().call(lambda: twice(runtime))
    assert one is two is running_place() is start_place()
    assert set(one.services) == {"questions", "terminals"}
    assert read_place(runtime / FOLDER, NAME) is not None
    stop_place()
    assert running_place() is None
    assert list((runtime / FOLDER).iterdir()) == []
    again, _ = get_engine().call(lambda: twice(runtime))
    assert again is not one
    assert again.start != one.start


@pytest.mark.skipif(os.name == "nt", reason="looks for a Unix socket")
def test_nothing_is_left_of_a_start_that_was_interrupted(runtime: Path) -> None:
    async def interrupted(turns: int) -> bool:
        before = asyncio.all_tasks()
        starting = asyncio.create_task(place_on_engine(NAME, runtime))
        for _ in range(turns):
            await asyncio.sleep(0)
        over = starting.done()
        starting.cancel()
        await asyncio.wait([starting])
        if not over:
            assert starting.cancelled()
            await asyncio.sleep(0)  # what was cancelled ends
            assert asyncio.all_tasks() <= before
            assert running_place() is None
            assert not (runtime / FOLDER).exists() or list((runtime / FOLDER).iterdir()) == []
        return over

    async def work() -> int:
        turns = 0
        while not await interrupted(turns):
            turns += 1
        return turns

    assert get_engine().call(work) > 1
    assert running_place() is not None


def test_outside_of_a_kernel_there_is_none() -> None:
    with pytest.raises(ConfigError, match="need a kernel"):
        start_place()
    assert running_place() is None


def test_questions_go_to_a_page_where_one_can_show_them(runtime: Path) -> None:
    async def work() -> str | None:
        assert page_prompts() is None
        place = await place_on_engine(NAME, runtime)
        PlainPage(place, services=["terminals"])
        assert page_prompts() is None
        page = PlainPage(place, services=["questions"])
        prompts = page_prompts()
        assert prompts is not None
        asked = asyncio.create_task(prompts.ask_secret("Password: "))
        await asyncio.sleep(0)
        [question] = page.of("questions.question")
        page.send("questions.answer", question=question["question"], answer="correct horse")
        return await asked

    assert get_engine().call(work) == "correct horse"
