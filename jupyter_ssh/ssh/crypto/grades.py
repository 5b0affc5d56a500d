"""Grades of algorithms: how far to trust them."""

from __future__ import annotations

import enum


class Grade(enum.Enum):
    """The grade of an algorithm, which determines whether it is proposed; see `selection`."""

    MODERN = "modern"
    """Proposed by default."""
    EXPERIMENTAL = "experimental"
    """Believed to be sound, but young: proposed only if the user names it."""
    LEGACY = "legacy"
    """Proposed if the user allows legacy algorithms for a host, or names it."""
    BROKEN = "broken"
    """Proposed only if the user gives its exact name."""
