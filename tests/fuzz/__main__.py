"""Runs the targets one after the other: ``python -m tests.fuzz MINUTES [TARGET...]``, or ``make fuzz MINUTES=n``.

Each is a process of its own, with its share of the time.  What it learns is kept in ``.fuzz/corpus`` for the next run,
what it finds in ``.fuzz/findings``, with the command that plays it again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.catalogue import TARGETS

PLACE = Path(__file__).parents[2] / ".fuzz"
SHARES = {"client-stream": 3, "server-stream": 3, "client-messages": 5, "server-messages": 5, "whole-server": 5}
"""How much more time than the others these get: they are whole sessions."""
GRACE_SECONDS = 120
"""For importing with counters, and for the last input."""
STATISTIC = re.compile(r"^(?:stat::(\w+): +(\d+)|#\d+\s+DONE +cov: (\d+))", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a target's process did."""

    name: str
    executions: int
    coverage: int
    seconds: float
    findings: tuple[Path, ...]
    ended_well: bool


def fuzz(name: str, seconds: int) -> Outcome:
    """One target for some seconds, or until it finds something."""
    findings = PLACE / "findings"
    before = set(findings.glob(f"{name}-*"))
    log = PLACE / f"{name}.log"
    begun = time.monotonic()
    with log.open("wb") as output:
        command = [sys.executable, "-m", f"{__package__}.engine", name, PLACE / "corpus" / name, findings, str(seconds)]
        status = subprocess.run(
            [*map(str, command)], stdout=output, stderr=output, timeout=seconds + GRACE_SECONDS, check=False
        ).returncode
    text = log.read_text(encoding="utf-8", errors="replace")
    numbers = {match[1] or "coverage": int(match[2] or match[3]) for match in STATISTIC.finditer(text)}
    found = tuple(sorted(set(findings.glob(f"{name}-*")) - before))
    return Outcome(
        name,
        numbers.get("number_of_executed_units", 0),
        numbers.get("coverage", 0),
        time.monotonic() - begun,
        found,
        status == 0,
    )


def tell(outcome: Outcome) -> None:
    """A line for the table, and the way to see each find again."""
    corpus = sum(1 for _ in (PLACE / "corpus" / outcome.name).iterdir())
    print(
        f"{outcome.name:<16} {outcome.seconds:8.0f} s {outcome.executions:9} runs {outcome.coverage:6} points reached"
        f" {corpus:6} inputs kept  {'' if outcome.ended_well else 'FOUND SOMETHING'}",
        flush=True,
    )
    for find in outcome.findings:
        print(f"  python -m tests.fuzz.reproduce {outcome.name} {find.relative_to(PLACE.parent)}", flush=True)
    if not outcome.ended_well:
        print(f"  see {(PLACE / f'{outcome.name}.log').relative_to(PLACE.parent)}", flush=True)


def main() -> int:
    """1 if anything was found."""
    minutes, *chosen = sys.argv[1:]
    names = chosen or list(TARGETS)
    (PLACE / "findings").mkdir(parents=True, exist_ok=True)
    share = float(minutes) * 60 / sum(SHARES.get(name, 1) for name in names)
    outcomes = []
    for name in names:
        outcomes.append(fuzz(name, max(1, round(share * SHARES.get(name, 1)))))
        tell(outcomes[-1])
    print(f"{sum(outcome.executions for outcome in outcomes)} runs in {sum(o.seconds for o in outcomes) / 60:.1f} min")
    return 0 if all(outcome.ended_well for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
