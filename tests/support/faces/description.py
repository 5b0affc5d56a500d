"""What a face has to know of an asyncio class, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.support.faces.table import STAY_BEHIND

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Member:
    """A public method of a class, with its overloads."""

    name: str
    function: Function
    overloads: list[Function] = field(default_factory=list)

    @property
    def awaited(self) -> bool:
        """Whether it is a coroutine."""
        return isinstance(self.function, ast.AsyncFunctionDef)


@dataclass
class Value:
    """A property, or an attribute that the class declares."""

    name: str
    annotation: ast.expr
    doc: str | None


@dataclass
class Description:
    """A class: its values and methods in the order of the source."""

    name: str
    module: str
    doc: str
    generic: bool
    members: list[Member | Value]
    homes: dict[str, str]
    """Where each name of its module comes from."""
    iterates: ast.expr | None = None
    """What ``async for`` gives, if it gives anything."""
    closes: bool = False
    """Whether ``async with`` ends it."""
    fields: list[ast.expr] | None = None
    """The types of its items, of a NamedTuple."""
    source: ast.ClassDef | None = None


def describe(name: str, module: str) -> Description:
    """Read the class ``name`` of ``module``."""
    file = import_module(module).__file__
    assert file is not None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    description = Description(
        name,
        module,
        ast.get_docstring(found) or "",
        any(isinstance(base, ast.Subscript) and ast.unparse(base.value) == "Generic" for base in found.bases),
        [member for member in _members(found) if f"{name}.{member.name}" not in STAY_BEHIND],
        _homes(tree, module),
    )
    for node in found.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name == "__aiter__":
                description.iterates = item_of(node.returns)
            elif node.name == "__aexit__":
                description.closes = True
    if any(ast.unparse(base) == "NamedTuple" for base in found.bases):
        description.fields = [member.annotation for member in description.members if isinstance(member, Value)]
        description.source = found
    _write_out_defaults(description)
    return description


def _members(found: ast.ClassDef) -> Iterator[Member | Value]:
    overloads: list[Function] = []
    for node, following in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not node.target.id.startswith("_"):
                yield Value(node.target.id, node.annotation, _text(following))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if "property" in decorators:
                assert node.returns is not None
                yield Value(node.name, node.returns, ast.get_docstring(node))
            elif "overload" in decorators:
                overloads.append(node)
            else:
                yield Member(node.name, node, overloads)
                overloads = []


def _text(node: ast.stmt | None) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return None


def _homes(tree: ast.Module, module: str) -> dict[str, str]:
    homes: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            homes.update({alias.asname or alias.name: node.module or "" for alias in node.names})
        elif isinstance(node, ast.Import):
            homes.update({alias.name: "" for alias in node.names})
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            homes[statement.name] = module
        for target in _targets(statement):
            homes.setdefault(target, module)
    return homes


def _targets(statement: ast.stmt) -> Sequence[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _write_out_defaults(description: Description) -> None:
    """Constants become their values, which are what a person wants to see of a signature."""
    module = import_module(description.module)
    for member in description.members:
        if isinstance(member, Member):
            for function in (member.function, *member.overloads):
                arguments = function.args
                arguments.defaults = [_written_out(default, module) for default in arguments.defaults]
                arguments.kw_defaults = [
                    None if default is None else _written_out(default, module) for default in arguments.kw_defaults
                ]


def _written_out(default: ast.expr, module: object) -> ast.expr:
    if isinstance(default, ast.Name):
        return ast.parse(repr(getattr(module, default.id)), mode="eval").body
    return default


def item_of(annotation: ast.expr | None) -> ast.expr | None:
    """The X of ``AsyncIterator[X]``; None for what is no such thing."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in ("AsyncIterator", "AsyncGenerator"):
        inner = annotation.slice
        return inner.elts[0] if isinstance(inner, ast.Tuple) else inner
    return None
