"""The screen stays: over a reload of the page and a cut of the network, with full-screen programs too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.browser.lab import MILLISECONDS
from tests.browser.terminals import (
    XTERM,
    cells,
    end_all,
    focus,
    open_lab,
    open_terminal,
    reload,
    run,
    session,
    text,
    wait_for_state,
    wait_for_text,
)
from tests.support.peers import require_tool


@pytest.fixture
def page(lab_page: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page with one terminal, a new one for each test; its parameter names the host."""
    open_terminal(lab_page, getattr(request, "param", "demo"))
    yield lab_page
    end_all(lab_page)


def test_a_shell_is_the_same_after_a_reload(page, lab):
    lines = 'for i in $(seq 1 300); do printf "\\033[3$((i % 8))mline $i\\033[0m\\n"; done'
    run(page, f"{lines}; echo fin''ished", "finished\n$")  # with the prompt behind it
    before, which = cells(page), session(page)
    reload(page, lab)
    assert session(page) == which
    assert cells(page) == before
    focus(page)
    run(page, "echo go''es on", "goes on")
    assert text(page).count("line 299") == 1


# Its status line would change by itself, each minute and with each program.
NO_CLOCK = "\\; set -g status-right right \\; setw -g automatic-rename off"
PROGRAMS = {
    "vim": ("vim -u NONE -c 'set mouse=a number' -c 'syntax on' new.c", "~", ":q!\n"),
    "less": ("seq 1 2000 | less -N", "\n     20", "q"),
    "htop": ("sh -c 'htop; true'", "Load average", "q"),
    "tmux": (f"tmux -L jssh-test-$$ new -n calm 'exec bash --norc' {NO_CLOCK}", "0:calm", "exit\n"),
}


@pytest.mark.parametrize(
    ("page", "program"), [("box", "vim"), ("demo", "less"), ("demo", "htop"), ("box", "tmux")], indirect=["page"]
)
def test_a_full_screen_program_is_the_same_after_a_reload(page, lab, program):
    require_tool(program, program)
    command, drawn, leave = PROGRAMS[program]
    page.keyboard.type(command + "\n")
    wait_for_text(page, drawn)
    page.keyboard.press("ArrowDown")
    settle(page)
    with standing_still(program):
        settle(page)
        before = cells(page)
        assert before["type"] == "alternate"
        reload(page, lab)
        assert cells(page) == before
    focus(page)
    page.keyboard.type(leave)
    page.wait_for_function(f"() => {XTERM}.buffer.active.type === 'normal'")
    run(page, "echo le''ft", "left")
    assert text(page).count("ready") >= 1


@contextmanager
def standing_still(program: str) -> Iterator[None]:
    """htop draws by itself: it is stopped meanwhile. Its shell, which is not the terminal's, does not notice."""
    family = psutil.Process().children(recursive=True) if program == "htop" else []
    found = [process for process in family if process.name() == "htop"]
    for process in found:
        process.suspend()
    try:
        yield
    finally:
        for process in found:
            process.resume()


def settle(page: Any) -> None:
    """Wait until what was typed has been answered: the screen is the same in two looks, with nothing on its way."""
    page.evaluate(
        """async () => {
          const tab = [...window.jupyterapp.shell.widgets('main')].find(w => w.hasClass('jssh-Tab') && w.isVisible);
          for (let last = -1; ;) {
            const now = tab.view.viewer.parsed;
            if (now === last) return;
            last = now;
            await new Promise(resolve => setTimeout(resolve, 500));
          }
        }"""
    )


class Line:
    """The WebSockets between page and server, which can be cut."""

    def __init__(self, context: Any) -> None:
        self.is_cut = False
        self.open: list[Any] = []
        context.route_web_socket("**/jupyter-ssh/channels/**", self._on_socket)

    def _on_socket(self, socket: Any) -> None:
        if self.is_cut:
            socket.close(code=3000)
        else:
            socket.connect_to_server()
            self.open.append(socket)

    def cut(self) -> None:
        """End what is open, and let nothing through."""
        self.is_cut = True
        for socket in self.open:
            socket.close(code=3000)
        self.open.clear()

    def mend(self) -> None:
        self.is_cut = False


def test_a_cut_of_the_network_loses_and_doubles_nothing(browser, lab):
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(MILLISECONDS)
    line = Line(context)
    page = context.new_page()
    open_lab(page, lab, "cut")
    open_terminal(page)
    page.keyboard.type("for i in $(seq 1 40); do echo tick $i; sleep 0.1; done; echo d''one\n")
    wait_for_text(page, "tick 5")
    line.cut()
    wait_for_state(page, "lost")
    strip = page.locator(".jssh-Tab .jssh-Strip").inner_text()
    assert strip.startswith("The connection to the Jupyter server is lost.")
    assert page.locator(".jp-Dialog").count() == 0
    page.keyboard.type("echo ty''ped meanwhile\n")  # the focus has stayed where it was
    line.mend()
    # It may be back by itself before the click.
    page.evaluate("() => document.querySelector('.jssh-Strip [data-action=retry]')?.click()")
    wait_for_state(page, "connected")
    wait_for_text(page, "\ntyped meanwhile")
    found = text(page)
    assert [found.count(f"tick {number}\n") for number in range(1, 41)] == [1] * 40
    assert found.count("\ntyped meanwhile") == 1
    end_all(page)
    context.close()
