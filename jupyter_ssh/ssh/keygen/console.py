"""Whom keygen works for, and where it asks and tells: a terminal, or a notebook's cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from jupyter_ssh.ssh.errors import AgentUnavailable
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """Who keygen is run by, on which machine."""

    home: Path
    user: str
    host: str

    @property
    def comment(self) -> str:
        """The comment of a new key: ``user@host``."""
        return f"{self.user}@{self.host}"

    def path(self, text: str) -> Path:
        """``text`` with ``~`` and ``~/`` at its start as the home: there may be no shell that did that."""
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:]
        return Path(text)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A public key to show."""

    public: PublicKey
    comment: str | None = None
    path: Path | None = None
    """The file with the private key, where there is one."""
    encrypted: bool | None = None
    """Whether that file has a passphrase; None where that was not looked at."""
    new: bool = False


class Console(ABC):
    """Where an operation asks and tells."""

    hides_private_keys: bool = False
    """Whether a private key must not be printed: what a cell shows is saved with its notebook."""

    @abstractmethod
    def out(self, text: str) -> None:
        """A result: a line or several, without the last newline, for standard output."""

    def progress(self, text: str) -> None:
        """What is being done: a line of standard output that is of no use afterwards."""
        self.out(text)

    @abstractmethod
    def say(self, text: str) -> None:
        """A message: for standard error."""

    @abstractmethod
    def key(self, shown: ShownKey, text: str) -> None:
        """A key as a result; ``text`` is how ssh-keygen shows it."""

    @abstractmethod
    def ask(self, prompt: str) -> str | None:
        """Return a line typed at ``prompt``; None at the end of the input.  Raises `PromptUnavailable`."""

    @abstractmethod
    def secret(self, prompt: str) -> str:
        """Return a line typed without echo.  Raises `PromptUnavailable`."""

    @abstractmethod
    def input(self) -> BinaryIO:
        """Standard input.  Raises `KeygenError` where there is none."""

    def agent_keys(self) -> Sequence[PrivateKey]:
        """Return the keys of the person's agent, which sign there.  Raises `AgentUnavailable` where there is no
        agent."""
        raise AgentUnavailable("there is no agent here", phase="agent")

    def work(self, job: Callable[[], T]) -> T:
        """Return the value of ``job``, which may compute for long."""
        return job()
