"""The direction of imports, and the rooms that do no I/O.

The order of ROOMS is the direction: a module may import from its own room and from rooms above it, except what APART
names.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.house.modules import PACKAGE, Import, called, imports, modules, parsed

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
    "adding",
    "net",
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
    *(
        f"{PACKAGE}.{room}"
        for room in ("installation", "pages", "engine", "kernel", "bridge", "magics", "widgets", "commands")
    ),
)
# Rooms above another that it does without: the Jupyter server needs nothing of what lives in kernels, and a server
# nothing of a client: what both need stands above both.
APART = {
    f"{PACKAGE}.bridge": (f"{PACKAGE}.engine", f"{PACKAGE}.kernel"),
    f"{PACKAGE}.ssh.server": (f"{PACKAGE}.ssh.client",),
}
# Modules outside every room. They may import any room, but only when one of their names is used.
ROOTS = (PACKAGE, f"{PACKAGE}.__main__", f"{PACKAGE}.ssh")
# The last room whose names a root hands out: to import them from the root is to import from that room.
ROOT_HANDS_OUT = {PACKAGE: f"{PACKAGE}.kernel", f"{PACKAGE}.ssh": f"{PACKAGE}.ssh.server"}
NO_ROOM_NEEDED = ((PACKAGE, "__version__"),)

PURE = ROOMS[: ROOMS.index(f"{PACKAGE}.ssh.net")]
IMPURE_MODULES = ("asyncio", "socket", "threading", "_thread", "IPython", "ipykernel", "ipywidgets")
ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv")


def room_of(module: str) -> str | None:
    """The room a dotted module name belongs to; None for the roots and for other packages."""
    return next((room for room in ROOMS if module == room or module.startswith(room + ".")), None)


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
            elif reached in APART.get(here, ()):
                violations.append(f"{place}:{found.line}: {here} imports {target}, which it does without")
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
        for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and called(node.value) == "os":
                violations.append(f"{place}:{node.lineno}: uses os.{node.attr}")
    return violations
