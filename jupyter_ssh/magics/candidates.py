"""What Tab offers, and the files among it."""

from __future__ import annotations

import glob
import os

Candidate = tuple[str, str]
"""Text, and its type as it is shown beside it."""


def files(fragment: str) -> list[Candidate]:
    """The files and folders that begin with ``fragment``, in which ``~`` may stand."""
    found = sorted(glob.glob(glob.escape(os.path.expanduser(fragment)) + "*"))
    home = os.path.expanduser("~")
    shown = [path + os.sep * os.path.isdir(path) for path in found]
    if fragment.startswith("~"):
        shown = ["~" + path[len(home) :] if path.startswith(home) else path for path in shown]
    return [(path, "path") for path in shown]
