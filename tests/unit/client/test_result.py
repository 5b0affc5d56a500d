"""`Result`: what a command left behind, and its return code as `subprocess` has it."""

from __future__ import annotations

import signal

import pytest

from jupyter_ssh.ssh import RemoteCommandError, Result


def result(status: int | None, name: str | None = None) -> Result[bytes]:
    return Result("cmd", b"out", b"err", status, name)


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (0, None, 0),
        (3, None, 3),
        (None, "TERM", -15),
        (None, "KILL", -9),
        (None, "RTMIN@example", None),
        (None, None, None),
    ],
)
def test_the_return_code_is_that_of_subprocess(status: int | None, name: str | None, code: int | None) -> None:
    assert result(status, name).returncode == code


def test_signals_have_this_machines_numbers() -> None:
    for each in signal.Signals:
        assert result(None, each.name.removeprefix("SIG")).returncode == -each


def test_text_is_utf_8_whatever_came() -> None:
    assert Result("cmd", b"\xc3\xa4\xff", b"", 0).text == "ä\\xff"
    assert Result("cmd", "ä", "e", 0).text == "ä"
    assert Result("cmd", "ä", "e", 0).stderr_text == "e"


def test_check_raises_with_what_was_printed() -> None:
    assert result(0).check() == result(0)
    with pytest.raises(RemoteCommandError) as caught:
        Result("cmd", "out", "err", 1).check()
    assert (caught.value.stdout, caught.value.stderr) == ("out", "err")


def test_what_was_printed_is_in_no_repr() -> None:
    assert "out" not in repr(result(0))
