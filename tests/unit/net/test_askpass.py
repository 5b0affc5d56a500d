"""When a question goes to the program of SSH_ASKPASS (ssh(1), ENVIRONMENT), and what its answer means."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.net.askpass import ask_with_askpass, askpass_program, confirmed_with_askpass

DISPLAYS = ({}, {"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"DISPLAY": ""})


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("has_terminal", [True, False])
@pytest.mark.parametrize("required", ["", "never", "prefer", "force", "FORCE", "nonsense"])
def test_when_the_program_asks(required: str, has_terminal: bool, display: dict[str, str]) -> None:
    environment = {"SSH_ASKPASS": "/bin/ask", "SSH_ASKPASS_REQUIRE": required, **display}
    shown = any(display.values())
    wanted = {
        "never": False,
        "prefer": shown,
        "force": True,
    }.get(required.lower(), shown and not has_terminal)
    assert askpass_program(environment, has_terminal=has_terminal) == ("/bin/ask" if wanted else None)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "ask"
    path.write_text('#!/bin/sh\necho "$SSH_ASKPASS_PROMPT $1" >>"$ASKED"\nprintf "$ANSWER"\nexit ${STATUS:-0}\n')
    path.chmod(0o700)
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
@pytest.mark.parametrize(
    ("answer", "status", "line", "agreed"),
    [
        ("secret\\nmore\\n", 0, "secret", False),
        ("s\\303\\274\\r\\n", 0, "sü", False),
        ("", 0, "", True),
        ("Yes\\n", 0, "Yes", True),
        ("no\\n", 0, "no", False),
        ("secret\\n", 1, None, False),
    ],
)
async def test_what_an_answer_means(
    program: str, tmp_path: Path, answer: str, status: int, line: str | None, agreed: bool
) -> None:
    environment = {**os.environ, "ANSWER": answer, "STATUS": str(status), "ASKED": str(tmp_path / "asked")}
    assert await ask_with_askpass(program, "Who?", environment) == line
    assert await confirmed_with_askpass(program, "Sure?", environment) is agreed
    assert (tmp_path / "asked").read_text() == " Who?\nconfirm Sure?\n"


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(PromptUnavailable, match="cannot be started"):
        await ask_with_askpass("/no/such/program", "Who?", {})


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
@pytest.mark.parametrize(("size", "answered"), [(200_000, True), (2_000_000, False)])
async def test_a_program_that_prints_much(tmp_path: Path, size: int, answered: bool) -> None:
    path = tmp_path / "much"
    path.write_text(f"#!/bin/sh\necho secret\nhead -c {size} /dev/zero\n")
    path.chmod(0o700)
    asking = asyncio.wait_for(ask_with_askpass(str(path), "Who?", dict(os.environ)), 30)
    if answered:
        assert await asking == "secret"
        return
    with pytest.raises(PromptUnavailable, match="prints more than"):
        await asking


async def test_a_question_that_no_program_can_be_given(program: str) -> None:
    with pytest.raises(PromptUnavailable, match="NUL"):
        await ask_with_askpass(program, "Who\0?", {})


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
async def test_what_it_complains_about_is_on_our_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = _complaining(tmp_path)
    assert await ask_with_askpass(path, "Why?", {}) == "answer"
    assert capfd.readouterr().err == "cannot open \x1b[2Jdisplay\n"  # as it is, as in OpenSSH


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
async def test_a_complaint_is_passed_on_without_escape_sequences(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    assert await ask_with_askpass(_complaining(tmp_path), "Why?", {}, on_complaint=said.append) == "answer"
    assert said == ["cannot open ?[2Jdisplay"]
    said.clear()
    flood = _complaining(tmp_path, "head -c 200000 /dev/zero | tr '\\0' x >&2")
    assert await ask_with_askpass(flood, "Why?", {}, on_complaint=said.append) == "answer"
    assert said == ["x" * 4096]
    # Something that it leaves behind holds its stderr.
    left = _complaining(tmp_path, "echo first >&2; sleep 600 >/dev/null & echo $! >pid")
    asking = ask_with_askpass(left, "Why?", {"PATH": os.environ["PATH"]}, on_complaint=said.append)
    try:
        assert await asyncio.wait_for(asking, 60) == "answer"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert said[1:] == ["first"]
    assert capfd.readouterr().err == ""


def _complaining(folder: Path, command: str = r"printf 'cannot open \033[2Jdisplay\n' >&2") -> str:
    path = folder / "complains"
    path.write_text(f"#!/bin/sh\ncd {folder}\n{command}\necho answer\n")
    path.chmod(0o700)
    return str(path)
