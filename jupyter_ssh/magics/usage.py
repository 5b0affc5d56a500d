"""Detect whether the value of a line magic is used, or the magic is alone on its line."""

from __future__ import annotations

import ast
import linecache
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def value_is_used(shell: InteractiveShell) -> bool:
    """Return true for ``r = %ssh ...`` and false for a line with only the magic; true if that cannot be determined.

    IPython turns both into the same call, and would show the value of the latter below the output that was just
    printed.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals is not shell.user_global_ns:
        frame = frame.f_back
    if frame is None:
        return True
    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return True
    return not any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "run_line_magic"
        and node.lineno <= frame.f_lineno <= (node.end_lineno or node.lineno)
        for node in ast.walk(tree)
    )
