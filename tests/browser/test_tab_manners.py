"""How a tab gets on with the rest of JupyterLab: the launcher, Lab's own dialogs, a person who takes their time."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, end_host, read_place
from tests.browser.lab import Lab
from tests.browser.terminals import SHOWN, TAB, focus, open_lab, open_terminal, run, wait_for_state
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def lab_page(context: Any, lab: Lab) -> Any:
    """A small one."""
    page = context.new_page()
    page.set_viewport_size({"width": 760, "height": 700})
    open_lab(page, lab, "manners")
    return page


def test_a_tab_takes_the_place_of_the_launcher_however_long_the_choice_took(page: Any, lab: Lab) -> None:
    page.locator(".jp-LauncherCard:has-text('SSH Terminal')").click()
    page.wait_for_selector(".jssh-Hosts-item")
    end_host(lab.runtime)  # as it does by itself when nobody needs it for a minute
    wait_until(lambda: read_place(lab.runtime / FOLDER, HOST_PLACE) is None, "the host ends")
    page.keyboard.type("demo")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_for_state(page, "connected")
    assert page.locator(".jp-Launcher").count() == 0
    focus(page)
    run(page, "echo th''ere", "\nthere")


def test_all_that_the_strip_says_is_seen(page: Any) -> None:
    page.evaluate(
        "() => { window.jupyterapp.commands.execute('jupyter-ssh:open-terminal', {host: 'ssh://127.0.0.1:9'}); }"
    )
    wait_for_state(page, "lost")
    strip = page.locator(f"{SHOWN} .jssh-Strip")
    assert "127.0.0.1 port 9" in strip.inner_text()
    line = page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.jssh-Strip-text')).lineHeight)")
    words = strip.locator(".jssh-Strip-text").bounding_box()
    assert words["height"] > 1.5 * line, "it needs more than one line here"
    # Lab lays out anew in a later frame.
    page.wait_for_function(
        f"""() => {{
          const [strip, words, screen] = ['.jssh-Strip', '.jssh-Strip-text', '.jssh-Terminal']
            .map(part => document.querySelector(`{SHOWN} ${{part}}`));
          return strip.scrollHeight <= strip.offsetHeight &&
            words.getBoundingClientRect().bottom <= screen.getBoundingClientRect().top;
        }}"""
    )


def test_labs_dialog_of_a_lost_connection_goes_when_the_connection_is_back(page: Any) -> None:
    open_terminal(page)
    page.context.set_offline(True)
    page.evaluate("() => { window.jupyterapp.serviceManager.sessions.refreshRunning().catch(() => undefined); }")
    page.wait_for_selector(".jp-Dialog")
    page.wait_for_function("() => document.querySelector('.jp-Dialog').contains(document.activeElement)")
    wait_for_state(page, "lost")
    page.context.set_offline(False)
    wait_for_state(page, "connected")
    page.wait_for_selector(".jp-Dialog", state="detached")
    page.wait_for_function(f"() => ({TAB}).node.contains(document.activeElement)")
    run(page, "echo he''ard", "\nheard")


def test_the_dot_stays_in_a_narrow_toolbar(page: Any) -> None:
    open_terminal(page, "ssh://box")
    wide = page.viewport_size
    page.set_viewport_size({"width": 420, "height": 500})
    page.wait_for_function(f"() => ({TAB}).node.offsetWidth < 330")
    for part in (".jssh-Status", ".jssh-Dot", ".jssh-Status-host", ".jssh-Reconnect"):
        page.locator(f"{SHOWN} > .jp-Toolbar {part}").wait_for()
    status, button = (page.locator(f"{SHOWN} > .jp-Toolbar {part}") for part in (".jssh-Status", ".jssh-Reconnect"))
    assert status.bounding_box()["x"] + status.bounding_box()["width"] <= button.bounding_box()["x"]
    page.set_viewport_size(wide)


@pytest.mark.parametrize(("style", "least"), [("30;42", 4.5), ("7", 15)])
def test_what_stands_on_a_colour_can_be_read(page: Any, style: str, least: float) -> None:
    open_terminal(page)
    run(page, f"printf '\\033[{style}mleg%s\\033[0m\\n' ible", "\nlegible")
    span = page.locator(f"{SHOWN} .xterm-rows").get_by_text("legible", exact=True)  # drawn a frame after it is read
    ratio = span.evaluate(
        """span => {
          const luminance = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(part => part / 255)
              .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const style = getComputedStyle(span);
          const [low, high] = [style.color, style.backgroundColor].map(luminance).sort((a, b) => a - b);
          return (high + 0.05) / (low + 0.05);
        }"""
    )
    assert ratio >= least


def test_the_running_panel_lists_what_another_page_has_opened(page: Any, context: Any, lab: Lab) -> None:
    open_terminal(page)
    open_terminal(page)
    other = context.new_page()
    open_lab(other, lab, "running")
    other.evaluate("() => { window.jupyterapp.shell.activateById('jp-running-sessions'); }")
    items = other.locator(".jp-RunningSessions-item:has-text('demo')")
    items.nth(1).wait_for()
    labels = items.locator(".jp-RunningSessions-itemLabel").all_inner_texts()
    assert len(set(labels)) == len(labels) > 1, "sessions of one host are told apart"
    items.last.click()
    wait_for_state(other, "connected")
    other.close()
