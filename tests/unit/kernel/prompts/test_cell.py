"""Questions of yes and no in a cell."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import pytest

from jupyter_ssh.kernel.cells.page_limits import MOST_MARKS
from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.prompts.cell import StdinPrompts
from jupyter_ssh.ssh.errors import PromptUnavailable


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


@pytest.mark.parametrize(
    ("default", "typed", "agreed"),
    [
        (False, ["yes"], True),
        (False, [" Y "], True),
        (False, [""], False),
        (True, [""], True),
        (True, ["no"], False),
        (True, ["N"], False),
        (False, ["what?", "yes"], True),
        (True, ["what?", "why?", "who?"], False),  # whatever the default: nobody has agreed
    ],
)
def test_yes_and_no(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    default: bool,
    typed: list[str],
    agreed: bool,
) -> None:
    asked: list[str] = []
    answers = iter(typed)

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr(builtins, "input", answer)
    assert engine.call(lambda: StdinPrompts().confirm("Use the key\x1b[2J?", default)) is agreed
    assert capsys.readouterr().out == "Use the key?[2J?\n"
    assert len(asked) == len(typed)
    assert ("(yes)" if default else "(no)") in asked[0]


def test_without_a_cell_there_is_no_answer(engine: Engine) -> None:
    with pytest.raises(PromptUnavailable, match="no cell is waiting"):
        engine.submit(lambda: StdinPrompts().confirm("Use the key?")).result(60)


def test_what_a_server_says_takes_a_page_no_minutes_to_draw(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda prompt: asked.append(prompt) or "answer")
    marks = "\u0301" * 100_000
    answers = StdinPrompts().keyboard_interactive("", f"a{marks}b", [(f"a{marks}c ", True)])
    assert engine.call(lambda: answers) == ["answer"]
    assert capsys.readouterr().out == f"a{marks[:MOST_MARKS]}b\n"
    assert asked == [f"a{marks[:MOST_MARKS]}c "]
