"""The modules of a source tree and what each imports, without importing any."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "jupyter_ssh"


@dataclass(frozen=True)
class Import:
    """One imported module, or one name of a module, as it stands in the source."""

    module: str
    name: str | None
    line: int
    lazy: bool  # inside a function or under TYPE_CHECKING


def modules(tree: Path, folder: str = PACKAGE) -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of each module of ``folder`` in ``tree``."""
    for path in sorted((tree / folder).rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a source text; several rules look at the same files."""
    return ast.parse(text)


@cache
def comments(text: str) -> Mapping[int, str]:
    """The comments of a source text by their lines."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def imports(module: str, path: Path) -> tuple[Import, ...]:
    """Every import of a file: statements wherever they stand, and ``import_module`` of a literal name."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _imports(path.read_text(encoding="utf-8"), package)


@cache
def _imports(text: str, package: str) -> tuple[Import, ...]:
    def absolute(node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno, lazy)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(absolute(node), alias.name, node.lineno, lazy)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value, None, node.lineno, lazy)
        if isinstance(node, ast.If) and called(node.test) == "TYPE_CHECKING":
            for child in node.body:
                yield from walk(child, True)
            for child in node.orelse:
                yield from walk(child, lazy)
            return
        inside = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    return tuple(walk(parsed(text), False))


def called(node: ast.AST) -> str | None:
    """The last name of ``name``, ``module.name`` or a call of one."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
