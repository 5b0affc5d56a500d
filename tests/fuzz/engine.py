"""One target under atheris: ``python -m tests.fuzz.engine TARGET CORPUS FINDINGS SECONDS``; ends at the first find.

The corpus begins with the target's seeds and keeps what reached new code; a find is saved in FINDINGS.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jupyter_ssh"]):
    from jupyter_ssh import ssh

    # What is imported only where it is used would else come without its counters.
    for module in pkgutil.walk_packages(ssh.__path__, f"{ssh.__name__}."):
        importlib.import_module(module.name)
    from tests.fuzz.catalogue import TARGETS

INPUT_SECONDS = 10
"""An input that takes longer is a find."""
MEMORY = 2048
"""Mebibytes: a process that takes more is a find; whoever collects coverage takes some hundred itself."""


def write_seeds(name: str, corpus: Path) -> None:
    """The seeds as files of the corpus; those of earlier runs stay."""
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def write_words(name: str, path: Path) -> None:
    """A libFuzzer dictionary."""
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in TARGETS[name].words]
    path.write_text("".join(lines), encoding="ascii")


def main() -> None:
    """Fuzzes until the time is over or something is found (and then ends with another status than 0)."""
    name, corpus, findings, seconds = sys.argv[1:]
    target = TARGETS[name]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    Path(findings).mkdir(parents=True, exist_ok=True)
    write_seeds(name, Path(corpus))
    with tempfile.NamedTemporaryFile(suffix=".dict") as words:
        write_words(name, Path(words.name))
        options = [
            f"-artifact_prefix={findings}/{name}-",
            f"-max_total_time={seconds}",
            f"-max_len={target.longest}",
            f"-timeout={INPUT_SECONDS}",
            f"-rss_limit_mb={MEMORY}",
            "-len_control=0",
            "-print_final_stats=1",
        ]
        if target.words:
            options.append(f"-dict={words.name}")
        atheris.Setup([sys.argv[0], *options, corpus], target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
