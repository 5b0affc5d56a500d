"""Patterns of ssh_config(5), PATTERNS, in lists: upper and lower case differ, ``!`` negates, commas divide."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_ssh.ssh.trust.patterns import matches_pattern as matches

__all__ = ["is_plain", "matches", "matches_any", "matches_list"]


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
