"""Select which rows of a table are proposed, and in which order."""

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
        """How far to trust it."""


def names(table: Mapping[str, Graded], legacy: bool = False) -> tuple[str, ...]:
    """Return the names proposed by default: the modern rows in order, followed by the legacy ones if ``legacy``."""
    grades = (Grade.MODERN, Grade.LEGACY) if legacy else (Grade.MODERN,)
    return tuple(name for grade in grades for name, row in table.items() if row.grade is grade)


def pick(
    table: Mapping[str, Graded], spec: str | Sequence[str] | None, default: Sequence[str], kind: str = "algorithm"
) -> tuple[str, ...]:
    """Return the names that ``spec`` selects, in the list syntax of ssh_config(5), such as for ``Ciphers``.

    ``spec`` is a comma-separated string or a sequence of names.  With a leading ``+`` the names are appended to
    ``default``, with ``^`` prepended, with ``-`` removed from it.  ``*`` and ``?`` match all rows except those of grade
    broken, which have to be named exactly.  None and an empty spec select ``default``.

    Names without a row that OpenSSH knows are skipped, see `known_elsewhere`.  Raises `ConfigError` for an unknown name
    (except after ``-``) and for a list that ends up empty.  ``kind`` is the term for the names in errors.
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
