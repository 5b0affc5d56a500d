"""Questions of a connection, asked with ``input`` and ``getpass`` in the cell that waits.

The engine passes a question to the thread that runs the cell (desk.py).  If it cannot be asked, because the frontend
does not support input (nbclient, papermill) or no cell is waiting, `PromptUnavailable` says what to do instead.
Answers go to the stack only: not to the output, the history or a log.
"""

from __future__ import annotations

import builtins
import getpass
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from jupyter_ssh.kernel.cells.desk import CURRENT_DESK, Desk
from jupyter_ssh.kernel.cells.page_limits import PageLimits
from jupyter_ssh.ssh.client.prompts import yes_or_no
from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from jupyter_ssh.ssh.trust.question import HostKeyQuestion

T = TypeVar("T")

_HOST_KEY_STEP = (
    "Connect once where questions can be answered, add the key to known_hosts, or accept keys of unknown hosts"
    " with -o StrictHostKeyChecking=accept-new."
)
_SECRET_STEP = "Use an agent or a key without a passphrase, or connect from a cell that can ask (allow_stdin)."

_CONFIRM_STEP = "Use it from a cell that can ask (allow_stdin), or add the key without asking for confirmation."

_REMEMBERED = 64
"""How many different questions are remembered while one connection is being opened."""
_NOT_ACCEPTED = "That was not accepted. Please try again."

_ATTEMPTS = 3
"""How many times a question is asked in all if the answers are not valid."""


class StdinPrompts:
    """The client's prompts (``jupyter_ssh.ssh.client.prompts.Prompts``) in a cell.

    Questions are asked at ``desk``, or by default at the desk of the call for which the asking task works.  ``asked``
    holds what the connection has asked for so far, so that a repeated question can say that it is one.
    """

    def __init__(self, desk: Desk | None = None, asked: set[tuple[str, ...]] | None = None) -> None:
        self._desk = desk
        self._asked = set() if asked is None else asked

    def _again(self, *question: str) -> bool:
        again = question in self._asked
        if len(self._asked) < _REMEMBERED:
            self._asked.add(question)
        return again

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """Show the key's fingerprint and picture; return True if the answer is "yes" or the fingerprint."""
        return await self._ask(lambda: _host_key(question), "the host key", _HOST_KEY_STEP)

    async def ask_secret(self, prompt: str) -> str | None:
        """Return a password or passphrase, typed without echo."""
        again = self._again(prompt)

        def answer() -> str:
            if again:
                _say(_NOT_ACCEPTED)
            return _secret(prompt)

        return await self._ask(answer, "a password or passphrase", _SECRET_STEP)

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """Return the answers to the server's questions (RFC 4256 §3.2), those with echo off typed without echo."""

        again = bool(prompts) and self._again(name, instruction, *(prompt for prompt, _ in prompts))

        def answer() -> list[str]:
            if again:
                _say(_NOT_ACCEPTED)
            for text in (name, instruction):
                if text.strip():
                    _say(text)
            return [_line(prompt) if echo else _secret(prompt) for prompt, echo in prompts]

        # A server may ask no questions. If it sends no text either, nothing needs the user.
        if not prompts and not (name.strip() or instruction.strip()):
            return []
        return await self._ask(answer, "the server's questions", _SECRET_STEP)

    async def confirm(self, text: str, default: bool = False) -> bool:
        """Ask for yes or no, a few times at most; an empty answer means the ``default``."""
        return await self._ask(lambda: _confirm(text, default), "a question", _CONFIRM_STEP)

    def show_banner(self, text: str) -> None:
        """Show the server's banner (RFC 4252 §5.4)."""
        desk = self._desk or CURRENT_DESK.get()
        if desk is not None:
            desk.post(lambda: _say(text))

    async def _ask(self, question: Callable[[], T], what: str, next_step: str) -> T:
        desk = self._desk or CURRENT_DESK.get()
        if desk is None:
            raise _unavailable(what, "no cell is waiting for this connection", next_step)
        with _answerable(what, next_step):
            return await desk.ask(question)


class CellQuestions:
    """Questions of code that runs in the cell's own thread; ``next_step`` is the advice if nobody can answer."""

    def __init__(self, next_step: str) -> None:
        self.next_step = next_step

    def line(self, prompt: str, what: str) -> str:
        """Return a line typed at ``prompt``, which asks for ``what``.  Raises `PromptUnavailable`."""
        with _answerable(what, self.next_step):
            return _line(prompt)

    def secret(self, prompt: str, what: str) -> str:
        """Return a line typed without echo.  Raises `PromptUnavailable`."""
        with _answerable(what, self.next_step):
            return _secret(prompt)


@contextmanager
def _answerable(what: str, next_step: str) -> Iterator[None]:
    """Raise `PromptUnavailable` if the answer cannot be read."""
    try:
        yield
    except NotImplementedError:  # IPython's StdinNotImplementedError: the request came with allow_stdin=False
        raise _unavailable(what, "the frontend of this cell does not support input", next_step) from None
    except (EOFError, OSError, getpass.GetPassWarning):
        raise _unavailable(what, "there is no terminal to read an answer from", next_step) from None


def _unavailable(what: str, why: str, next_step: str) -> PromptUnavailable:
    return PromptUnavailable(f"{what} must be asked for, but {why}", phase="question", next_step=next_step)


# --- done by the waiting thread ---------------------------------------------------------------------------------------


def _host_key(question: HostKeyQuestion) -> bool:
    *facts, prompt = question.text().split("\n")
    _say("\n".join(facts))
    for _ in range(_ATTEMPTS):
        text = _line(prompt).strip()
        answer = question.answer(text)
        if answer is not None:
            return answer
        prompt = 'Please type "yes", "no" or the fingerprint: '
    return False


def _confirm(text: str, default: bool) -> bool:
    _say(text)
    for _ in range(_ATTEMPTS):
        answer = yes_or_no(_line(f"Please type yes or no ({'yes' if default else 'no'}): "), default)
        if answer is not None:
            return answer
    return False


def _line(prompt: str) -> str:
    return builtins.input(_shown(prompt))


def _secret(prompt: str) -> str:
    with warnings.catch_warnings():
        # getpass warns before it falls back to echoing: make that an error, as a password must not be visible.
        warnings.simplefilter("error", getpass.GetPassWarning)
        return getpass.getpass(_shown(prompt))


def _say(text: str) -> None:
    # Not to stderr, which a notebook shows in red: a question is not an error.
    sys.stderr.flush()
    print(_shown(text), flush=True)


def _shown(text: str) -> str:
    """Return what may be a server's text so that it neither controls the page nor takes it minutes to draw."""
    return PageLimits().limit(printable(text))
