"""Patterns of ssh_config(5), PATTERNS, in lists: upper and lower case differ, ``!`` negates, commas divide."""

from __future__ import annotations

from jupyter_ssh.ssh.keys.patterns import matches_any, matches_list
from jupyter_ssh.ssh.keys.patterns import matches_pattern as matches

__all__ = ["is_plain", "matches", "matches_any", "matches_list"]


def is_plain(pattern: str) -> bool:
    """Return whether a pattern is simply a name: it can be offered for completion."""
    return not pattern.startswith("!") and "*" not in pattern and "?" not in pattern
