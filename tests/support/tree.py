"""Where the source tree is."""

from __future__ import annotations

from pathlib import Path

TREE = Path(__file__).parents[2]
