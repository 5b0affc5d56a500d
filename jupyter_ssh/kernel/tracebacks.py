"""The short face of an error in a cell: what happened and what to do, in place of the frames of this package.

IPython shows what an exception's ``_render_traceback_`` returns.  It is set on the instance at the door of the
kernel's part, for the stack knows nothing of IPython.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from jupyter_ssh.ssh.errors import SSHError

E = TypeVar("E", bound=BaseException)

# No red: on the red ground that JupyterLab gives to errors it is hard to read.
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"


def with_short_face(error: E, render: Callable[[], list[str]] | None = None) -> E:
    """``error``, shown by IPython in a few lines. `%tb` does not show more; logging at level DEBUG does."""
    error._render_traceback_ = render or (lambda: lines(error))  # type: ignore[attr-defined]
    return error


def lines(error: BaseException) -> list[str]:
    """The name and the message of ``error``, then its fields, one a line."""
    message = error.message if isinstance(error, SSHError) else str(error)
    name = type(error).__name__
    shown = [f"{_BOLD}{name}{_OFF}: {message}" if message else f"{_BOLD}{name}{_OFF}"]
    if isinstance(error, SSHError):
        fields = (
            ("while", error.phase),
            ("expected", error.expected),
            ("got", error.received),
            ("next", error.next_step),
        )
        shown += [f"  {title:<8}  {value}" for title, value in fields if value]
    return shown
