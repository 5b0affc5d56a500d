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

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")

NOBODY_ANSWERS = (
    "Say in the options what would be asked: -f FILE, and -N '' for a key without a passphrase;"
    " or run it where a question can be answered."
)
WARNING = (
    "Warning: the passphrase behind -{letter} stands in this cell. It is saved with the notebook, and stays in In[] and"
    " in IPython's history. Without -{letter} it is asked for."
)
REDIRECTION = re.compile(r"""(?:^|\s)<\s*([^\s'"<]+|'[^']*'|"[^"]*")\s*$""")
"""``< FILE`` at the end of a line, as a shell has it."""


class CellConsole(Console):
    """Results and messages under the cell, questions through its stdin."""

    hides_private_keys = True

    def __init__(self, input: BinaryIO | None) -> None:
        self.keys: list[tuple[ShownKey, str]] = []
        self._input = input
        self._questions = CellQuestions(NOBODY_ANSWERS)

    def out(self, text: str) -> None:
        print(_printable(text))

    def progress(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        sys.stdout.flush()
        print(_printable(text), file=sys.stderr)

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
                next_step="Begin the cell with %%ssh_keygen and put the text below it, or end the line with < FILE",
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
    """Return what ssh-keygen does.  The value is the card of a key, where there is one to show."""
    person = current_person()
    redirected = REDIRECTION.search(line)
    arguments = parse(split_line(line[: redirected.start()] if redirected else line))
    input_file = redirected[1].strip("'\"") if redirected else None
    _warn_of_secrets(shell, line, arguments)
    with ExitStack() as stack:
        stream: BinaryIO | None = None
        if cell is not None:
            if input_file is not None:
                raise Usage("the cell and a file are both the input", phase="options", expected="one of them")
            stream = io.BytesIO(cell.encode("utf-8", "surrogateescape"))
        elif input_file is not None:
            stream = stack.enter_context(_opened(person, input_file))
        console = CellConsole(stream)
        run(arguments, console, person, time.time())
    return _shown(console, arguments)


def _shown(console: CellConsole, arguments: Arguments) -> KeyCard | None:
    """Return a single key as a card; several in ssh-keygen's lines."""
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
    """Tell of a passphrase that was typed into the cell; one out of ``{variable}`` does not stand there."""
    source = _source(shell)
    for letter in SECRETS:
        secret = arguments.text(letter)
        if secret and (source is None or secret in source or line.strip() in source):
            print(WARNING.format(letter=letter), file=sys.stderr)


def _source(shell: InteractiveShell) -> str | None:
    """Return the text of the cell that runs, None where it is not known."""
    history = getattr(shell.history_manager, "input_hist_raw", None)
    return str(history[-1]) if history else None


def _printable(text: str) -> str:
    """Return what is not UTF-8 in a comment would not get through to the front-end."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
