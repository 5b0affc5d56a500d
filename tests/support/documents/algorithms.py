"""Writes the tables of docs/algorithms.md: ``python -m tests.support.documents.algorithms [RECORD]``.

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
from jupyter_ssh.ssh.keys.certificates.certificate import CERTIFICATE_ALGORITHMS
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from tests.support.tree import TREE

DOCUMENT = TREE / "docs" / "algorithms.md"
MARK = "<!-- tables -->"

Table = tuple[str, Mapping[str, Any], tuple[str, ...]]

ROLES = ("client", "server")
WITHOUT_KIND = ("",)
KEYS = ("host key", "user key")

TABLES: tuple[Table, ...] = (
    ("Key exchange", EXCHANGES, WITHOUT_KIND),
    ("Host keys and user keys", SIGNATURE_ALGORITHMS, KEYS),
    ("Certificates of hosts and users", CERTIFICATE_ALGORITHMS, KEYS),
    ("Ciphers", CIPHERS, WITHOUT_KIND),
    ("MACs", MACS, WITHOUT_KIND),
    ("Compression", COMPRESSIONS, WITHOUT_KIND),
)
"""Title, rows, and the kinds of use that have columns of their own, each one for either role."""

Proven = Mapping[tuple[str, str, str], list[str]]
"""(name, kind of use or nothing, our role) -> peers.  No name stands for two kinds of algorithms."""


def read(record: str) -> Proven:
    """What a run of the matrix has proven."""
    proven: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for line in sorted(record.splitlines()):
        entry = json.loads(line)
        kind = entry["kind"] if entry["kind"] in KEYS else ""
        peers = proven[entry["name"], kind, entry["role"]]
        if entry["peer"] not in peers:
            peers.append(entry["peer"])
    return proven


_ROW = re.compile(r"\| `(?P<name>[^`]+)` \| \w+ \| (?P<cells>.*) \|")


def proven_before(document: str) -> Proven:
    """What the document says already."""
    proven: dict[tuple[str, str, str], list[str]] = {}
    for row in filter(None, map(_ROW.fullmatch, document.splitlines())):
        cells = row["cells"].split(" | ")
        columns = _columns(WITHOUT_KIND if len(cells) == len(ROLES) else KEYS)
        for column, cell in zip(columns, cells, strict=True):
            if cell != "–":
                proven[(row["name"], *column)] = cell.split(", ")
    return proven


def _columns(kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(kind, role) for kind in kinds for role in ROLES]


def tables(proven: Proven) -> Iterator[str]:
    """The lines of all tables."""
    for title, rows, kinds in TABLES:
        columns = _columns(kinds)
        heads = [f"{kind}: our {role} with" if kind else f"our {role} with" for kind, role in columns]
        yield from ("", f"## {title}", "")
        yield f"| name | grade | {' | '.join(heads)} |"
        yield "|---" * (2 + len(columns)) + "|"
        for name, row in rows.items():
            cells = [", ".join(proven.get((name, *column), [])) or "–" for column in columns]
            yield f"| `{name}` | {row.grade.value} | {' | '.join(cells)} |"


def written(document: str, proven: Proven) -> str:
    """The document with its tables anew."""
    lines = [MARK, "", "From the last run of `tests/peers`, with a key re-exchange in each connection:"]
    return document.partition(MARK)[0] + "\n".join([*lines, *tables(proven)]) + "\n"


def main() -> None:
    """Writes all that stands behind the mark."""
    text = DOCUMENT.read_text(encoding="utf-8")
    record = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else None
    proven = proven_before(text) if record is None else read(record)
    DOCUMENT.write_text(written(text, proven), encoding="utf-8")


if __name__ == "__main__":
    main()
