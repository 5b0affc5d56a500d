"""docs/tolerance.md names tests for each row, and its limits are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from jupyter_ssh.ssh.agent.numbers import MAX_MESSAGE
from jupyter_ssh.ssh.client.login.identities import MAX_IDENTITIES
from jupyter_ssh.ssh.client.pool.further import MOST_FURTHER
from jupyter_ssh.ssh.client.route.loops import MAX_JUMPS
from jupyter_ssh.ssh.client.session_channel import SILENCE_SECONDS
from jupyter_ssh.ssh.keys.files.reading import MAX_FILE
from jupyter_ssh.ssh.protocol.channel import MAX_LATE
from jupyter_ssh.ssh.protocol.handshake.allowance import ENOUGH_BYTES, IN_ADVANCE, SECONDS_EACH
from jupyter_ssh.ssh.protocol.probes import MAX_PINGS
from jupyter_ssh.ssh.protocol.strays import MAX_STRAYS, SPAN
from jupyter_ssh.ssh.protocol.version import MAX_BANNER_LINES, MAX_KEPT, MAX_LINE
from jupyter_ssh.ssh.server.banner import LARGEST
from jupyter_ssh.ssh.server.logins.authentication import KEY_CHECK_SECONDS
from jupyter_ssh.ssh.server.logins.file_modes import MOST_FILES
from tests.support.tree import TREE

TEXT = (TREE / "docs" / "tolerance.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"(?m)^\| (?!what ).*", TEXT)]
COMBINING = (TREE / "labextension" / "src" / "stream" / "combining.ts").read_text(encoding="utf-8")


def test_there_are_rows() -> None:
    assert len(ROWS) > 15


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file: its functions and classes, or in TypeScript what ``it`` says."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ts":
        return frozenset(re.findall(r"(?m)^ *it\('([^']+)'", text))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [node for node in ast.parse(text).body if isinstance(node, kinds)]
    return frozenset(node.name for node in nodes if node.name.lower().startswith("test"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_row_is_complete_and_its_tests_exist(row: list[str]) -> None:
    *what, tests = row
    assert len(what) in (2, 4)
    assert what[0]
    assert what[-1]
    named = re.findall(r"`((?:tests|labextension/tests)/\S+\.(?:py|ts))::([^`]+)`", tests)
    assert tests == ", ".join(f"`{file}::{name}`" for file, name in named) != ""
    for file, name in named:
        assert name in names_in(TREE / file)


@pytest.mark.parametrize(
    ("words", "is_so"),
    [
        ("4096 a minute", (MAX_STRAYS, SPAN) == (4096, 60)),
        ("More than 4096 ignored messages within a minute", (MAX_STRAYS, SPAN) == (4096, 60)),
        ("256 for each channel", MAX_LATE == 256),
        ("or 1024 pings", MAX_PINGS == 1024),
        ("is checked within 30 seconds", KEY_CHECK_SECONDS == 30),
        ("5 seconds, logged", SILENCE_SECONDS == 5),
        ("16 at a time for each connection", MOST_FURTHER == 16),
        ("8192 bytes a line, carriage returns included, and 1024 lines", (MAX_LINE, MAX_BANNER_LINES) == (8192, 1024)),
        ("64 KiB are kept", MAX_KEPT == 64 << 10),
        ("256 KiB a message", MAX_MESSAGE == 256 << 10),
        ("100 files, as in OpenSSH", MAX_IDENTITIES == 100),
        ("1 MiB", MAX_FILE == 1 << 20),
        ("32,000 bytes of text", LARGEST == 32_000),
        ("1000 files a pattern", MOST_FILES == 1000),
        ("16 hops", MAX_JUMPS == 16),
        ("16 times before and 256 times after the login", IN_ADVANCE == {False: 16, True: 256}),
        ("then once a second", SECONDS_EACH == 1),
        ("whenever 16 KiB were transferred", ENOUGH_BYTES == 16 << 10),
        ("no more than 16 combining characters", "MOST_COMBINING = 16;" in COMBINING),
    ],
)
def test_its_limits_are_those_of_the_code(words: str, is_so: bool) -> None:
    assert words in TEXT
    assert is_so
