"""The display of errors in a cell, without the frames of this package.

An error of a magic is shown in a few lines: what happened, and what to do.  An error of a function that users call is
shown as IPython's traceback, which ends at their own line.

IPython shows what an exception's ``_render_traceback_`` returns.  That is set on the instance where it leaves this
package, as the stack knows nothing of IPython.
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

# No red: it is hard to read on JupyterLab's red background of errors.
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"


def with_short_traceback(error: E) -> E:
    """Make IPython show ``error`` in a few lines; return it."""
    error._render_traceback_ = lambda: lines(error)  # type: ignore[attr-defined]
    return error


def with_own_frames_hidden(error: E) -> E:
    """Make IPython show only the frames of the user's code for ``error``; return it."""
    error._render_traceback_ = lambda: _trimmed(error)  # type: ignore[attr-defined]
    return error


def hides_own_frames(call: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that users call, so that its errors do not show the frames of this package.

    Those frames may also have secrets in local variables, which IPython's verbose mode would print.
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
    """Return a copy of ``traceback`` that ends before the first frame of this package."""
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
    """Return the lines for ``error``: its name and message, then one line for each of its fields."""
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
