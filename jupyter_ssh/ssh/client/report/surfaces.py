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
    """How to have a connection made again automatically; it follows "Connect again"."""


SHELL: Final = Surface("jupyter-ssh add", "jupyter-ssh keygen", "a new one", "")
MAGICS: Final = Surface(
    "%ssh_add",
    "%ssh_keygen",
    "`%ssh_close HOST` and a new one",
    "; `%ssh --reconnect HOST` does so automatically on the next use",
)


def _shell() -> Surface:
    return SHELL


_current: Callable[[], Surface] = _shell


def set_surface(current: Callable[[], Surface]) -> None:
    """Set the function that says which surface errors of this process are shown on; without one it is a shell."""
    global _current
    _current = current


def surface() -> Surface:
    """Return the surface on which errors of this process are shown."""
    return _current()
