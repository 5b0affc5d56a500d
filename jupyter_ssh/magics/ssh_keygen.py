"""``%ssh_keygen`` and ``%%ssh_keygen``: keys, certificates, signatures and known_hosts, with ssh-keygen's options."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from jupyter_ssh.kernel.cards.keys import KeyCard
from jupyter_ssh.kernel.cells.waiting import interruptible
from jupyter_ssh.kernel.person import current_person
from jupyter_ssh.kernel.prompts.cell import CellQuestions
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import AgentUnavailable, KeygenError
from jupyter_ssh.ssh.keygen import Arguments, Console, Person, ShownKey, parse, run
from jupyter_ssh.ssh.keygen.options import SECRETS, split_line
from jupyter_ssh.ssh.keys import PrivateKey
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")

NOBODY_ANSWERS = (
    "Give the answers as options: -f FILE, and -N '' for a key without a passphrase;"
    " or run it where questions can be answered."
)
WARNING = (
    "Warning: this cell contains the passphrase after -{letter}. It is saved with the notebook, and remains in In[] "
    "and in IPython's history. Without -{letter} you are asked for it."
)
REDIRECTION = re.compile(r"""(?:^|\s)<\s*([^\s'"<]+|'[^']*'|"[^"]*")\s*$""")
"""``< FILE`` at the end of a line, as in a shell."""


class CellConsole(Console):
    """Shows results and messages below the cell, and asks through its stdin."""

    hides_private_keys = True

    def __init__(self, input: BinaryIO | None) -> None:
        self.keys: list[tuple[ShownKey, str]] = []
        self._input = input
        self._questions = CellQuestions(NOBODY_ANSWERS)

    def out(self, text: str) -> None:
        print(printable(text))

    def progress(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        sys.stdout.flush()
        print(printable(text), file=sys.stderr)

    def key(self, shown: ShownKey, text: str) -> None:
        self.keys.append((shown, text))

    def ask(self, prompt: str) -> str | None:
        return self._questions.line(prompt, "what to do")

    def secret(self, prompt: str) -> str:
        return self._questions.secret(prompt, "a passphrase")

    def input(self) -> BinaryIO:
        if self._input is None:
            raise KeygenError(
                "there is no standard input here",
                next_step="Use %%ssh_keygen with the text below it, or end the line with < FILE",
            )
        return self._input

    def agent_keys(self) -> Sequence[PrivateKey]:
        from jupyter_ssh.kernel.agent import agent_in_use, ask_agent
        from jupyter_ssh.ssh.agent.asking import signing_keys

        address = agent_in_use()
        if address is None:
            raise AgentUnavailable("there is no agent", phase="agent", next_step="Add keys to one with %ssh_add.")
        return signing_keys(partial(ask_agent, address))

    def work(self, job: Callable[[], T]) -> T:
        return interruptible(job)


def ssh_keygen(shell: InteractiveShell, line: str, cell: str | None = None) -> KeyCard | None:
    """Do what ssh-keygen does, and return the card of the key, if there is one."""
    person = current_person()
    redirected = REDIRECTION.search(line)
    arguments = parse(split_line(line[: redirected.start()] if redirected else line))
    input_file = redirected[1].strip("'\"") if redirected else None
    _warn_of_secrets(shell, line, arguments)
    with ExitStack() as stack:
        stream: BinaryIO | None = None
        if cell is not None:
            if input_file is not None:
                raise Usage("both the cell and a file are given as input", phase="options", expected="one of them")
            stream = io.BytesIO(cell.encode("utf-8", "surrogateescape"))
        elif input_file is not None:
            stream = stack.enter_context(_opened(person, input_file))
        console = CellConsole(stream)
        run(arguments, console, person, time.time())
    return _shown(console, arguments)


def _shown(console: CellConsole, arguments: Arguments) -> KeyCard | None:
    """Return a single key as a card; print several as ssh-keygen does."""
    if len(console.keys) == 1:
        shown, _ = console.keys[0]
        return KeyCard(shown, md5=arguments.fingerprint_hash == "md5", own=shown.encrypted is not None)
    for _, text in console.keys:
        console.out(text)
    return None


def _opened(person: Person, name: str) -> BinaryIO:
    try:
        return person.path(name).open("rb")
    except OSError as error:
        raise KeygenError(f"{name}: {error.strerror}") from None


def _warn_of_secrets(shell: InteractiveShell, line: str, arguments: Arguments) -> None:
    """Warn about a passphrase typed into the cell; one from a ``{variable}`` is not part of it."""
    source = _source(shell)
    for letter in SECRETS:
        secret = arguments.text(letter)
        if secret and (source is None or secret in source or line.strip() in source):
            print(WARNING.format(letter=letter), file=sys.stderr)


def _source(shell: InteractiveShell) -> str | None:
    """Return the text of the running cell; None if unknown."""
    history = getattr(shell.history_manager, "input_hist_raw", None)
    return str(history[-1]) if history else None
