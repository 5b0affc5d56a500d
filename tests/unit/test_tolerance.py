"""docs/tolerance.md names a test for each row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (TREE / "docs" / "tolerance.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| (?!what )", line)
]


def test_there_are_rows() -> None:
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_row_is_complete_and_its_test_exists(row: list[str]) -> None:
    *what, test = row
    assert len(what) in (2, 4)
    assert what[0]
    assert what[-1]
    assert (TREE / test.strip("`")).is_file()
