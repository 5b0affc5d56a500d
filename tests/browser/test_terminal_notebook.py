"""%ssh_terminal in a notebook: its tab and its output."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.browser.lab import Lab, open_notebook, run_cells, write_notebook
from tests.browser.terminals import SHOWN, end_all, focus, run, session, wait_for_state, wait_for_text
from tests.notebook.kernels import ROOT

CELLS = ["%load_ext jupyter_ssh", "%ssh_terminal demo"]
INLINE = ["%load_ext jupyter_ssh", "%ssh_terminal --inline demo"]


NOTEBOOKS = {"tab.ipynb": CELLS, "inline.ipynb": INLINE, "restart.ipynb": CELLS}


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    for name, cells in NOTEBOOKS.items():
        write_notebook(shared_lab.folder / name, cells)
    quickstart = nbformat.read(ROOT / "notebooks" / "quickstart.ipynb", as_version=4)
    quickstart.cells[0].source += " [Another](ssh://mallory@198.51.100.7:2222)"  # as a stranger may have written it
    nbformat.write(quickstart, shared_lab.folder / "quickstart.ipynb")
    return shared_lab


def test_a_click_on_the_quickstart_opens_a_terminal_beside_it(context, lab):
    page = context.new_page()
    open_notebook(page, lab.address("quickstart.ipynb"))
    link = page.locator("a[href='ssh://demo']").first
    link.dblclick()  # as some people do with everything
    wait_for_state(page, "connected")
    page.keyboard.type("echo he''re\n")  # the focus is there
    wait_for_text(page, "\nhere")
    notebook, terminal = (page.locator(each).bounding_box() for each in (".jp-NotebookPanel", ".jssh-Tab"))
    assert notebook["x"] + notebook["width"] <= terminal["x"]
    link.click()
    page.wait_for_selector(".jssh-Tab >> nth=1", state="attached")
    assert page.locator(".jssh-Tab:not(.lm-mod-hidden)").count() == 1, "in the first one's place"
    wait_for_state(page, "connected")
    assert page.locator(".jssh-Tab").count() == 2
    page.locator("a:has-text('Another')").click()  # a machine that no file of the person's names
    page.wait_for_selector(".jssh-Hosts-item, .jssh-Hint:has-text('No known host')")
    assert page.locator(".jssh-Chooser input").input_value() == "ssh://mallory@198.51.100.7:2222"
    page.keyboard.press("Escape")
    page.wait_for_selector(".jp-Dialog", state="detached")
    assert page.locator(".jssh-Tab").count() == 2
    end_all(page)
    page.close()


def test_a_tab_opens_once_and_is_found_from_its_output(context, lab):
    page = context.new_page()
    open_notebook(page, lab.address("tab.ipynb"))
    run_cells(page)
    wait_for_state(page, "connected")
    focus(page)
    run(page, "for i in $(seq 1 5000); do echo line $i of many; done; echo a''ll", "\nall")
    wait_for_text(page, "line 5000 of many")
    which = session(page)
    # The output has a button that leads to the tab; no second one is opened.
    page.evaluate("""() => {
      const shell = window.jupyterapp.shell;
      shell.activateById([...shell.widgets('main')].find(w => w.title.label.endsWith('.ipynb')).id);
    }""")
    page.get_by_role("button", name="Show the terminal").click()
    wait_for_state(page, "connected")
    assert session(page) == which
    assert page.evaluate("() => document.querySelectorAll('.jssh-Tab').length") == 1
    # Beside the notebook it is where the next one opens.
    page.evaluate("""() => {
      const shell = window.jupyterapp.shell, widgets = [...shell.widgets('main')];
      const [notebook, tab] = [/ipynb$/, /^demo/].map(name => widgets.find(w => name.test(w.title.label)));
      shell.add(tab, 'main', { mode: 'split-right', ref: notebook.id });
      shell.activateById(notebook.id);
    }""")
    run_cells(page)
    page.wait_for_selector(".jssh-Tab >> nth=1", state="attached")
    page.wait_for_function("() => document.querySelectorAll('.jssh-Tab:not(.lm-mod-hidden)').length === 1")
    wait_for_state(page, "connected")
    assert session(page) != which
    notebook, terminal = (page.locator(each).bounding_box() for each in (".jp-NotebookPanel", SHOWN))
    assert notebook["x"] + notebook["width"] <= terminal["x"]
    end_all(page)


def test_inline_the_terminal_is_in_the_output(context, lab, tmp_path: Path):
    page = context.new_page()
    open_notebook(page, lab.address("inline.ipynb"))
    run_cells(page)
    page.wait_for_selector(".jssh-Inline .jssh-Status[data-state=connected]")
    page.locator(".jssh-Inline .xterm-screen").click()
    page.keyboard.type("echo $((6*7)) in dd b\n")  # no shortcut of the notebook's: no cell is cut or made
    page.wait_for_function("() => document.querySelector('.jssh-Inline .xterm-rows').innerText.includes('42 in dd b')")
    assert page.locator(".jp-Cell").count() == len(INLINE)
    page.screenshot(path=tmp_path / "inline.png")
    print(f"to look at: {tmp_path / 'inline.png'}")
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    page.wait_for_selector(".jssh-Inline .jssh-Status[data-state=lost]")
    shown = page.locator(".jssh-Inline button:visible")
    assert shown.all_inner_texts() == ["New session"], "what needs a tab, or a session, is not offered"
    page.close()


def test_after_a_restart_of_the_kernel_the_screen_stays_and_a_new_session_is_a_click_away(context, lab):
    page = context.new_page()
    open_notebook(page, lab.address("restart.ipynb"))
    run_cells(page)
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo bef''ore", "\nbefore")
    page.evaluate("""() => {
      const notebook = [...window.jupyterapp.shell.widgets('main')].find(w => w.title.label.endsWith('.ipynb'));
      notebook.sessionContext.session.kernel.restart();
    }""")
    wait_for_state(page, "lost")
    assert "The kernel has ended" in page.locator(".jssh-Tab .jssh-Strip").inner_text()
    wait_for_text(page, "\nbefore")
    page.get_by_role("button", name="New session").click()
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo af''ter", "\nafter")
    end_all(page)
