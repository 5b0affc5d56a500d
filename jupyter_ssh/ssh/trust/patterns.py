"""Patterns for host names: ``*``, ``?``, and ``!`` in front for a negation (ssh_config(5), PATTERNS)."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_ssh.ssh.keys.patterns import matches_pattern

__all__ = ["has_wildcards", "matches", "matches_pattern"]


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
