"""Writes the tables of docs/algorithms.md: ``python -m tests.support.algorithms_document [RECORD]``.

RECORD is what a run of tests/peers with JUPYTER_SSH_MATRIX=RECORD in its environment left behind: a line of JSON for
each algorithm that was in use when data had gone both ways and the keys had been renewed.  Without it what the tables
say of peers is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.keys.key_types import SIGNATURE_ALGORITHMS

DOCUMENT = Path(__file__).parents[2] / "docs" / "algorithms.md"
MARK = "<!-- tables -->"

TABLES: dict[str, Mapping[str, Any]] = {
    "Key exchange": EXCHANGES,
    "Host keys and user keys": SIGNATURE_ALGORITHMS,
    "Ciphers": CIPHERS,
    "MACs": MACS,
    "Compression": COMPRESSIONS,
}

Proven = Mapping[tuple[str, str], list[str]]
"""(name, our role) -> peers.  No name stands for two kinds of algorithms."""


def read(record: str) -> Proven:
    """What a run of the matrix has proven."""
    proven: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for line in sorted(record.splitlines()):
        entry = json.loads(line)
        peers = proven[entry["name"], entry["role"]]
        if entry["peer"] not in peers:
            peers.append(entry["peer"])
    return proven


_ROW = re.compile(r"\| `(?P<name>[^`]+)` \| \w+ \| (?P<client>.*) \| (?P<server>.*) \|")


def proven_before(document: str) -> Proven:
    """What the document says already."""
    rows = [match for match in map(_ROW.fullmatch, document.splitlines()) if match]
    return {
        (row["name"], role): row[role].split(", ") for row in rows for role in ("client", "server") if row[role] != "–"
    }


def tables(proven: Proven) -> Iterator[str]:
    """The lines of all tables."""
    for title, rows in TABLES.items():
        yield from ("", f"## {title}", "", "| name | grade | our client with | our server with |", "|---|---|---|---|")
        for name, row in rows.items():
            peers = [", ".join(proven.get((name, role), [])) or "–" for role in ("client", "server")]
            yield f"| `{name}` | {row.grade.value} | {peers[0]} | {peers[1]} |"


def written(document: str, proven: Proven) -> str:
    """The document with its tables anew."""
    lines = [MARK, "", "Proven in the last run of `tests/peers`, with a change of keys in each connection:"]
    return document.partition(MARK)[0] + "\n".join([*lines, *tables(proven)]) + "\n"


def main() -> None:
    """Writes all that stands behind the mark."""
    text = DOCUMENT.read_text(encoding="utf-8")
    record = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else None
    proven = proven_before(text) if record is None else read(record)
    DOCUMENT.write_text(written(text, proven), encoding="utf-8")


if __name__ == "__main__":
    main()
