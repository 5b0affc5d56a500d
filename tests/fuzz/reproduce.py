"""Plays inputs again, without atheris: ``python -m tests.fuzz.reproduce TARGET FILE...``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fuzz.catalogue import TARGETS


def main() -> None:
    """Shows the traceback of the first input that is still a find."""
    name, *files = sys.argv[1:]
    for file in files:
        TARGETS[name].run(Path(file).read_bytes())
        print(f"{file}: nothing but typed errors")


if __name__ == "__main__":
    main()
