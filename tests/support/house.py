"""The rules of the house, as functions from a source tree to a list of violations.

The order of ROOMS is the direction of imports: a module may import from its own room and from rooms above it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "jupyter_ssh"
STACK = (
    "errors",
    "text",
    "wire",
    "crypto",
    "keys",
    "trust",
    "protocol",
    "protocol1",
    "config",
    "agent",
    "keygen",
    "net",
    "adding",
    "channels",
    "forwarding",
    "sftp",
    "scp",
    "client",
    "server",
    "control",
)
ROOMS = (
    *(f"{PACKAGE}.ssh.{room}" for room in STACK),
    *(f"{PACKAGE}.{room}" for room in ("pages", "engine", "kernel", "bridge", "magics", "widgets", "commands")),
)
# Modules outside every room. They may import any room, but only when one of their names is used.
ROOTS = (PACKAGE, f"{PACKAGE}.__main__", f"{PACKAGE}.ssh")
# The last room whose names a root hands out: to import them from the root is to import from that room.
ROOT_HANDS_OUT = {PACKAGE: f"{PACKAGE}.kernel", f"{PACKAGE}.ssh": f"{PACKAGE}.ssh.server"}
NO_ROOM_NEEDED = ((PACKAGE, "__version__"),)

PURE = ROOMS[: ROOMS.index(f"{PACKAGE}.ssh.net")]
IMPURE_MODULES = ("asyncio", "socket", "threading", "_thread", "IPython", "ipykernel", "ipywidgets")
ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv")

LONGEST_FILE = 600


@dataclass(frozen=True)
class Import:
    """One imported module, or one name of a module, as it stands in the source."""

    module: str
    name: str | None
    line: int
    lazy: bool  # inside a function or under TYPE_CHECKING


def room_of(module: str) -> str | None:
    """The room a dotted module name belongs to; None for the roots and for other packages."""
    return next((room for room in ROOMS if module == room or module.startswith(room + ".")), None)


def modules(tree: Path) -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of each module of the package below ``tree``."""
    for path in sorted((tree / PACKAGE).rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(module: str, path: Path) -> Iterator[Import]:
    """Every import of a file: statements wherever they stand, and ``import_module`` of a literal name."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

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
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value, None, node.lineno, lazy)
        if isinstance(node, ast.If) and _called(node.test) == "TYPE_CHECKING":
            for child in node.body:
                yield from walk(child, True)
            for child in node.orelse:
                yield from walk(child, lazy)
            return
        inside = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8"), str(path)), False)


def _called(node: ast.AST) -> str | None:
    """The last name of ``name``, ``module.name`` or a call of one."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _target(found: Import) -> str | None:
    """The room, root or foreign module that an import reaches; None where direction does not matter."""
    if found.name is not None:
        if (found.module, found.name) in NO_ROOM_NEEDED:
            return None
        dotted = f"{found.module}.{found.name}"
        if dotted in ROOTS or room_of(dotted):
            return room_of(dotted) or dotted
    return room_of(found.module) or found.module


def wrong_imports(tree: Path) -> list[str]:
    """Imports that point the wrong way, and modules that stand in no room."""
    violations = []
    for module, path in modules(tree):
        place = path.relative_to(tree)
        here = room_of(module)
        if here is None and module not in ROOTS:
            violations.append(f"{place}: in none of the rooms ({', '.join(ROOMS)})")
            continue
        for found in imports(module, path):
            target = _target(found)
            if target is None or target.split(".")[0] != PACKAGE:
                continue
            if here is None:
                if not found.lazy and target not in ROOTS:
                    violations.append(f"{place}:{found.line}: imports {target} before it is used")
                continue
            reached = ROOT_HANDS_OUT.get(target, target)
            if found.name is None and target in ROOTS:
                continue  # `import jupyter_ssh` names nothing yet
            if reached not in ROOMS or ROOMS.index(reached) > ROOMS.index(here):
                violations.append(f"{place}:{found.line}: {here} imports {target}, which is below it")
    return violations


def impurities(tree: Path) -> list[str]:
    """I/O, threads, Jupyter and the process's environment where only bytes and values may be."""
    violations = []
    for module, path in modules(tree):
        if room_of(module) not in PURE:
            continue
        place = path.relative_to(tree)
        for found in imports(module, path):
            if found.module.split(".")[0] in IMPURE_MODULES:
                violations.append(f"{place}:{found.line}: imports {found.module}")
            if found.module == "os" and found.name in ENVIRONMENT:
                violations.append(f"{place}:{found.line}: imports os.{found.name}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and _called(node.value) == "os":
                violations.append(f"{place}:{node.lineno}: uses os.{node.attr}")
    return violations


def long_files(tree: Path) -> list[str]:
    """Source files of more lines than one duty needs."""
    folders = ("jupyter_ssh", "tests", "benchmarks", "labextension/src")
    files = (path for folder in folders for kind in ("py", "ts", "tsx") for path in (tree / folder).rglob(f"*.{kind}"))
    lengths = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in sorted(files))
    return [f"{path.relative_to(tree)}: {lines} lines" for path, lines in lengths if lines > LONGEST_FILE]


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
