"""Where tests reach into privates: allowed only where a comment says why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.house.modules import called, comments, parsed

OWN = ("self", "cls")
PRIVATE = re.compile(r"_(?!_)\w*(?<!_)")
"""A name with an underscore in front; with one behind it too, it is a protocol's: ``_repr_html_``."""
_MENTIONED = re.compile(r"""[."']_[a-zA-Z]|^from .*\b_[a-zA-Z]|^ +_\w+,?$""", re.MULTILINE)
BY_NAME = ("getattr", "setattr", "delattr", "patch", "object")
"""Functions, and methods of `monkeypatch` and `mock`, that take an attribute by its name."""
TOOLS = ("# type:", "# noqa", "# fmt:", "# pragma:", "# ruff:")
"""Comments for tools, which explain nothing."""


def unexplained_privates(tree: Path) -> list[str]:
    """``something._name`` in tests and benchmarks, without a comment on a line of the statement or on the one above."""
    files = (path for folder in ("tests", "benchmarks") for path in sorted((tree / folder).rglob("*.py")))
    return [f"{path.relative_to(tree)}:{line}: {name}" for path in files for line, name in _unexplained(path)]


def _unexplained(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    if not _MENTIONED.search(text):
        return  # most files: the long way is for the others
    own = _own_names(text)
    explained = {line for line, comment in comments(text).items() if not comment.startswith(TOOLS)}
    for node, statement in _nodes(parsed(text)):
        if name := _reaches(node, own):
            # A function's or a class's body is not part of what the comment above its head speaks of.
            first = statement.lineno if not hasattr(statement, "body") else node.lineno
            if explained.isdisjoint(range(first - 1, (node.end_lineno or node.lineno) + 1)):
                yield node.lineno, name


def _reaches(node: ast.expr | ast.stmt, own: frozenset[str]) -> str | None:
    """What private thing of another's a node names, as it stands in the source."""
    if isinstance(node, ast.Attribute):
        mine = node.attr in own or _is_own(node.value)
        return ast.unparse(node) if PRIVATE.fullmatch(node.attr) and not mine else None
    if isinstance(node, ast.ImportFrom):
        names = [alias.name for alias in node.names if PRIVATE.fullmatch(alias.name)]
        return f"{node.module}.{names[0]}" if names else None
    if isinstance(node, ast.Call) and called(node) in BY_NAME:
        texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        names = [text for text in texts if PRIVATE.fullmatch(text.rpartition(".")[2])]
        return names[0] if names and names[0] not in own else None
    return None


def _nodes(module: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, ast.stmt]]:
    """Each statement and expression, with the innermost statement that it belongs to."""

    def walk(node: ast.AST, statement: ast.stmt | None) -> Iterator[tuple[ast.expr | ast.stmt, ast.stmt]]:
        if isinstance(node, ast.stmt):
            statement = node
        if isinstance(node, (ast.expr, ast.stmt)) and statement is not None:
            yield node, statement
        for child in ast.iter_child_nodes(node):
            yield from walk(child, statement)

    return walk(module, None)


def _own_names(text: str) -> frozenset[str]:
    """Private names that a file gives to classes of its own and their instances: those are its own affair."""
    names = set()
    for kind in ast.walk(parsed(text)):
        if isinstance(kind, ast.ClassDef):
            for node in ast.walk(kind):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    names.add(node.name)
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node.value):
                    names.add(node.attr)
    return frozenset(names)


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in OWN
