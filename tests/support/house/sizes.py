"""How long a file may be, and how full a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 600
FULLEST_FOLDER = 20

FOLDERS = ("jupyter_ssh", "tests", "benchmarks", "labextension/src", "labextension/tests")
KINDS = ("py", "ts", "tsx")


def source_files(tree: Path) -> Iterator[Path]:
    """Every source file of ours, Python's and the page's."""
    return (path for folder in FOLDERS for kind in KINDS for path in sorted((tree / folder).rglob(f"*.{kind}")))


def long_files(tree: Path) -> list[str]:
    """Source files of more lines than one duty needs."""
    lengths = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in source_files(tree))
    return [f"{path.relative_to(tree)}: {lines} lines" for path, lines in lengths if lines > LONGEST_FILE]


def crowded_folders(tree: Path) -> list[str]:
    """Folders of more source files than a reader takes in; those in folders of theirs do not count."""
    counts = sorted(Counter(path.parent for path in source_files(tree)).items())
    return [f"{folder.relative_to(tree)}: {files} files" for folder, files in counts if files > FULLEST_FOLDER]
