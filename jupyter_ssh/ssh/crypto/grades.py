"""How far an algorithm is to be trusted."""

from __future__ import annotations

import enum


class Grade(enum.Enum):
    """Decides whether an algorithm is proposed at all; see `selection`."""

    MODERN = "modern"
    """Proposed by default."""
    EXPERIMENTAL = "experimental"
    """Sound as far as anybody knows, but young: proposed only where the user named it."""
    LEGACY = "legacy"
    """Proposed where the user allowed legacy algorithms for a host, or named it."""
    BROKEN = "broken"
    """Proposed only where the user wrote its exact name."""
