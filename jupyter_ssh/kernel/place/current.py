"""The place of this process, for code that uses it only if it runs."""

from __future__ import annotations

from jupyter_ssh.kernel.engine import Engine, running_engine
from jupyter_ssh.pages.place import Place

_place: Place | None = None
_engine: Engine | None = None
"""The engine on which the place runs."""


def running_place() -> Place | None:
    """Return the place if it runs in this process (and not only in the one it was forked from), else None."""
    return _place if _engine is not None and _engine is running_engine() else None


def set_place(place: Place | None, engine: Engine | None) -> None:
    """Set the place of this process and its engine; None if there no longer is one."""
    global _place, _engine
    _place, _engine = place, engine
