"""Who answers questions while a connection is made."""

from __future__ import annotations

from typing import Protocol

from ..trust.policy import HostKeyQuestion

__all__ = ["HostKeyQuestion", "NoPrompts", "Prompts"]


class Prompts(Protocol):
    """Answers to questions; every method may raise `PromptUnavailable`.

    An answer is a secret: it goes to the caller and nowhere else.
    """

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Whether the key of an unknown host is the right one."""

    async def ask_secret(self, prompt: str) -> str | None:
        """A password or passphrase; None when the person gives up."""

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Answers to the server's questions, each with whether it may be shown while typed; None to give up.

        Without ``prompts`` there is only something to show.  What the server wrote is as harmless as a banner.
        """

    def show_banner(self, text: str) -> None:
        """Shows what the server says before authentication; of control characters it holds newlines and tabs only."""


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

    def show_banner(self, text: str) -> None:
        """Nothing."""
