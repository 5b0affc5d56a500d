"""OpenSSH's patterns (ssh_config(5), PATTERNS): ``*``, ``?``, comma-separated lists and ``!`` for negation."""

from __future__ import annotations

from collections.abc import Iterable


def matches(text: str, pattern: str) -> bool:
    """Whether ``text`` as a whole fits one pattern; upper and lower case differ.

    Going back only to the last ``*`` keeps the cost at len(text) × len(pattern), whatever the pattern.
    """
    at, in_pattern = 0, 0
    star, after_star = -1, 0
    while at < len(text):
        expected = pattern[in_pattern : in_pattern + 1]
        if expected == "*":
            star, after_star = in_pattern, at
            in_pattern += 1
        elif expected and expected in ("?", text[at]):
            at += 1
            in_pattern += 1
        elif star >= 0:
            after_star += 1
            at, in_pattern = after_star, star + 1
        else:
            return False
    return not pattern[in_pattern:].strip("*")


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern fits and no negated one (``!pattern``) does: a negation alone never fits anything."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches(text, pattern[1:]):
                return False
        elif matches(text, pattern):
            found = True
    return found


def matches_list(text: str, pattern_list: str) -> bool:
    """As `matches_any` for patterns in one word, separated by commas."""
    return matches_any(text, pattern_list.split(","))


def is_plain(pattern: str) -> bool:
    """Whether a pattern is simply a name: it can be offered for completion."""
    return not pattern.startswith("!") and "*" not in pattern and "?" not in pattern
