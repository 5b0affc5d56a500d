"""Circles of files: each imports the next, the last the first. An import in a function or for types counts too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.house.modules import PACKAGE, imports, modules

Graph = Mapping[Path, set[Path]]

PAGE = "labextension/src"
# import x from './y', export * from './y', import './y', import('./y')
_PAGE_IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]*)['"]""")


def circles(tree: Path) -> list[str]:
    """One circle of each knot among the modules of the package, of the tests and of the page."""
    return [
        " -> ".join(str(path.relative_to(tree)) for path in [*circle, circle[0]]) for circle in files_in_circles(tree)
    ]


def files_in_circles(tree: Path) -> list[list[Path]]:
    """For each knot of files that reach each other, one shortest circle of it."""
    graph = {**python_imports(tree), **page_imports(tree)}
    return [_shortest_circle(graph, knot) for knot in knots(graph)]


def python_imports(tree: Path) -> Graph:
    """File -> files that it imports; ``from package import name`` reaches package/name.py where that is a file."""
    known = {name: path for folder in (PACKAGE, "tests") for name, path in modules(tree, folder)}
    graph: dict[Path, set[Path]] = {}
    for module, path in known.items():
        reached = (
            known.get(f"{found.module}.{found.name}", known.get(found.module)) for found in imports(module, path)
        )
        graph[path] = {other for other in reached if other is not None and other != path}
    return graph


def page_imports(tree: Path) -> Graph:
    """The same for TypeScript; only imports by relative path lead to files of ours."""
    files = {path for kind in ("ts", "tsx") for path in (tree / PAGE).rglob(f"*.{kind}")}

    def reached(path: Path) -> Iterator[Path]:
        for name in _PAGE_IMPORT.findall(path.read_text(encoding="utf-8")):
            base = (path.parent / name).resolve().relative_to(tree.resolve())
            yield from files & {tree / f"{base}{ending}" for ending in (".ts", ".tsx", "/index.ts")}

    return {path: set(reached(path)) - {path} for path in sorted(files)}


def knots(graph: Graph) -> list[list[Path]]:
    """The strongly connected components of more than one file, by Tarjan's algorithm without recursion."""
    numbers: dict[Path, int] = {}
    lowest: dict[Path, int] = {}
    waiting: list[Path] = []
    found: list[list[Path]] = []
    for start in sorted(graph):
        if start in numbers:
            continue
        walk = [(start, iter(sorted(graph[start])))]
        numbers[start] = lowest[start] = len(numbers)
        waiting.append(start)
        while walk:
            file, rest = walk[-1]
            for other in rest:
                if other not in numbers:
                    numbers[other] = lowest[other] = len(numbers)
                    waiting.append(other)
                    walk.append((other, iter(sorted(graph[other]))))
                    break
                if other in waiting:
                    lowest[file] = min(lowest[file], numbers[other])
            else:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[file])
                if lowest[file] == numbers[file]:
                    cut = waiting.index(file)
                    if len(knot := waiting[cut:]) > 1:
                        found.append(sorted(knot))
                    del waiting[cut:]
    return sorted(found)


def _shortest_circle(graph: Graph, knot: list[Path]) -> list[Path]:
    """A shortest way from a file of the knot back to itself."""
    ways = (_way_back(graph, file) for file in knot)
    return min(ways, key=len)


def _way_back(graph: Graph, start: Path) -> list[Path]:
    before: dict[Path, Path] = {}
    frontier = [start]
    while start not in before:
        following = []
        for file in frontier:
            for other in sorted(graph[file]):
                if other not in before:
                    before[other] = file
                    following.append(other)
        frontier = following
    way = [before[start]]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]
