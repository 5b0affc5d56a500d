"""Questions of a connection that is being made, put to the pages that look at its session.

An answer goes from the frame to whoever asked, and nowhere else: it is not kept, logged or sent to another page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from jupyter_ssh.kernel.terminals.limits import ANSWER_SECONDS, QUESTION_SECONDS
from jupyter_ssh.kernel.terminals.members import MemberError
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from jupyter_ssh.kernel.terminals.link import Link
    from jupyter_ssh.ssh.trust.question import HostKeyQuestion

ANSWER_CHARACTERS: Final = 4096
NOTICES: Final = 10
_PROMPTS: Final = 64
"""Different prompts that are remembered while one connection is made."""
_TEXT: Final = 8192
"""Characters of a server's text that a question shows."""


def _text_or_none(answer: Any) -> str | None:
    if answer is not None and (not isinstance(answer, str) or len(answer) > ANSWER_CHARACTERS):
        raise MemberError("answer", f"text of at most {ANSWER_CHARACTERS} characters, or null")
    return answer


def _texts_or_none(count: int) -> Callable[[Any], list[str] | None]:
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

    def __init__(self, session: str, kind: str, members: dict[str, Any], check: Callable[[Any], Any]) -> None:
        self.id = secrets.token_urlsafe(12)
        self.message = {"type": "question", "question": self.id, "session": session, "kind": kind, **members}
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.shown: set[Link] = set()
        self._check = check

    def answered(self, answer: Any) -> None:
        """Take a page's answer; later ones are too late.  Raises `MemberError`."""
        checked = self._check(answer)
        if not self.answer.done():
            self.answer.set_result(checked)


class Questions:
    """The open questions of one session; ``audience`` gives the connections whose pages look at it."""

    def __init__(self, session: str, audience: Callable[[], set[Link]]) -> None:
        self._session = session
        self._audience = audience
        self._open: dict[str, Question] = {}
        self._notices: list[dict[str, Any]] = []
        self._somebody = asyncio.Event()

    def show_to(self, link: Link) -> None:
        """A page has begun to look at the session."""
        self._somebody.set()
        for notice in self._notices:
            link.outlet.control(notice)
        for question in self._open.values():
            self._show(question, link)

    def _show(self, question: Question, link: Link) -> None:
        if link not in question.shown:
            question.shown.add(link)
            link.outlet.control(question.message)

    def find(self, identity: str) -> Question | None:
        """The open question with this id."""
        return self._open.get(identity)

    def notice(self, text: str, *, remote: bool) -> None:
        """Something to read, with nothing to answer."""
        members = {"kind": "notice", "text": printable(text)[:_TEXT], "remote": remote}
        message = {"type": "question", "question": secrets.token_urlsafe(12), "session": self._session, **members}
        self._notices = [*self._notices, message][-NOTICES:]
        for link in self._audience():
            link.outlet.control(message)

    def forget_notices(self) -> None:
        """What was told has been read, or is of no use any more."""
        self._notices = []

    async def ask(self, kind: str, members: dict[str, Any], check: Callable[[Any], Any] = _text_or_none) -> Any:
        """The first answer of a page.  Raises `PromptUnavailable` where nobody comes to look."""
        question = Question(self._session, kind, members, check)
        self._open[question.id] = question
        try:
            for link in self._audience():
                self._show(question, link)
            return await self._answer(question)
        finally:
            del self._open[question.id]
            for link in question.shown:
                link.outlet.control({"type": "answered", "question": question.id})

    async def _answer(self, question: Question) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_SECONDS
        lonely_since = loop.time()
        while True:
            await asyncio.wait([question.answer], timeout=1.0)
            if question.answer.done():
                return question.answer.result()
            now = loop.time()
            if self._audience():
                lonely_since = now
            if now >= end or now - lonely_since >= QUESTION_SECONDS:
                raise PromptUnavailable(
                    "a question had to be asked, and nobody answered",
                    phase="question",
                    next_step="Open the terminal again and answer it there.",
                )


class PagePrompts:
    """The prompts of the client (``jupyter_ssh.ssh.client.prompts.Prompts``) as dialogs in the browser."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._asked: set[tuple[str, ...]] = set()
        """What this connection has asked so far: who is asked the same again is told so."""

    def _again(self, *question: str) -> bool:
        again = question in self._asked
        if len(self._asked) < _PROMPTS:
            self._asked.add(question)
        return again

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Show the key's fingerprint and picture; true for "yes" or the fingerprint itself.

        Raises `HostKeyUnknown` for the fingerprint of another key.
        """
        members = {
            "host": printable(question.name),
            "key_type": question.key_type,
            "sha256": question.fingerprint,
            "md5": question.fingerprint_md5,
            "randomart": question.randomart,
            "kept_in": str(question.file) if question.file is not None else None,
            "notes": [printable(line)[:_TEXT] for line in (question.headline, *question.notes)],
        }
        answer = await self._questions.ask("host-key", members)
        return answer is not None and question.answer(answer) is True

    async def ask_secret(self, prompt: str) -> str | None:
        """A password or passphrase."""
        members = {"prompt": printable(prompt)[:_TEXT], "again": self._again(prompt)}
        answer: str | None = await self._questions.ask("secret", members)
        return answer

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """The answers to the server's questions (RFC 4256 §3.2)."""
        if not prompts:
            if name.strip() or instruction.strip():
                self._questions.notice(f"{name}\n{instruction}".strip(), remote=True)
            return []
        members = {
            "name": printable(name)[:_TEXT],
            "instruction": printable(instruction)[:_TEXT],
            "prompts": [{"prompt": printable(prompt)[:_TEXT], "echo": echo} for prompt, echo in prompts],
            "again": self._again(name, instruction, *(prompt for prompt, _ in prompts)),
        }
        answers: list[str] | None = await self._questions.ask("prompts", members, _texts_or_none(len(prompts)))
        return answers

    def show_banner(self, text: str) -> None:
        """What the server says before authentication (RFC 4252 §5.4)."""
        self._questions.notice(text, remote=True)
