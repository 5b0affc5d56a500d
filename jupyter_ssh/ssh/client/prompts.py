"""Who answers questions while a connection is made."""

from __future__ import annotations

from typing import Any, Protocol

from jupyter_ssh.ssh.trust.policy import HostKeyQuestion

__all__ = ["HostKeyQuestion", "NamedPrompts", "NoPrompts", "Prompts", "yes_or_no"]


class Prompts(Protocol):
    """Answers to questions; every method may raise `PromptUnavailable`.

    An answer is a secret: it goes to the caller and nowhere else.
    """

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Return whether the key of an unknown host is the right one."""

    async def ask_secret(self, prompt: str) -> str | None:
        """Return a password or passphrase; None when the person gives up."""

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Answers to the server's questions, each with whether it may be shown while typed; None to give up.

        Without ``prompts`` there is only something to show.  What the server wrote is as harmless as a banner.
        """

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask a question of our own that is answered by yes or no; ``default`` is meant where nothing is typed.

        Giving up means no, whatever the default.
        """

    def show_banner(self, text: str) -> None:
        """Show what the server says before authentication; of control characters it holds newlines and tabs only."""


class NoPrompts:
    """Nobody is there: every question is declined."""

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """No."""
        return False

    async def ask_secret(self, prompt: str) -> str | None:
        """None."""
        return None

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """None."""
        return None

    async def confirm(self, text: str, default: bool = False) -> bool:
        """No: nobody has agreed."""
        return False

    def show_banner(self, text: str) -> None:
        """Nothing."""


class NamedPrompts:
    """Questions that say which of several hosts they are for: those of jump hosts, and of what lies behind them."""

    def __init__(self, prompts: Prompts, name: str) -> None:
        # One name is enough where jump hosts lie behind each other.
        self._prompts: Prompts = prompts._prompts if isinstance(prompts, NamedPrompts) else prompts
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prompts, name)

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Return the question names its host."""
        return await self._prompts.confirm_host_key(question)

    async def ask_secret(self, prompt: str) -> str | None:
        """Return the question, with the name before it if it is not in it."""
        return await self._prompts.ask_secret(self._named(prompt))

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Return the server's questions, each with the name before it."""
        named = [(self._named(prompt), echo) for prompt, echo in prompts]
        return await self._prompts.keyboard_interactive(name, instruction, named)

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Return the question, with the name before it if it is not in it."""
        return await self._prompts.confirm(self._named(text), default)

    def show_banner(self, text: str) -> None:
        """The text as it is."""
        self._prompts.show_banner(text)

    def _named(self, prompt: str) -> str:
        # Of our own making; a server whose name begins another's may not ask in the other's place.
        return prompt if prompt.startswith(f"{self._name}'s ") else f"({self._name}) {prompt}"


def yes_or_no(answer: str, default: bool = False) -> bool | None:
    """Return what a typed ``answer`` to `Prompts.confirm` means; None where it is neither yes nor no."""
    word = answer.strip().lower()
    if word == "":
        return default
    if word in ("yes", "y"):
        return True
    return False if word in ("no", "n") else None
