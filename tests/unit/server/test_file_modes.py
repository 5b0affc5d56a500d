"""Which files a path with wildcards names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from jupyter_ssh.ssh.server.logins.file_modes import MOST_FILES, matching_files


def test_a_pattern_names_so_many_files_and_a_warning_says_if_there_are_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [tmp_path / f"{number:04}.keys" for number in range(MOST_FILES + 1)]
    for name in names[:-1]:
        name.touch()
    assert matching_files(tmp_path / "*.keys") == names[:-1]
    assert caplog.records == []
    names[-1].touch()
    assert matching_files(tmp_path / "*.keys") == names[:-1]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{MOST_FILES + 1} files; only the first {MOST_FILES} are read" in record.message
