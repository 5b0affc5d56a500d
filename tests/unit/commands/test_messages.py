"""Messages by level, to stderr or to a log file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.ssh.text import printable


@pytest.fixture(autouse=True)
def package_logger() -> Iterator[None]:
    """The package's logger as it was before."""
    logger = logging.getLogger("jupyter_ssh")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.mark.parametrize(
    ("level", "shown"),
    [("QUIET", ""), ("FATAL", "f"), ("ERROR", "fe"), ("INFO", "fei"), ("VERBOSE", "feiv"), ("DEBUG1", "feivd")],
)
def test_levels(level: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    messages = Messages(level)
    for letter, name in zip("feivd", ("FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1"), strict=True):
        messages.say(letter, name)
    assert "".join(capsys.readouterr().err.split()) == shown


def test_a_log_file_is_appended_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    messages = Messages("INFO", str(log))
    messages.say("one\ntwo")
    messages.close()
    assert log.read_text(encoding="utf-8") == "before\none\ntwo\n"
    assert capsys.readouterr().err == ""


def test_log_records_follow_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    messages = Messages("INFO")
    messages.attach()
    logger = logging.getLogger("jupyter_ssh.ssh.test")
    logger.info("quiet")
    logger.warning("loud %s", "one")
    assert messages.louder(2) == "DEBUG1"
    logger.debug("detail")
    assert capsys.readouterr().err == "loud one\ndebug1: detail\n"
    assert [messages.louder(-20), messages.louder(20)] == ["QUIET", "DEBUG3"]


def test_a_servers_text_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\nc\u202ed\r") == "a?[2Jb\nc?d?"
