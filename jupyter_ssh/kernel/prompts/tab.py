"""The terminal session that a task works for: what there is to say and to ask belongs on its tab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.kernel.cells.desk import say_in_cell
from jupyter_ssh.ssh.client.prompts import Prompts


@dataclass(frozen=True, slots=True)
class Tab:
    """A terminal session, as far as others talk to its user."""

    tell: Callable[[Sequence[str]], None]
    """Shows messages in the terminal."""
    prompts: Prompts
    """Asks the pages that view it."""


CURRENT_TAB: Final[ContextVar[Tab | None]] = ContextVar("current_tab", default=None)
"""The terminal session that the running task works for; None if it works for none, or for one that a cell starts, which
is told and asked then."""


def say_to_user(texts: Sequence[str]) -> None:
    """Show messages in the terminal session, or else below the cell, that the running task works for."""
    tab = CURRENT_TAB.get()
    if tab is not None:
        tab.tell(texts)
        return
    for text in texts:
        say_in_cell(text)
