"""Patterns of ``*`` and ``?``, and lists of them with ``!`` for a negation (ssh_config(5), PATTERNS)."""

from __future__ import annotations

from collections.abc import Iterable


def matches_pattern(name: str, pattern: str) -> bool:
    """Return whether ``name`` matches one pattern, without the back-tracking of a regular expression."""
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


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Return whether a pattern fits and no negated one (``!pattern``) does: a negation alone never fits anything."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches_pattern(text, pattern[1:]):
                return False
        elif matches_pattern(text, pattern):
            found = True
    return found


def matches_list(text: str, pattern_list: str) -> bool:
    """As `matches_any` for patterns in one word, separated by commas."""
    return matches_any(text, pattern_list.split(","))
