"""Cells that run %ssh, as a person sees them: in JupyterLab and in Notebook 7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.lab import Lab, high_page, open_notebook, run_cells, write_notebook

LOAD = "%load_ext jupyter_ssh"
PARAMETERS = "1;" * 400_000
HEAVY = {
    "parameters": f"\x1b[{PARAMETERS}mx",
    "parameters behind an ESC that is written last": f"X[{PARAMETERS}m\r\x1b",
    "parameters behind what is erased": f"\x1b[X\b{PARAMETERS}mx",
    "returns": "x" * 300_000 + "\n" + "x\r" * 300_000,
    "backspaces": "x" * 300_000 + "\n" + "x\b" * 300_000,
    "combining characters": "a" + "\u0301" * 400_000,
    "colours": "\x1b[7mx\x1b[0my" * 75_000,
}
"""Output of less than a megabyte each that takes JupyterLab, or the browser, minutes."""
ASK = "%ssh -o PubkeyAuthentication=no -o UserKnownHostsFile=known demo echo in"
NOTEBOOKS = {
    "plain.ipynb": [LOAD, "%ssh demo", "%ssh . echo $((6 * 7))"],
    "interrupt.ipynb": [LOAD, "%ssh demo 'echo ready; sleep 60'"],
    "flood.ipynb": [LOAD, "r = %ssh demo 'yes | head -c 50000000'", "print(f'{len(r.stdout)} bytes')"],
    "question.ipynb": [LOAD, ASK],
    "complete.ipynb": [LOAD + "\nimport jupyter_ssh", "%ssh de"],
}


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    for name, cells in NOTEBOOKS.items():
        write_notebook(shared_lab.folder / name, cells)
    return shared_lab


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    page = high_page(context)
    yield page
    page.close()


def wait_for(page: Any, text: str) -> None:
    """Wait until an output shows ``text``."""
    page.wait_for_function(
        "text => [...document.querySelectorAll('.jp-OutputArea')].some(area => area.innerText.includes(text))",
        arg=text,
    )


@pytest.mark.parametrize("address", [Lab.address, Lab.notebook_address])
def test_cells_run_and_show_their_output(page, lab, address):
    open_notebook(page, address(lab, "plain.ipynb"))
    run_cells(page)
    wait_for(page, "42")
    assert page.locator(".jssh-card").count() == 1


def test_the_stop_button_interrupts(page, lab):
    open_notebook(page, lab.address("interrupt.ipynb"))
    run_cells(page)
    wait_for(page, "ready")
    page.locator("[data-command='notebook:interrupt-kernel'] , [data-jp-item-name=interrupt]").first.click()
    wait_for(page, "KeyboardInterrupt")


def test_a_flood_neither_kills_the_page_nor_the_result(page, lab):
    open_notebook(page, lab.address("flood.ipynb"))
    run_cells(page)
    wait_for(page, "is not shown;")
    wait_for(page, "50000000 bytes")
    assert page.evaluate("() => document.querySelector('.jp-Notebook').innerText.includes('rate exceeded')") is False


DRAWN = """number => {
  const {node} = window.jupyterapp.shell.currentWidget.content.widgets[number];
  return node.isConnected && node.querySelector('.jp-OutputArea-output')?.innerText;
}"""


def wait_until_still_there(page: Any) -> None:
    """Wait until the last cell's output is there and the page answers, with all of it drawn."""
    wait_for(page, "still there")
    assert page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => setTimeout(() => drawn(true))))")


def test_no_output_stops_the_page_nor_stops_it_again_when_the_notebook_is_opened(page, context, lab, tmp_path):
    cells = [LOAD]
    for number, text in enumerate(HEAVY.values()):
        file = tmp_path / f"{number}"
        file.write_text(text, encoding="utf-8", newline="")
        cells.append(f"%ssh demo cat {file}")
    write_notebook(lab.folder / "heavy.ipynb", [*cells, "%ssh demo echo st''ill there"])
    open_notebook(page, lab.address("heavy.ipynb"))
    run_cells(page)
    wait_until_still_there(page)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.goto("about:blank")
    again = high_page(context)
    open_notebook(again, lab.address("heavy.ipynb"))
    for number in range(1, len(HEAVY) + 2):
        # What is far from the place that is seen is not drawn.
        again.evaluate("number => { window.jupyterapp.shell.currentWidget.content.scrollToItem(number); }", number)
        again.wait_for_function(DRAWN, arg=number)
    wait_until_still_there(again)
    again.close()


def test_a_host_key_and_a_password_are_asked_for_below_the_cell(page, lab, shared_remote):
    remote = shared_remote
    open_notebook(page, lab.address("question.ipynb"))
    run_cells(page)
    wait_for(page, remote.host_key_fingerprint)
    question = page.locator("input.jp-Stdin-input:not([type=password])")
    question.fill("yes")
    question.press("Enter")
    password = page.locator("input.jp-Stdin-input[type=password]")
    password.fill(remote.password)
    password.press("Enter")
    wait_for(page, "\nin")
    assert remote.password not in page.content()


def test_tab_completes_a_host(page, lab):
    open_notebook(page, lab.address("complete.ipynb"))
    run_cells(page)
    wait_for(page, "does not resolve")  # "de" is no host: the extension is loaded by then
    page.locator(".jp-Cell .cm-content").nth(1).click()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.wait_for_selector(".jp-Completer-item:has-text('demo')")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.jp-Cell .cm-content')[1].innerText.includes('%ssh demo')")
