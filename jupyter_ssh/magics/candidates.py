"""Candidates for Tab completion, and files as candidates."""

from __future__ import annotations

import glob
import os

Candidate = tuple[str, str]
"""Text, and the type that is shown next to it."""


def files(fragment: str) -> list[Candidate]:
    """Return the files and folders that begin with ``fragment``, which may contain ``~``."""
    found = sorted(glob.glob(glob.escape(os.path.expanduser(fragment)) + "*"))
    home = os.path.expanduser("~")
    shown = [path + os.sep * os.path.isdir(path) for path in found]
    if fragment.startswith("~"):
        shown = ["~" + path[len(home) :] if path.startswith(home) else path for path in shown]
    return [(path, "path") for path in shown]
