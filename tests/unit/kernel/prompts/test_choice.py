"""Who is asked: the cell that started it, a page, a cell that waits for something else; and who answers what."""

from __future__ import annotations

import asyncio
import builtins
import getpass
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.prompts import choice
from jupyter_ssh.kernel.prompts.choice import KernelPrompts
from jupyter_ssh.ssh.client.login.handshake import Handshake
from jupyter_ssh.ssh.client.prompts import NamedPrompts, NoPrompts
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.protocol.events import Banner


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


class Page(NoPrompts):
    """A page that answers; or nobody looks at it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.banners: list[str] = []
        self.answers = True

    async def confirm(self, text: str, default: bool = False) -> bool:
        self.asked.append(text)
        if not self.answers:
            raise PromptUnavailable("nobody answered in a page", phase="question")
        return True

    def show_banner(self, text: str) -> None:
        self.banners.append(text)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """JupyterLab is open."""
    page = Page()
    monkeypatch.setattr(choice, "page_prompts", lambda: page)
    return page


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ``input`` was asked in a cell, which answers yes."""
    asked: list[str] = []

    def answer(prompt: str = "") -> str:
        asked.append(prompt)
        return "yes"

    monkeypatch.setattr(builtins, "input", answer)
    return asked


def question(asking: KernelPrompts | None = None) -> Callable[[], Any]:
    """What a connection asks on the engine."""
    asking = asking or KernelPrompts()
    return lambda: asking.confirm("Use the key?")


def while_a_cell_waits(engine: Engine, work: Callable[[], Any]) -> Any:
    """The value of ``work``, which nobody's cell started, while a cell waits for something else."""

    async def something_else() -> Any:
        return await asyncio.wrap_future(engine.submit(work))

    return engine.call(something_else)


def test_what_a_cell_started_is_asked_in_that_cell(engine: Engine, page: Page, typed: list[str]) -> None:
    assert engine.call(question())
    assert len(typed) == 1
    assert page.asked == []


def test_where_the_cell_cannot_ask_the_page_does(engine: Engine, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_stdin(prompt: str = "") -> str:
        raise NotImplementedError  # as in a kernel whose front-end takes no input

    monkeypatch.setattr(builtins, "input", no_stdin)
    assert engine.call(question())
    assert page.asked == ["Use the key?"]


def test_what_outlives_its_cell_is_asked_in_a_page(engine: Engine, page: Page, typed: list[str]) -> None:
    over = asyncio.Event()

    async def later() -> Any:
        await over.wait()
        return await question()()

    async def cell() -> asyncio.Task[Any]:
        return asyncio.create_task(later())

    async def answer() -> Any:
        return await task

    task = engine.call(cell)
    engine.loop.call_soon_threadsafe(over.set)
    assert engine.submit(answer).result(60)
    assert page.asked == ["Use the key?"]
    assert typed == []


def test_what_no_cell_started_is_asked_in_a_page_also_where_a_cell_waits(
    engine: Engine, page: Page, typed: list[str]
) -> None:
    assert while_a_cell_waits(engine, question())
    assert page.asked == ["Use the key?"]
    assert typed == []


def test_without_a_page_a_cell_that_waits_is_asked(engine: Engine, typed: list[str]) -> None:
    assert while_a_cell_waits(engine, question())
    assert len(typed) == 1


def test_a_page_in_which_nobody_answers_leaves_it_to_the_cell(engine: Engine, page: Page, typed: list[str]) -> None:
    page.answers = False
    assert while_a_cell_waits(engine, question())
    assert page.asked == ["Use the key?"]
    assert len(typed) == 1


def test_where_nobody_is_the_refusal_says_so(engine: Engine, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "page_prompts", lambda: None)
    with pytest.raises(PromptUnavailable, match="nobody to ask") as caught:
        engine.submit(question()).result(60)
    assert "from a cell" in (caught.value.next_step or "")
    monkeypatch.setattr(choice, "page_prompts", lambda: page)
    page.answers = False
    with pytest.raises(PromptUnavailable, match="nobody answered in a page"):
        engine.submit(question()).result(60)


def test_one_connection_asks_the_same_page_prompts_each_time(
    engine: Engine, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They know what was asked before."""
    asking = KernelPrompts()
    engine.submit(question(asking)).result(60)
    monkeypatch.setattr(choice, "page_prompts", Page)
    engine.submit(question(asking)).result(60)
    assert page.asked == ["Use the key?"] * 2
    monkeypatch.setattr(choice, "page_prompts", lambda: None)  # the last page was closed
    with pytest.raises(PromptUnavailable):
        engine.submit(question(asking)).result(60)


def test_a_banner_is_shown_where_questions_are_asked(
    engine: Engine, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    async def show() -> None:
        KernelPrompts().show_banner("Welcome\n")

    engine.call(show)
    assert capsys.readouterr().out == "Welcome\n\n"
    engine.submit(show).result(60)
    assert page.banners == ["Welcome\n"]


@pytest.mark.parametrize("named", [False, True])
def test_the_banners_of_a_connection_fill_no_cell(
    engine: Engine, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    """A server may send any number of them before the login, and one of a megabyte."""
    asking = KernelPrompts()

    async def show() -> None:
        handshake = Handshake(NamedPrompts(asking, "gate") if named else asking, 1.0)
        for _ in range(30):
            handshake.heard(Banner("é" * 40_000))

    for connections in (1, 2):
        engine.call(show)
        shown = capsys.readouterr().out
        assert shown.count("é") == 64 * 1024, connections
        assert shown.count("…") == 1
        assert shown.rstrip().endswith("é…")


def test_nothing_to_answer_needs_nobody(engine: Engine) -> None:
    assert engine.submit(lambda: KernelPrompts().keyboard_interactive("", " ", [])).result(60) == []


def test_a_cell_says_that_an_answer_was_not_accepted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: typed.append(prompt) or "wrong")
    asking = KernelPrompts()
    refused = "That was not accepted. Please try again.\n"

    def ask(work: Callable[[], Any]) -> str:
        engine.call(work)
        return capsys.readouterr().out

    assert ask(lambda: asking.ask_secret("Password: ")) == ""
    assert ask(lambda: asking.ask_secret("Password: ")) == refused
    assert ask(lambda: asking.keyboard_interactive("", "Codes", [("Code: ", False)])) == "Codes\n"
    assert ask(lambda: asking.keyboard_interactive("", "Codes", [("Code: ", False)])) == refused + "Codes\n"
    assert ask(lambda: asking.keyboard_interactive("", "Look at your telephone", [])) == "Look at your telephone\n"
    assert ask(lambda: asking.keyboard_interactive("", "Look at your telephone", [])) == "Look at your telephone\n"
    assert ask(lambda: KernelPrompts().ask_secret("Password: ")) == "", "another connection"
    assert typed == ["Password: "] * 2 + ["Code: "] * 2 + ["Password: "]
