"""The questions asked while a connection is being opened, as dialogs in the browser."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.pages.questions import TEXT, Subject, flag_or_none, texts_or_none
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.trust.question import HostKeyQuestion

_REMEMBERED: Final = 64
"""How many different prompts are remembered while one connection is being opened."""


class PagePrompts:
    """The prompts of the client (``jupyter_ssh.ssh.client.prompts.Prompts``), for pages that see ``subject``."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._asked: set[tuple[str, ...]] = set()
        """What this connection has asked so far, so that a repeated question can say that it is one."""

    def _again(self, *question: str) -> bool:
        again = question in self._asked
        if len(self._asked) < _REMEMBERED:
            self._asked.add(question)
        return again

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Show the key's fingerprint and randomart; return true for "yes" or the fingerprint itself.

        Raises `HostKeyUnknown` for the fingerprint of another key.
        """
        members = {
            "host": printable(question.name),
            "key_type": question.key_type,
            "sha256": question.fingerprint,
            "md5": question.fingerprint_md5,
            "randomart": question.randomart,
            "kept_in": str(question.file) if question.file is not None else None,
            "notes": [printable(line)[:TEXT] for line in (question.headline, *question.notes)],
        }
        answer = await self._subject.ask("host-key", members)
        return answer is not None and question.answer(answer) is True

    async def ask_secret(self, prompt: str) -> str | None:
        """Ask for a password or passphrase; return None if the person cancels."""
        members = {"prompt": printable(prompt)[:TEXT], "again": self._again(prompt)}
        answer: str | None = await self._subject.ask("secret", members)
        return answer

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Return the answers to the server's questions (RFC 4256 §3.2), or None if the person cancels."""
        if not prompts:
            if name.strip() or instruction.strip():
                self._subject.notice(f"{name}\n{instruction}".strip(), remote=True)
            return []
        members = {
            "name": printable(name)[:TEXT],
            "instruction": printable(instruction)[:TEXT],
            "prompts": [{"prompt": printable(prompt)[:TEXT], "echo": echo} for prompt, echo in prompts],
            "again": self._again(name, instruction, *(prompt for prompt, _ in prompts)),
        }
        answers: list[str] | None = await self._subject.ask("prompts", members, texts_or_none(len(prompts)))
        return answers

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask a yes-or-no question; cancelling means no."""
        members = {"text": printable(text)[:TEXT], "default": default}
        return await self._subject.ask("confirm", members, flag_or_none) is True

    def show_banner(self, text: str) -> None:
        """Show the server's message before authentication (RFC 4252 §5.4)."""
        self._subject.notice(text, remote=True)
