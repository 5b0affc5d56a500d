"""Questions that are about no terminal: they go to all pages that can show them, and the first answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jupyter_ssh.pages import questions as questions_module
from jupyter_ssh.pages.limits import QUESTIONS, SERVER_CLIENT, VERSION
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.prompts import PagePrompts
from jupyter_ssh.pages.questions import QuestionService, Subject
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.trust.question import HostKeyQuestion
from tests.support.made_keys import key_of
from tests.support.page.plain_page import PlainPage as Page

ABLE = {"services": ["questions"]}


@pytest.fixture
def questions() -> QuestionService:
    return QuestionService()


@pytest.fixture
async def place(questions: QuestionService) -> AsyncIterator[Place]:
    place = Place("kernel-1", questions)
    yield place
    await place.close()


async def asked(prompts: PagePrompts, prompt: str = "Password: ") -> asyncio.Task[str | None]:
    """A question that has been shown to whoever can see it."""
    task = asyncio.create_task(prompts.ask_secret(prompt))
    await asyncio.sleep(0)
    return task


async def test_every_page_is_asked_and_the_first_answer_counts(place: Place, questions: QuestionService) -> None:
    one, two, unable, early = Page(place, **ABLE), Page(place, **ABLE), Page(place, services=["terminals"]), Page(place)
    answer = await asked(PagePrompts(questions.general))
    [question] = one.of("questions.question")
    assert {name: question[name] for name in ("about", "kind", "prompt", "again")} == {
        "about": None,
        "kind": "secret",
        "prompt": "Password: ",
        "again": False,
    }
    assert two.of("questions.question") == [question]
    late = Page(place, **ABLE)
    assert late.of("welcome")[0]["services"]["questions"]["open"] == [question]
    assert late.of("questions.question") == []
    unable.send("questions.answer", question=question["question"], answer="from one that was not asked")
    late.send("questions.answer", question=question["question"], answer=["a list"])
    assert late.of("error")[0]["code"] == "bad-frame"
    late.send("questions.answer", question=question["question"], answer="correct horse")
    two.send("questions.answer", question=question["question"], answer="too late")
    assert await answer == "correct horse"
    for page in (one, two, late):
        assert page.of("questions.answered") == [{"question": question["question"]}]
        assert "horse" not in repr(page.frames)
    assert "horse" not in repr(vars(questions))
    assert [unable.of("questions.question"), early.frames] == [[], []]
    assert questions.open == {}


async def test_where_no_page_is_there_are_no_able_pages(place: Place, questions: QuestionService) -> None:
    assert not questions.able_pages()
    Page(place).send("hello", version=VERSION, client=SERVER_CLIENT, **ABLE)
    Page(place, services=["terminals"])
    assert not questions.able_pages()
    page = Page(place, **ABLE)
    assert questions.able_pages() == {page.connection}
    page.connection.gone()
    assert not questions.able_pages()


async def test_a_page_that_went_is_told_nothing_and_one_that_comes_is_asked(
    place: Place, questions: QuestionService
) -> None:
    page = Page(place, **ABLE)
    answer = await asked(PagePrompts(questions.general))
    page.connection.gone()
    [question] = questions.open.values()
    assert question.shown == set()
    back = Page(place, **ABLE)
    [open_now] = back.of("welcome")[0]["services"]["questions"]["open"]
    back.send("questions.answer", question=open_now["question"], answer=None)
    assert await answer is None
    assert page.of("questions.answered") == []


async def test_a_question_nobody_can_see_or_answers_ends(
    place: Place, questions: QuestionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions_module, "QUESTION_SECONDS", 0.0)
    with pytest.raises(PromptUnavailable, match="nobody answered"):
        await PagePrompts(questions.general).ask_secret("Password: ")
    page = Page(place, **ABLE)
    monkeypatch.setattr(questions_module, "ANSWER_SECONDS", 0.0)
    with pytest.raises(PromptUnavailable, match="nobody answered"):
        await PagePrompts(questions.general).ask_secret("Password: ")
    assert len(page.of("questions.answered")) == 1
    assert questions.open == {}


async def test_open_questions_are_bounded_and_those_that_are_too_long(place: Place, questions: QuestionService) -> None:
    prompts = PagePrompts(questions.general)
    many = [await asked(prompts) for _ in range(QUESTIONS)]
    with pytest.raises(PromptUnavailable, match="too many"):
        await asyncio.wait_for(prompts.ask_secret("Password: "), 30)
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)
    assert questions.open == {}
    with pytest.raises(PromptUnavailable, match="too long"):
        await prompts.keyboard_interactive("", "", [("\N{GRINNING FACE}" * 8000, True)] * 3)


async def test_a_host_key_without_a_terminal(place: Place, questions: QuestionService) -> None:
    page = Page(place, **ABLE)
    key = key_of("ssh-ed25519").public
    wanted = HostKeyQuestion("box\x1b[2J", 22, None, key, None)
    answer = asyncio.create_task(PagePrompts(questions.general).confirm_host_key(wanted))
    await asyncio.sleep(0)
    [question] = page.of("questions.question")
    assert (question["host"], question["sha256"]) == ("box?[2j", key.fingerprint)
    page.send("questions.answer", question=question["question"], answer="yes")
    assert await answer is True


async def test_a_subject_is_seen_by_those_that_look_at_it(place: Place, questions: QuestionService) -> None:
    page, other = Page(place, **ABLE), Page(place, **ABLE)
    looking = {page.connection}
    about = {"service": "files", "transfer": "t1"}
    subject = Subject(questions, about, lambda: looking, next_step="Look.")
    prompts = PagePrompts(subject)
    prompts.show_banner("Welcome")
    answer = await asked(prompts)
    notice, question = page.of("questions.question")
    assert (notice["kind"], notice["about"], question["about"]) == ("notice", about, about)
    assert other.of("questions.question") == []
    newcomer = Page(place, **ABLE)
    assert newcomer.of("welcome")[0]["services"]["questions"] == {"open": []}
    looking.add(newcomer.connection)
    subject.show_to(newcomer.connection)
    assert newcomer.of("questions.question") == [notice, question]
    looking.discard(page.connection)
    page.send("questions.answer", question=question["question"], answer="of one that looks no more")
    other.send("questions.answer", question=question["question"], answer="of one that never did")
    newcomer.send("questions.answer", question=question["question"], answer="yes")
    assert await answer == "yes"


@pytest.mark.parametrize("members", [{}, {"question": 3}, {"question": "x" * 101}])
async def test_an_answer_to_no_question(place: Place, members: dict[str, Any]) -> None:
    page = Page(place, **ABLE)
    page.send("questions.answer", **members)
    assert page.of("error")[0]["code"] == "bad-frame"
    page.send("questions.answer", question="an old one", answer="x")
    assert len(page.of("error")) == 1
