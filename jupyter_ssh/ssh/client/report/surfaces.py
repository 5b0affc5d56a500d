"""What a person types to do what an error advises: commands in a shell, magics where there are magics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Surface:
    """Words for the texts of advice; ``HOST`` in them stands for the host."""

    add: str
    """Adds keys to an agent."""
    keygen: str
    """Generates keys."""
    fresh: str
    """How to replace a connection that hangs."""
    reconnect: str
    """How a connection is made again by itself; it follows "Connect again"."""


SHELL: Final = Surface("jupyter-ssh add", "jupyter-ssh keygen", "a new one", "")
MAGICS: Final = Surface(
    "%ssh_add",
    "%ssh_keygen",
    "`%ssh_close HOST` and a new one",
    ": the next `%ssh` to it does that, and after `%ssh --reconnect HOST` every use of its connection in Python too",
)


def _shell() -> Surface:
    return SHELL


_current: Callable[[], Surface] = _shell


def set_surface(current: Callable[[], Surface]) -> Callable[[], Surface]:
    """Set the function that says which surface errors of this process are shown on, and return the one before.

    Without one it is a shell.
    """
    global _current
    before, _current = _current, current
    return before


def surface() -> Surface:
    """Return the surface on which errors of this process are shown."""
    return _current()
