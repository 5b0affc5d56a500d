"""The user of keygen, and the interface for input and output: a terminal, or a notebook's cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from jupyter_ssh.ssh.errors import AgentUnavailable, ConfigError
from jupyter_ssh.ssh.keys import PrivateKey, PublicKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """The user who runs keygen, and their machine."""

    home_folder: Path | None
    user: str
    host: str

    @property
    def home(self) -> Path:
        """The home folder.  Raises `ConfigError` if there is none."""
        if self.home_folder is None:
            raise ConfigError(
                "there is no home folder: the user id has no account, and HOME is not set",
                phase="options",
                next_step="Set HOME, or name each file by a path that does not begin with ~",
            )
        return self.home_folder

    @property
    def comment(self) -> str:
        """The comment of a new key: ``user@host``."""
        return f"{self.user}@{self.host}"

    def path(self, text: str) -> Path:
        """Return the path ``text`` with a leading ``~`` expanded, as there may be no shell to do that.

        Raises `ConfigError` without a home folder.
        """
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:]
        return Path(text)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A public key to show."""

    public: PublicKey
    comment: str | None = None
    path: Path | None = None
    """The file with the private key, if there is one."""
    encrypted: bool | None = None
    """Whether that file has a passphrase; None if that was not checked."""
    new: bool = False


class Console(ABC):
    """Input and output of an operation."""

    hides_private_keys: bool = False
    """Whether private keys must not be printed, because a cell's output is saved with the notebook."""

    @abstractmethod
    def out(self, text: str) -> None:
        """Write a result, one or more lines without the final newline, to standard output."""

    def progress(self, text: str) -> None:
        """Write a line about what is being done to standard output; it is of no use afterwards."""
        self.out(text)

    @abstractmethod
    def say(self, text: str) -> None:
        """Write a message to standard error."""

    @abstractmethod
    def key(self, shown: ShownKey, text: str) -> None:
        """Write a key as a result; ``text`` is what ssh-keygen prints."""

    @abstractmethod
    def ask(self, prompt: str) -> str | None:
        """Ask for a line of input; None at the end of the input.  Raises `PromptUnavailable`."""

    @abstractmethod
    def secret(self, prompt: str) -> str:
        """Ask for a line of input without echo.  Raises `PromptUnavailable`."""

    @abstractmethod
    def input(self) -> BinaryIO:
        """Return standard input.  Raises `KeygenError` if there is none."""

    def agent_keys(self) -> Sequence[PrivateKey]:
        """Return keys that sign in the user's agent.  Raises `AgentUnavailable` without an agent."""
        raise AgentUnavailable("there is no agent here", phase="agent")

    def work(self, job: Callable[[], T]) -> T:
        """Run ``job``, which may compute for a long time, and return its value."""
        return job()
