"""The interface that answers questions while a connection is made."""

from __future__ import annotations

from typing import Any, Protocol

from jupyter_ssh.ssh.trust.policy import HostKeyQuestion

__all__ = ["HostKeyQuestion", "NamedPrompts", "NoPrompts", "Prompts", "yes_or_no"]


class Prompts(Protocol):
    """Answers questions; every method may raise `PromptUnavailable`.

    Answers are secret: they are returned to the caller and kept nowhere.
    """

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Return whether the user accepts the key of an unknown host."""

    async def ask_secret(self, prompt: str) -> str | None:
        """Ask for a password or passphrase; None if the user cancels."""

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Ask the server's questions, each with whether the answer is echoed; None if the user cancels.

        If ``prompts`` is empty, only show the text.  The texts are sanitized like a banner, and each line has the
        prefix ``(user@host)``, which our own questions never have.
        """

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask a yes/no question of our own; an empty answer means ``default``.

        Cancelling means no, whatever the default.
        """

    def show_banner(self, text: str) -> None:
        """Show the server's banner; its only control characters are newlines and tabs."""


class NoPrompts:
    """Declines every question, because there is nobody to ask."""

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
        """Decline."""
        return False

    def show_banner(self, text: str) -> None:
        """Nothing."""


class NamedPrompts:
    """Adds to our own questions which host they are about, for connections through jump hosts."""

    def __init__(self, prompts: Prompts, name: str) -> None:
        # One name is enough when several jump hosts are chained.
        self._prompts: Prompts = prompts._prompts if isinstance(prompts, NamedPrompts) else prompts
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prompts, name)

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Ask as it is: the question names its host."""
        return await self._prompts.confirm_host_key(question)

    async def ask_secret(self, prompt: str) -> str | None:
        """Ask, with the host's name in front unless the prompt has it."""
        return await self._prompts.ask_secret(self._named(prompt))

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Ask as it is: what a server asks names the host."""
        return await self._prompts.keyboard_interactive(name, instruction, prompts)

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask, with the host's name in front unless the question has it."""
        return await self._prompts.confirm(self._named(text), default)

    def show_banner(self, text: str) -> None:
        """Show the text as it is."""
        self._prompts.show_banner(text)

    def _named(self, prompt: str) -> str:
        # Not in parentheses: those mark what a server asks.
        return prompt if self._name in prompt else f"For {self._name}: {prompt}"


def yes_or_no(answer: str, default: bool = False) -> bool | None:
    """Return what a typed ``answer`` to `Prompts.confirm` means; None if it is neither yes nor no."""
    word = answer.strip().lower()
    if word == "":
        return default
    if word in ("yes", "y"):
        return True
    return False if word in ("no", "n") else None
