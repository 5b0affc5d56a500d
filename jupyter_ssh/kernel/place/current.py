"""The place of this process, for those who look for it and do not start it."""

from __future__ import annotations

from jupyter_ssh.kernel.engine import Engine, running_engine
from jupyter_ssh.pages.place import Place

_place: Place | None = None
_engine: Engine | None = None
"""On whose loop the place is."""


def running_place() -> Place | None:
    """Return the place, if there is one in this process (and not only in the one it was forked from)."""
    return _place if _engine is not None and _engine is running_engine() else None


def set_place(place: Place | None, engine: Engine | None) -> None:
    """Make ``place`` the one of this process; None where there is none any more."""
    global _place, _engine
    _place, _engine = place, engine
