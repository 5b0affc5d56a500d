"""Which rows of a table are proposed, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.known_elsewhere import is_known_elsewhere
from jupyter_ssh.ssh.errors import ConfigError


class Graded(Protocol):
    """A row of any table of algorithms."""

    @property
    def grade(self) -> Grade:
        """How far it is to be trusted."""


def names(table: Mapping[str, Graded], legacy: bool = False) -> tuple[str, ...]:
    """Return what is proposed by default: the modern rows in the table's order; the legacy ones after them if asked
    for."""
    grades = (Grade.MODERN, Grade.LEGACY) if legacy else (Grade.MODERN,)
    return tuple(name for grade in grades for name, row in table.items() if row.grade is grade)


def pick(
    table: Mapping[str, Graded], spec: str | Sequence[str] | None, default: Sequence[str], kind: str = "algorithm"
) -> tuple[str, ...]:
    """Return the names ``spec`` asks for, in the list syntax of ssh_config(5), such as in ``Ciphers``.

    A comma-separated string or a sequence of names: alone it stands for itself; after ``+`` it is appended to
    ``default``, after ``^`` put in front of it, after ``-`` taken out of it.  ``*`` and ``?`` match any row but those
    of grade broken, which only their exact names bring in.  None and an empty spec are ``default``.

    Names in no row that OpenSSH knows are left out, see `known_elsewhere`.  Raises `ConfigError` for a name that nobody
    knows (except after ``-``, where it is gone already) and for a list that ends up empty.  ``kind`` is what the error
    calls the names.
    """
    text = spec if isinstance(spec, str) else ",".join(spec or ())
    operator = text[:1] if text[:1] in ("+", "-", "^") else ""
    patterns = [pattern for pattern in (part.strip() for part in text[len(operator) :].split(",")) if pattern]
    if not patterns:
        chosen = list(default)
    elif operator == "-":
        chosen = [name for name in default if not any(fnmatchcase(name, pattern) for pattern in patterns)]
    else:
        wanted = [name for pattern in patterns for name in _matching(table, pattern, kind)]
        chosen = {"": wanted, "+": [*default, *wanted], "^": [*wanted, *default]}[operator]
    if not chosen:
        raise ConfigError(f"no {kind} is left", expected=f"at least one of {', '.join(table)}", received=repr(text))
    return tuple(dict.fromkeys(chosen))


def _matching(table: Mapping[str, Graded], pattern: str, kind: str) -> list[str]:
    if pattern in table:
        return [pattern]
    found = []
    if "*" in pattern or "?" in pattern:
        found = [name for name, row in table.items() if row.grade is not Grade.BROKEN and fnmatchcase(name, pattern)]
    if not found and not is_known_elsewhere(pattern):
        raise ConfigError(f"unknown {kind}", expected=f"one of {', '.join(table)}", received=repr(pattern))
    return found
