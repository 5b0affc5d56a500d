"""Tab completion for ``%ssh_add``: its letters, their values, key files."""

from __future__ import annotations

import os
from collections.abc import Iterable

from jupyter_ssh.magics.candidates import Candidate, files

PUBLIC_ONLY = ("T",)


def candidates_for(words: list[str], fragment: str) -> Iterable[Candidate]:
    """Return what could replace ``fragment`` after ``words``."""
    from jupyter_ssh.ssh.adding.options import HASHES, LETTERS

    value_of = ""
    for word in words:
        if value_of:
            value_of = ""
        elif word.startswith("-") and len(word) > 1:
            takes = next((letter for letter in word[1:] if letter in LETTERS and LETTERS[letter].value), "")
            value_of = takes if word.endswith(takes) else ""
    if value_of == "E":
        return [(name, "hash") for name in HASHES]
    if value_of == "t":
        return [(time, "time") for time in ("1h", "8h", "1d")]
    if value_of == "h":
        from jupyter_ssh.kernel.hosts import known_names

        return [(name, "host") for name in known_names()]
    if not value_of and fragment.startswith("-"):
        letters = [(f"-{row.letter}", row.meaning) for row in LETTERS.values() if row.refused is None]
        return [*letters, ("--own", "the kernel's own agent")]
    if not fragment and not value_of:
        return [*_usual(), *files(fragment)]
    return files(fragment)


def _usual() -> list[Candidate]:
    """Return the existing key files with the usual names, which are added if no file is named."""
    from jupyter_ssh.ssh.adding.adding import DEFAULT_NAMES

    usual = (f"~/.ssh/{name}" for name in DEFAULT_NAMES)
    return [(path, "key file") for path in usual if os.path.exists(os.path.expanduser(path))]
