"""The service ``questions``: questions for a person, shown by pages as dialogs; the first answer counts.

Each question is *about* something, such as a terminal, and goes to the pages that show it; a question about nothing in
particular goes to all pages that can show questions.  An answer goes from the frame to whoever asked, and nowhere else:
it is not kept, logged or sent to another page.
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
"""How many characters of a server's text a question shows."""

Check = Callable[[Any], Any]
"""A function that returns a valid answer and raises `MemberError` for an invalid one."""
About = dict[str, str]
"""``service``, and which of that service's objects the question is about."""


def text_or_none(answer: Any) -> str | None:
    """Accept a text, or null, which cancels."""
    if answer is not None and (not isinstance(answer, str) or len(answer) > ANSWER_CHARACTERS):
        raise MemberError("answer", f"text of at most {ANSWER_CHARACTERS} characters, or null")
    return answer


def flag_or_none(answer: Any) -> bool | None:
    """Accept true or false, or null, which cancels."""
    if answer is not None and not isinstance(answer, bool):
        raise MemberError("answer", "true, false or null")
    return answer


def texts_or_none(count: int) -> Check:
    """Return a check that accepts a list of ``count`` texts, or null, which cancels."""

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
    """One question, until its first answer."""

    def __init__(self, subject: Subject, members: dict[str, Any], check: Check) -> None:
        self.id = secrets.token_urlsafe(12)
        self.subject = subject
        self.members = {"question": self.id, **subject.members, **members}
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.shown: set[Page] = set()
        self._check = check

    def answered(self, answer: Any) -> None:
        """Accept a page's answer, unless there is one already.  Raises `MemberError`."""
        checked = self._check(answer)
        if not self.answer.done():
            self.answer.set_result(checked)

    def show_to(self, page: Page) -> None:
        """Show it to ``page``, once."""
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
        """For questions about nothing that a page shows, such as those of a cell that cannot ask, or of a panel."""

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
        # Ignored if it is too late, or from a page that does not show what the question is about.
        if question is not None and page in question.subject.pages():
            question.answered(members.raw("answer"))


class Subject:
    """What questions are about, and the ``pages`` that show it; ``next_step`` is the advice if nobody answers."""

    def __init__(
        self, service: QuestionService, about: About | None, pages: Callable[[], Collection[Page]], *, next_step: str
    ) -> None:
        self.pages = pages
        self._service = service
        self._next_step = next_step
        self._notices: list[dict[str, Any]] = []
        self.members: dict[str, Any] = {"about": about}
        """The members that all its questions have in common."""

    def show_to(self, page: Page) -> None:
        """Show the open questions to a page that shows the subject from now on."""
        for notice in self._notices:
            page.send(NAME, "question", notice)
        for question in self._service.open.values():
            if question.subject is self:
                question.show_to(page)

    def notice(self, text: str, *, remote: bool) -> None:
        """Show a text that needs no answer; ``remote`` says whether it comes from the other machine."""
        members = {"kind": "notice", "text": printable(text)[:TEXT], "remote": remote}
        message = {"question": secrets.token_urlsafe(12), **self.members, **members}
        self._notices = [*self._notices, message][-NOTICES:]
        for page in self.pages():
            page.send(NAME, "question", message)

    def forget_notices(self) -> None:
        """Drop the notices: they have been read, or are no longer of use."""
        self._notices = []

    async def ask(self, kind: str, members: dict[str, Any], check: Check = text_or_none) -> Any:
        """Return the first answer from a page.  Raises `PromptUnavailable` if it cannot be asked, or nobody answers."""
        question = Question(self, {"kind": kind, **members}, check)
        if len(encode_control(service_frame(NAME, "question", question.members))) > CONTROL_BYTES:
            raise PromptUnavailable("a question is too long to be shown", phase="question")
        opened = self._service.open
        if len(opened) >= QUESTIONS:
            raise PromptUnavailable("too many questions are waiting for an answer", phase="question")
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
