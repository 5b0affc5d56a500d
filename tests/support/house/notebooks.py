"""What a notebook may carry when it is committed."""

from __future__ import annotations

import json
from pathlib import Path


def notebook_leftovers(tree: Path) -> list[str]:
    """Outputs and counters that a saved notebook carries."""
    violations = []
    for path in sorted((tree / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"] is not None):
                violations.append(f"{path.relative_to(tree)}: cell {number} was saved with its output")
    return violations
