"""Tricks by which a table keeps the formatter from writing its rows as it writes all others."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.support.house.modules import comments, parsed
from tests.support.house.sizes import source_files

_SWITCH = re.compile(r"# *(?:fmt|yapf):|// *prettier-ignore")
_UNPACKED = re.compile(r"[(,\[{\s]\*[(\[]")


def formatter_tricks(tree: Path) -> list[str]:
    """Comments that switch the formatter off, and ``*("a", "b")`` where ``"a", "b"`` says the same."""
    violations = []
    for path in source_files(tree):
        text = path.read_text(encoding="utf-8")
        is_python = path.suffix == ".py"
        found = []
        if _SWITCH.search(text):
            remarks = comments(text) if is_python else dict(enumerate(text.splitlines(), 1))
            found = [(line, "switches the formatter off") for line, remark in remarks.items() if _SWITCH.search(remark)]
        if is_python and _UNPACKED.search(text):
            found += [(line, "unpacks what is written out") for line in _unpacked(parsed(text))]
        violations += [f"{path.relative_to(tree)}:{line}: {what}" for line, what in sorted(found)]
    return violations


def _unpacked(module: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Starred) and isinstance(node.value, (ast.Tuple, ast.List)) and node.value.elts
    ]
