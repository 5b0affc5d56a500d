"""A question that is about no terminal, asked on the page while the person works elsewhere on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab, open_notebook, run_cells, write_notebook
from tests.browser.terminals import end_all, wait_for_state

SECRET = "correct horse"
ASK = """
import asyncio
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.place.page_prompts import page_prompts

async def ask():
    while page_prompts() is None:  # the page connects for its terminal
        await asyncio.sleep(0.05)
    return await page_prompts().ask_secret("Password for nobody's terminal: ")

print("length:", len(get_engine().call(ask)))
"""


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    write_notebook(shared_lab.folder / "asks.ipynb", ["%load_ext jupyter_ssh", "%ssh_terminal demo", ASK])
    return shared_lab


def test_a_question_of_no_terminal_is_asked_on_the_page_and_takes_the_focus_from_nobody(context, lab, tmp_path: Path):
    page = context.new_page()
    open_notebook(page, lab.address("asks.ipynb"))
    run_cells(page)
    wait_for_state(page, "connected")
    panel = page.get_by_role("dialog", name="Log in")
    panel.wait_for()
    page.screenshot(path=tmp_path / "question.png")
    print(f"to look at: {tmp_path / 'question.png'}")
    assert not panel.evaluate("panel => panel.contains(document.activeElement)")
    field = panel.get_by_label("Password for nobody's terminal:")
    field.fill(SECRET)
    field.press("Enter")
    page.wait_for_selector(f".jp-OutputArea-output:has-text('length: {len(SECRET)}')", state="attached")
    panel.wait_for(state="detached")
    assert SECRET not in page.content()
    end_all(page)
    page.close()
