"""Patterns for host names: ``*``, ``?``, and ``!`` in front for a negation (ssh_config(5), PATTERNS)."""

from __future__ import annotations

from collections.abc import Sequence


def has_wildcards(patterns: str) -> bool:
    """Whether a comma list holds ``*``, ``?`` or a negation, so that it matches names it does not spell out."""
    return "*" in patterns or "?" in patterns or "!" in patterns


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a lower-case name matches a list of patterns: one of them, and none of those that begin with ``!``."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches_pattern(name, pattern[1:].lower()):
                return False
        elif not found and pattern:
            found = matches_pattern(name, pattern.lower())
    return found


def matches_pattern(name: str, pattern: str) -> bool:
    """Whether ``name`` matches one pattern of ``*`` and ``?`` (ssh_config(5), PATTERNS), without the
    back-tracking of a regular expression."""
    position = index = 0
    star, resume = -1, 0
    while position < len(name):
        if index < len(pattern) and pattern[index] == "*":
            star, resume = index, position
            index += 1
        elif index < len(pattern) and pattern[index] in ("?", name[position]):
            position += 1
            index += 1
        elif star >= 0:
            # Let the last star take one character more, and try again from there.
            resume += 1
            position, index = resume, star + 1
        else:
            return False
    return all(rest == "*" for rest in pattern[index:])
