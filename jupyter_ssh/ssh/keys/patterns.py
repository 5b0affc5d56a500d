"""Patterns with ``*`` and ``?``, and lists of them with ``!`` for negation (ssh_config(5), PATTERNS)."""

from __future__ import annotations

from collections.abc import Iterable


def matches_pattern(name: str, pattern: str) -> bool:
    """Return whether ``name`` matches a pattern, without the backtracking of a regular expression."""
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
            # Let the last star match one more character, and try again from there.
            resume += 1
            position, index = resume, star + 1
        else:
            return False
    return all(rest == "*" for rest in pattern[index:])


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Return whether a pattern matches and no negated one (``!pattern``) does; a negation alone never matches."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches_pattern(text, pattern[1:]):
                return False
        elif matches_pattern(text, pattern):
            found = True
    return found


def matches_list(text: str, pattern_list: str) -> bool:
    """Return `matches_any` for comma-separated patterns."""
    return matches_any(text, pattern_list.split(","))
