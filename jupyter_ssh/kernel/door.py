"""What every blocking call of the kernel's part does with an error on its way out to the person's cell."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from jupyter_ssh.kernel.tracebacks import with_own_frames_hidden
from jupyter_ssh.ssh.errors import SSHError

P = ParamSpec("P")
T = TypeVar("T")


def door(call: Callable[P, T]) -> Callable[P, T]:
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
