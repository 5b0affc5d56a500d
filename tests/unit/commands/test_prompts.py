"""Questions of yes and no at the process's own terminal, here a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jupyter_ssh.commands import terminal
from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.commands.prompts import TerminalPrompts
from jupyter_ssh.ssh.errors import PromptUnavailable

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to it is typed at the terminal."""
    keyboard, screen = os.openpty()

    @contextmanager
    def controlling_terminal() -> Iterator[int]:
        yield screen

    monkeypatch.setattr(terminal, "controlling_terminal", controlling_terminal)
    yield keyboard
    os.close(keyboard)
    os.close(screen)


@pytest.mark.parametrize(
    ("default", "typed", "agreed"),
    [
        (False, "yes\n", True),
        (False, "\n", False),
        (True, "\n", True),
        (True, "n\n", False),
        (False, "perhaps\ny\n", True),
        (True, "\x04", False),  # end of input: nobody has agreed
    ],
)
async def test_yes_and_no(keyboard: int, default: bool, typed: str, agreed: bool) -> None:
    prompts = TerminalPrompts(Messages("QUIET"))
    asked = asyncio.create_task(prompts.confirm("Use the key\x1b[2J?", default))
    shown = b""
    for line in typed.splitlines(keepends=True):
        while not shown.endswith((b"] ", b": ")):
            shown += await asyncio.to_thread(os.read, keyboard, 1000)
        if shown.startswith(b"Use"):
            assert shown == f"Use the key?[2J? (yes/no) [{'yes' if default else 'no'}] ".encode()
        shown = b"-"
        os.write(keyboard, line.encode())
    assert await asked is agreed


async def test_without_a_terminal_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def none() -> Iterator[None]:
        yield None

    monkeypatch.setattr(terminal, "controlling_terminal", none)
    with pytest.raises(PromptUnavailable):
        await TerminalPrompts(Messages()).confirm("Use the key?")
