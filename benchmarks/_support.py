"""What the benchmarks share: their options, rounds taken in turns, and tables.

Importing it makes the repository importable, so that a benchmark runs as ``python benchmarks/NAME.py`` from anywhere.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

MIB = 1 << 20

GCM_128 = "aes128-gcm@openssh.com"
GCM_256 = "aes256-gcm@openssh.com"
CHACHA = "chacha20-poly1305@openssh.com"
CTR = "aes128-ctr"
CIPHERS = (GCM_128, GCM_256, CHACHA, CTR)
MAC = "hmac-sha2-256-etm@openssh.com"
"""The MAC of ciphers that bring none."""
KEX = "curve25519-sha256"
"""The key exchange that all clients know, so that none is measured by the price of another."""


@dataclass(frozen=True)
class Arguments:
    """What was asked on the command line."""

    quick: bool
    rounds: int


def arguments(doc: str | None, rounds: int, quick_rounds: int) -> Arguments:
    """The command line of a benchmark; ``doc`` is its description."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and less data: for a look, not for figures")
    parser.add_argument("--rounds", type=int, help=f"how often each thing is measured (default: {rounds})")
    given = parser.parse_args()
    return Arguments(given.quick, max(1, given.rounds or (quick_rounds if given.quick else rounds)))


def in_turns(measurements: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """Each measurement ``rounds`` times, all of them in each round: what disturbs the machine disturbs all alike.

    Every other round goes backwards, so that nobody always comes after the same one.  Says on stderr how far it is.
    """
    results: dict[K, list[T]] = {key: [] for key in measurements}
    for number in range(rounds):
        keys = list(measurements)[:: -1 if number % 2 else 1]
        for key in keys:
            if sys.stderr.isatty():
                print(f"\r\x1b[Kround {number + 1} of {rounds}: {key}", end="", file=sys.stderr, flush=True)
            results[key].append(measurements[key]())
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return results


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def both(values: Sequence[float], digits: int = 2) -> str:
    """ "median (best)": what usually was, and what it is when nothing disturbs."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f})"


def ratio(ours: float, theirs: float) -> str:
    """How many times theirs ours is."""
    return f"{ours / theirs:.2f}" if theirs else "–"


def verdict(value: float, limit: float, unit: str = "", *, at_least: bool = False) -> str:
    """A target and what became of it: "≤ 2.5 µs: met"."""
    met = value >= limit if at_least else value <= limit
    return f"{'≥' if at_least else '≤'} {f'{limit:g} {unit}'.strip()}: {'met' if met else 'MISSED'}"


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table; the first column is text, the others are figures."""
    cells = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join((first, *rest))} |"

    print(f"\n### {title}\n")
    print(line(cells[0]))
    print(f"|{'|'.join('-' * (width + 1) + ('-' if column == 0 else ':') for column, width in enumerate(widths))}|")
    for row in cells[1:]:
        print(line(row))
    sys.stdout.flush()


def print_setting(*packages: str) -> None:
    """Where this was measured, and whether anybody else was using the machine."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"{os.cpu_count()} CPUs ({_cpu_model()}), {platform.system()} {platform.release().split('-')[0]},", end=" ")
    print(f"Python {platform.python_version()}, {versions}.")
    load = os.getloadavg()[0]
    busy = load > 0.5 * (os.cpu_count() or 1)
    print(f"Load before the start: {load:.1f}{': others use this machine, the figures suffer' if busy else ''}.")
    sys.stdout.flush()


def print_load() -> None:
    """How busy the machine was, at the end of a benchmark."""
    one, five, fifteen = os.getloadavg()
    print(
        f"\nLoad at the end, over 1, 5 and 15 minutes: {one:.1f}, {five:.1f}, {fifteen:.1f} (1 to 2 of it are our own)."
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
