"""The source of the faces, from descriptions of the asyncio classes."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from textwrap import indent

from tests.support.faces.description import Description, Function, Member, Value, describe, item_of
from tests.support.faces.table import CLASSES, ONLY_LOOK, TREE, TYPE_VARIABLE_HOME, WAIT_AFTERWARDS, WHATEVER_ITS_STATE


@dataclass(frozen=True)
class Kind:
    """One of the two faces."""

    file: str
    doc: str
    base: str
    prefix: str
    """Of the names of classes."""
    iterator: str
    awaits: bool


KINDS = (
    Kind(
        "blocking.py",
        "The blocking face of the stack: the same classes for a thread that waits.  ■ breaks each wait.",
        "BlockingFace",
        "",
        "Iterator",
        False,
    ),
    Kind(
        "awaitable.py",
        "The awaitable face of the stack: the same classes for ``await``, from any event loop.",
        "AwaitableFace",
        "Async",
        "AsyncIterator",
        True,
    ),
)
STACK = "Stack"
"""Before the names of the asyncio classes."""


class Unsupported(Exception):
    """A signature that no face can be made of."""


def faces() -> dict[str, str]:
    """The text of each generated file."""
    descriptions = [describe(name, module) for name, module in CLASSES.items()]
    return {kind.file: module(kind, descriptions) for kind in KINDS}


def module(kind: Kind, descriptions: Sequence[Description]) -> str:
    """The text of one module with a face of each class."""
    writer = _Writer(kind, {description.name: description for description in descriptions})
    classes = [line for description in descriptions for line in writer.face(description)]
    header = [
        f'"""{kind.doc}',
        "",
        "`make faces` writes this file from the asyncio classes: change those.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *writer.imports(),
    ]
    return _formatted("\n".join([*header, "", *classes]) + "\n", kind.file)


def _formatted(text: str, name: str) -> str:
    for arguments in (["format", "--quiet"], ["check", "--fix", "--quiet"], ["format", "--quiet"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *arguments,
            "--stdin-filename",
            f"jupyter_ssh/kernel/faces/{name}",
            "-",
        ]
        done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", cwd=TREE)
        if done.returncode:
            raise Unsupported(f"{name}: {done.stderr or done.stdout}")
        text = done.stdout
    return text


class _Writer:
    def __init__(self, kind: Kind, descriptions: Mapping[str, Description]) -> None:
        self._kind = kind
        self._descriptions = descriptions
        self._faced = set(descriptions)
        self._typing_only: set[str] = set()
        self._at_run_time: set[str] = {
            f"from jupyter_ssh.kernel.faces.face import {kind.base}",
        }

    def imports(self) -> Iterator[str]:
        """What the classes written so far need."""
        yield from sorted(self._at_run_time)
        yield from ("", "from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:")
        yield from (f"    {line}" for line in sorted(self._typing_only))

    def _needs(self, line: str, *, at_run_time: bool = False) -> None:
        (self._at_run_time if at_run_time else self._typing_only).add(line)

    # --- a class ------------------------------------------------------------------------------------------------------

    def face(self, description: Description) -> Iterator[str]:
        """The lines of one class."""
        if description.source is not None:
            yield from self._copied(description, description.source)
            return
        name, kind = description.name, self._kind
        parameter = "[AnyStr]" if description.generic else ""
        self._needs(f"from {description.module} import {name} as {STACK}{name}", at_run_time=True)
        bases = f"{kind.base}[{STACK}{name}{parameter}]"
        if description.generic:
            self._needs("from typing import Generic", at_run_time=True)
            self._needs(f"from {TYPE_VARIABLE_HOME} import AnyStr", at_run_time=True)
            bases += ", Generic[AnyStr]"
        yield f"class {kind.prefix}{name}({bases}):"
        yield from self._body([f"{_docstring(description.doc)}", *self._other_face(description)])
        for member in description.members:
            if isinstance(member, Value):
                yield from self._body(self._value(description, member))
            else:
                yield from self._body(self._method(description, member))
        if description.iterates is not None:
            yield from self._body(self._iteration(description))
        if description.closes:
            yield from self._body(self._closing(description))

    @staticmethod
    def _body(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
        yield from (indent(line, "    ") for line in lines)
        yield ""

    def _other_face(self, description: Description) -> Iterator[str]:
        if self._kind.awaits:
            return
        name = f"Async{description.name}"
        parameter = "[AnyStr]" if description.generic else ""
        self._needs(f"from jupyter_ssh.kernel.faces.awaitable import {name}")
        yield ""
        yield "@property"
        yield f"def aio(self) -> {name}{parameter}:"
        yield '    """The same for ``await``, from any event loop."""'
        yield f"    from jupyter_ssh.kernel.faces.awaitable import {name}"
        yield ""
        yield f"    return {name}(self._engine, self._inner)"

    def _copied(self, description: Description, source: ast.ClassDef) -> Iterator[str]:
        """A class that does everything by its items, which have faces: as it is, or without each ``await``."""
        self._needs("from typing import NamedTuple", at_run_time=True)
        copy = deepcopy(source)
        copy.name = self._kind.prefix + copy.name
        for node in ast.walk(copy):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for annotation in (*(argument.annotation for argument in _all_arguments(node)), node.returns):
                    if annotation is not None:
                        self._annotation(description, annotation)
        translated = _Translation(self._kind, self._faced).visit(copy)
        # The docstrings of attributes are mere strings to `unparse`.
        text = ast.unparse(ast.fix_missing_locations(translated))
        yield re.sub(r"""^    (['"])(?!\1)(.*)\1$""", r'    """\2"""', text, flags=re.M)
        yield ""

    def _value(self, description: Description, value: Value) -> Iterator[str]:
        if value.doc is None:
            raise Unsupported(f"{description.name}.{value.name} has no docstring")
        faced = self._wrapped(value.annotation, "value") is not None
        if faced:
            self._needs("from functools import cached_property", at_run_time=True)
        yield "@cached_property" if faced else "@property"
        yield f"def {value.name}(self) -> {self._annotation(description, value.annotation)}:"
        yield indent(_docstring(value.doc), "    ")
        yield from self._returned(value.annotation, f"self._inner.{value.name}")

    # --- a method -----------------------------------------------------------------------------------------------------

    def _method(self, description: Description, member: Member) -> Iterator[str]:
        doc = ast.get_docstring(member.function)
        full_name = f"{description.name}.{member.name}"
        if doc is None:
            raise Unsupported(f"{full_name} has no docstring")
        for overload in member.overloads:
            self._needs("from typing import overload", at_run_time=True)
            yield "@overload"
            yield f"{self._signature(description, member, overload)} ..."
            yield ""
        if not self._kind.awaits and full_name not in ONLY_LOOK:
            self._needs("from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames", at_run_time=True)
            yield "@hides_own_frames"
        yield self._signature(description, member, member.function)
        yield indent(_docstring(doc), "    ")
        yield from self._work(description, member)

    def _signature(self, description: Description, member: Member, function: Function) -> str:
        function = deepcopy(function)
        arguments = function.args
        waits = self._afterwards(description, member)
        if waits is not None:
            arguments.kwonlyargs += deepcopy(waits.function.args.kwonlyargs)
            arguments.kw_defaults += deepcopy(waits.function.args.kw_defaults)
        for argument in _all_arguments(function):
            if argument.annotation is not None:
                argument.annotation = self._translated(description, argument.annotation)
        item = item_of(function.returns)
        if item is not None:
            returned = self._iterator_of(description, item)
        elif function.returns is None:
            raise Unsupported(f"{description.name}.{member.name} does not say what it returns")
        else:
            returned = self._annotation(description, function.returns)
        awaited = member.awaited and item is None
        if self._kind.awaits and not awaited and item is None and not self._looks(description, member):
            self._needs("from jupyter_ssh.kernel.pending import Pending")
            returned = f"Pending[{returned}]"
        word = "async def" if self._kind.awaits and awaited else "def"
        return f"{word} {function.name}({ast.unparse(arguments)}) -> {returned}:"

    def _work(self, description: Description, member: Member) -> Iterator[str]:
        function, returns = member.function, member.function.returns
        assert returns is not None
        call = f"{member.name}({self._passed_on(function)})"
        full_name = f"{description.name}.{member.name}"
        item = item_of(returns)
        ready = ", ready=False" if full_name in WHATEVER_ITS_STATE else ""
        if item is not None:
            yield f"    return self._iterate(lambda inner: inner.{call}{self._wrapper(item)})"
        elif self._looks(description, member):
            yield from self._returned(returns, f"self._inner.{call}")
        elif member.awaited:
            inner = "inner"
            if member.overloads:  # none of which takes all that this one takes
                self._needs("from jupyter_ssh.kernel.faces.face import untyped", at_run_time=True)
                inner = "untyped(inner)"
            work = f"(lambda inner: {inner}.{call}{ready})"
            expression = f"await self._wait{work}" if self._kind.awaits else f"self._call{work}"
            if member.overloads and self._wrapped(returns, "value") is None:
                yield f"    value: {self._annotation(description, returns)} = {expression}"
                expression = "value"
            yield from self._returned(returns, expression)
        else:
            yield from self._act(description, member, call)

    def _act(self, description: Description, member: Member, call: str) -> Iterator[str]:
        returns = member.function.returns
        assert returns is not None
        if self._wrapped(returns, "value") is not None:
            raise Unsupported(f"{description.name}.{member.name} gives something with a face, and is no coroutine")
        waits = self._afterwards(description, member)
        if waits is None:
            yield from self._returned(returns, f"self._act(lambda inner: inner.{call})", pending=self._kind.awaits)
            return
        self._needs("from jupyter_ssh.kernel.faces.face import afterwards", at_run_time=True)
        keywords = ", ".join(f"{each.arg}={each.arg}" for each in waits.function.args.kwonlyargs)
        name = "_begin" if self._kind.awaits else "_call"
        work = f"self.{name}(lambda inner: afterwards(inner.{call}, inner.{waits.name}({keywords})))"
        yield from self._returned(returns, work, pending=self._kind.awaits)

    def _afterwards(self, description: Description, member: Member) -> Member | None:
        name = WAIT_AFTERWARDS.get(f"{description.name}.{member.name}")
        return next((each for each in description.members if isinstance(each, Member) and each.name == name), None)

    @staticmethod
    def _looks(description: Description, member: Member) -> bool:
        return f"{description.name}.{member.name}" in ONLY_LOOK

    def _passed_on(self, function: Function) -> str:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args][1:]
        passed = [self._inner_of(argument) for argument in positional]
        if arguments.vararg is not None:
            passed.append(f"*{arguments.vararg.arg}")
        passed += [f"{argument.arg}={self._inner_of(argument)}" for argument in arguments.kwonlyargs]
        if arguments.kwarg is not None:
            passed.append(f"**{arguments.kwarg.arg}")
        return ", ".join(passed)

    def _inner_of(self, argument: ast.arg) -> str:
        faced = set() if argument.annotation is None else self._names(argument.annotation) & self._faced
        if not faced:
            return argument.arg
        if any(self._descriptions[name].fields is not None for name in faced):
            raise Unsupported(f"{argument.arg}: a tuple of streams cannot be handed in")
        self._needs("from jupyter_ssh.kernel.faces.face import behind", at_run_time=True)
        return f"behind({argument.arg})"

    # --- iteration and contexts ---------------------------------------------------------------------------------------

    def _iteration(self, description: Description) -> Iterator[str]:
        assert description.iterates is not None
        name = "__aiter__" if self._kind.awaits else "__iter__"
        yield f"def {name}(self) -> {self._iterator_of(description, description.iterates)}:"
        yield f"    return self._iterate(lambda inner: inner.__aiter__(){self._wrapper(description.iterates)})"

    def _iterator_of(self, description: Description, item: ast.expr) -> str:
        self._needs(f"from collections.abc import {self._kind.iterator}")
        return f"{self._kind.iterator}[{self._annotation(description, item)}]"

    def _wrapper(self, item: ast.expr) -> str:
        wrapped = self._wrapped(item, "value")
        return "" if wrapped is None else f", lambda value: {wrapped}"

    def _closing(self, description: Description) -> Iterator[str]:
        self._needs("from types import TracebackType")
        enter, leave, word = (
            ("__aenter__", "__aexit__", "async def")
            if self._kind.awaits
            else (
                "__enter__",
                "__exit__",
                "def",
            )
        )
        parameter = "[AnyStr]" if description.generic else ""
        yield f"{word} {enter}(self) -> {self._kind.prefix}{description.name}{parameter}:"
        yield "    return self"
        yield ""
        if not self._kind.awaits:
            yield "@hides_own_frames"
        yield f"{word} {leave}(self, kind: type[BaseException] | None, error: BaseException | None, "
        yield "    traceback: TracebackType | None) -> None:"
        work = "(lambda inner: inner.__aexit__(kind, error, traceback), ready=False)"
        yield f"    await self._wait{work}" if self._kind.awaits else f"    self._call{work}"

    # --- types --------------------------------------------------------------------------------------------------------

    def _names(self, annotation: ast.expr) -> set[str]:
        return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}

    def _annotation(self, description: Description, annotation: ast.expr) -> str:
        return ast.unparse(self._translated(description, annotation))

    def _translated(self, description: Description, annotation: ast.expr) -> ast.expr:
        annotation = deepcopy(annotation)
        for node in ast.walk(annotation):
            if not isinstance(node, ast.Name):
                continue
            if node.id in self._faced:
                node.id = self._kind.prefix + node.id
            elif node.id not in vars(builtins) and node.id != "AnyStr":
                home = description.homes[node.id]
                self._needs(f"from {home} import {node.id}" if home else f"import {node.id}")
        return annotation

    def _returned(self, annotation: ast.expr, expression: str, *, pending: bool = False) -> Iterator[str]:
        """The statements that return ``expression`` in its face."""
        if isinstance(annotation, ast.Constant) and annotation.value is None and not pending:
            yield f"    {expression}"
        elif (wrapped := self._wrapped(annotation, expression)) is None:
            yield f"    return {expression}"
        elif wrapped.count(expression) == 1:
            yield f"    return {wrapped}"
        else:
            yield f"    value = {expression}"
            yield f"    return {self._wrapped(annotation, 'value')}"

    def _made(self, name: str, expression: str) -> str:
        fields = self._descriptions[name].fields
        face = f"{self._kind.prefix}{name}"
        if fields is None:
            return f"{face}(self._engine, {expression})"
        parts = [(field, f"{expression}[{number}]") for number, field in enumerate(fields)]
        return f"{face}({', '.join(self._wrapped(field, part) or part for field, part in parts)})"

    def _wrapped(self, annotation: ast.expr, expression: str) -> str | None:
        """``expression`` of that type in its face; None where it has none."""
        if not self._names(annotation) & self._faced:
            return None
        if isinstance(annotation, ast.Name):
            return self._made(annotation.id, expression)
        if isinstance(annotation, ast.BinOp) and ast.unparse(annotation.right) == "None":
            return f"None if {expression} is None else {self._wrapped(annotation.left, expression)}"
        if isinstance(annotation, ast.Subscript):
            outer, inner = ast.unparse(annotation.value), annotation.slice
            if outer in self._faced:
                return self._made(outer, expression)
            if outer in ("list", "Sequence") and (wrapped := self._wrapped(inner, "each")) is not None:
                return f"[{wrapped} for each in {expression}]"
            if outer == "tuple" and isinstance(inner, ast.Tuple) and ast.unparse(inner.elts[-1]) != "...":
                parts = [f"{expression}[{number}]" for number in range(len(inner.elts))]
                wrapped_parts = [
                    self._wrapped(part, text) or text for part, text in zip(inner.elts, parts, strict=True)
                ]
                return f"({', '.join(wrapped_parts)})"
        raise Unsupported(f"no face for {ast.unparse(annotation)}")


class _Translation(ast.NodeTransformer):
    """The faces in the place of the classes; where nothing is awaited, functions in the place of coroutines."""

    def __init__(self, kind: Kind, faced: set[str]) -> None:
        self._kind = kind
        self._faced = faced

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self._faced:
            node.id = self._kind.prefix + node.id
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        if self._kind.awaits:
            return node
        plain = ast.FunctionDef(**dict(ast.iter_fields(node)))
        plain.name = {"__aenter__": "__enter__", "__aexit__": "__exit__"}.get(node.name, node.name)
        return plain

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        return node if self._kind.awaits else node.value


def _all_arguments(function: Function) -> Iterator[ast.arg]:
    arguments = function.args
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None)


def _docstring(text: str) -> str:
    escaped = text.strip().replace("\\", "\\\\")
    return f'"""{escaped}\n"""' if "\n" in escaped else f'"""{escaped}"""'
