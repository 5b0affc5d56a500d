"""How an error looks in a cell, without the frames of this package.

For a magic: what happened and what to do, in a few lines.  For a function that people call: IPython's traceback down
to their own line.

IPython shows what an exception's ``_render_traceback_`` returns.  It is set on the instance where it leaves the
kernel's part, for the stack knows nothing of IPython.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from jupyter_ssh.ssh.errors import HostKeyChanged, SSHError

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")

# No red: on the red ground that JupyterLab gives to errors it is hard to read.
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"


def with_short_traceback(error: E) -> E:
    """``error``, shown by IPython in a few lines."""
    error._render_traceback_ = lambda: lines(error)  # type: ignore[attr-defined]
    return error


def with_own_frames_hidden(error: E) -> E:
    """``error``, shown by IPython with the frames of the person's code only."""
    error._render_traceback_ = lambda: _trimmed(error)  # type: ignore[attr-defined]
    return error


def hides_own_frames(call: Callable[P, T]) -> Callable[P, T]:
    """Mark a function that people call: errors of the stack leave it without the frames of this package.

    Those frames may also hold secrets as local variables, which IPython's verbose mode would print.
    """

    @functools.wraps(call)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (SSHError, KeyboardInterrupt) as error:
            raise with_own_frames_hidden(error.with_traceback(None)) from error.__cause__

    return wrapper


def _trimmed(error: BaseException) -> list[str]:
    from IPython import get_ipython

    traceback = _without_package(error.__traceback__)
    formatter = get_ipython().InteractiveTB  # type: ignore[no-untyped-call,unused-ignore]
    shown: list[str] = formatter.structured_traceback(type(error), error, traceback)
    return shown


def _without_package(traceback: TracebackType | None) -> TracebackType | None:
    """Return a copy of ``traceback`` that ends where this package begins."""
    package = __name__.partition(".")[0] + "."
    entries = []
    while traceback is not None and not traceback.tb_frame.f_globals.get("__name__", "").startswith(package):
        entries.append(traceback)
        traceback = traceback.tb_next
    copy: TracebackType | None = None
    for entry in reversed(entries):
        copy = TracebackType(copy, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return copy


def lines(error: BaseException) -> list[str]:
    """Return the name and the message of ``error``, then its fields, one a line."""
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
    if isinstance(error, HostKeyChanged):
        shown += [
            line for title, body in error.paragraphs for line in (f"  {title}", *(f"      {each}" for each in body))
        ]
    return shown
