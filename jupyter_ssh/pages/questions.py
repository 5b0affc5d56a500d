"""The service ``questions``: what a person has to be asked, put to pages as dialogs; the first answer counts.

Each question is *about* something, a terminal for example, and goes to the pages that show that; one about nothing goes
to all pages that can show questions.  An answer goes from the frame to whoever asked, and nowhere else: it is not kept,
logged or sent to another page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection
from typing import Any, Final

from jupyter_ssh.pages.frames import encode_control, service_frame
from jupyter_ssh.pages.limits import ANSWER_SECONDS, CONTROL_BYTES, QUESTION_SECONDS, QUESTIONS
from jupyter_ssh.pages.members import MemberError, Members
from jupyter_ssh.pages.services import Page, Service
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.text import printable

NAME: Final = "questions"
ANSWER_CHARACTERS: Final = 4096
NOTICES: Final = 10
TEXT: Final = 8192
"""Characters of a server's text that a question shows."""

Check = Callable[[Any], Any]
"""Returns an answer that may be handed on; raises `MemberError` for another."""
About = dict[str, str]
"""``service``, and what of that service the question is about."""


def text_or_none(answer: Any) -> str | None:
    """Accept a text, and null, which gives up."""
    if answer is not None and (not isinstance(answer, str) or len(answer) > ANSWER_CHARACTERS):
        raise MemberError("answer", f"text of at most {ANSWER_CHARACTERS} characters, or null")
    return answer


def flag_or_none(answer: Any) -> bool | None:
    """Let pass true and false, and null, which gives up."""
    if answer is not None and not isinstance(answer, bool):
        raise MemberError("answer", "true, false or null")
    return answer


def texts_or_none(count: int) -> Check:
    """Accept a list of ``count`` texts, and null, which gives up."""

    def check(answer: Any) -> list[str] | None:
        if answer is None:
            return None
        if not isinstance(answer, list) or len(answer) != count:
            raise MemberError("answer", f"a list of {count} texts, or null")
        for each in answer:
            if not isinstance(each, str) or len(each) > ANSWER_CHARACTERS:
                raise MemberError("answer", f"a list of {count} texts, or null")
        return answer

    return check


class Question:
    """One question, from being asked to its first answer."""

    def __init__(self, subject: Subject, members: dict[str, Any], check: Check) -> None:
        self.id = secrets.token_urlsafe(12)
        self.subject = subject
        self.members = {"question": self.id, **subject.members, **members}
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.shown: set[Page] = set()
        self._check = check

    def answered(self, answer: Any) -> None:
        """Take a page's answer; later ones are too late.  Raises `MemberError`."""
        checked = self._check(answer)
        if not self.answer.done():
            self.answer.set_result(checked)

    def show_to(self, page: Page) -> None:
        """Show it, once, to ``page``."""
        if page not in self.shown:
            self.shown.add(page)
            page.send(NAME, "question", self.members)


class QuestionService(Service):
    """The open questions of a place."""

    name = NAME

    def __init__(self) -> None:
        super().__init__()
        self.verbs = {"answer": self._answer}
        self.open: dict[str, Question] = {}
        self.general = Subject(
            self,
            None,
            self.able_pages,
            next_step="Open JupyterLab with the jupyter_ssh extension on this kernel, and answer there.",
        )
        """For questions about nothing that a page shows: of a cell that cannot ask, of a panel."""

    def able_pages(self) -> set[Page]:
        """Return the connected pages that can show questions."""
        return {page for page in self.pages if page.is_page and NAME in page.services}

    def announce(self, page: Page) -> dict[str, Any]:
        """Return the open questions that concern every page."""
        questions = [question for question in self.open.values() if question.subject is self.general]
        for question in questions:
            question.shown.add(page)
        return {"open": [question.members for question in questions]}

    def gone(self, page: Page) -> None:
        """Forget what was shown to ``page``."""
        for question in self.open.values():
            question.shown.discard(page)

    def _answer(self, page: Page, members: Members) -> None:
        question = self.open.get(members.text("question", 100))
        # Too late, or of a page that does not see what it is about: the question, if it is open, stays open.
        if question is not None and page in question.subject.pages():
            question.answered(members.raw("answer"))


class Subject:
    """What questions are about, and ``pages``, those who can see it.  ``next_step`` is told where nobody answers."""

    def __init__(
        self, service: QuestionService, about: About | None, pages: Callable[[], Collection[Page]], *, next_step: str
    ) -> None:
        self.pages = pages
        self._service = service
        self._next_step = next_step
        self._notices: list[dict[str, Any]] = []
        self.members: dict[str, Any] = {"about": about}
        """What every question of it says."""

    def show_to(self, page: Page) -> None:
        """Show what is open to a page that sees the subject from now on."""
        for notice in self._notices:
            page.send(NAME, "question", notice)
        for question in self._service.open.values():
            if question.subject is self:
                question.show_to(page)

    def notice(self, text: str, *, remote: bool) -> None:
        """Show something to read, with nothing to answer; ``remote`` where the other machine says it."""
        members = {"kind": "notice", "text": printable(text)[:TEXT], "remote": remote}
        message = {"question": secrets.token_urlsafe(12), **self.members, **members}
        self._notices = [*self._notices, message][-NOTICES:]
        for page in self.pages():
            page.send(NAME, "question", message)

    def forget_notices(self) -> None:
        """Drop what was told: it has been read, or is of no use any more."""
        self._notices = []

    async def ask(self, kind: str, members: dict[str, Any], check: Check = text_or_none) -> Any:
        """Return the first answer of a page.  Raises `PromptUnavailable` where nobody comes to see the question."""
        question = Question(self, {"kind": kind, **members}, check)
        if len(encode_control(service_frame(NAME, "question", question.members))) > CONTROL_BYTES:
            raise PromptUnavailable("a question is too long to be shown", phase="question")
        opened = self._service.open
        if len(opened) >= QUESTIONS:
            raise PromptUnavailable("too many questions wait for an answer", phase="question")
        opened[question.id] = question
        try:
            for page in self.pages():
                question.show_to(page)
            return await self._answer(question)
        finally:
            del opened[question.id]
            for page in question.shown:
                page.send(NAME, "answered", {"question": question.id})

    async def _answer(self, question: Question) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_SECONDS
        unseen_since = loop.time()
        while True:
            await asyncio.wait([question.answer], timeout=1.0)
            if question.answer.done():
                return question.answer.result()
            now = loop.time()
            if self.pages():
                unseen_since = now
            if now >= end or now - unseen_since >= QUESTION_SECONDS:
                raise PromptUnavailable(
                    "a question had to be asked, and nobody answered", phase="question", next_step=self._next_step
                )
