"""Lists of patterns (ssh_config(5), PATTERNS): case-sensitive, ``!`` negates, commas separate."""

from __future__ import annotations

from jupyter_ssh.ssh.keys.patterns import matches_any, matches_list
from jupyter_ssh.ssh.keys.patterns import matches_pattern as matches

__all__ = ["is_plain", "matches", "matches_any", "matches_list"]


def is_plain(pattern: str) -> bool:
    """Return whether a pattern is just a name, which can be offered for completion."""
    return not pattern.startswith("!") and "*" not in pattern and "?" not in pattern
