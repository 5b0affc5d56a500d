"""Patterns for host names: ``*``, ``?``, and a leading ``!`` for negation (ssh_config(5), PATTERNS)."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_ssh.ssh.keys.patterns import matches_pattern

__all__ = ["has_wildcards", "matches", "matches_pattern"]


def has_wildcards(patterns: str) -> bool:
    """Return whether a comma-separated list contains ``*``, ``?`` or a negation."""
    return "*" in patterns or "?" in patterns or "!" in patterns


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a lower-case name matches a list of patterns: at least one, and none of the negated ones."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches_pattern(name, pattern[1:].lower()):
                return False
        elif not found and pattern:
            found = matches_pattern(name, pattern.lower())
    return found
