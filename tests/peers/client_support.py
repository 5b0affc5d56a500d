"""Our client against the servers of others."""

from __future__ import annotations

from typing import Any

from jupyter_ssh.ssh.client import HostKeyQuestion
from jupyter_ssh.ssh.client.connection import Connecting, connect


def reach(server: Any, **options: Any) -> Connecting:
    """Connects to one of the peers, by its key unless ``options`` say otherwise."""
    settings = {
        "user": server.user,
        "port": server.port,
        "known_hosts": server.known_hosts,
        "identity_file": server.client_key,
        "config": "none",
        "connect_timeout": 20,
        **options,
    }
    return connect(server.host, **settings)


class Person:
    """Answers as told and keeps what was asked."""

    def __init__(
        self,
        *,
        secrets: list[str | None] | None = None,
        host_key: bool = False,
        answers: list[list[str] | None] | None = None,
    ) -> None:
        self.secrets = list(secrets or [])
        self.host_key = host_key
        self.answers = list(answers or [])
        self.asked: list[str] = []
        self.questions: list[HostKeyQuestion] = []
        self.banners: list[str] = []

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        self.questions.append(question)
        return self.host_key

    async def ask_secret(self, prompt: str) -> str | None:
        self.asked.append(prompt)
        return self.secrets.pop(0) if self.secrets else None

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        self.asked += [prompt for prompt, _ in prompts]
        return self.answers.pop(0) if self.answers else None

    def show_banner(self, text: str) -> None:
        self.banners.append(text)
