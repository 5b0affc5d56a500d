"""A terminal tab in JupyterLab: typing, drawing, keys, clipboard, sizes, floods, closing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.terminals import (
    SHOWN,
    TAB,
    XTERM,
    cells,
    end_all,
    focus,
    open_lab,
    open_terminal,
    run,
    session,
    sessions_of,
    smaller_than,
    text,
    wait_for_prompt,
    wait_for_state,
    wait_for_text,
)
from tests.support.processes import wait_until

# Every colour that text is written in, with its contrast to the background (WCAG 2.2, 1.4.3).
CONTRAST = f"""() => {{
  const luminance = hex => {{
    const [r, g, b] = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }};
  const full = hex => hex.length === 4 ? '#' + [...hex.slice(1)].map(c => c + c).join('') : hex;
  const style = getComputedStyle(document.body);
  const background = full(style.getPropertyValue('--jp-layout-color0').trim().replace('white', '#ffffff'));
  const colours = {XTERM}.options.theme, readable = /^(bright)?(red|green|yellow|blue|magenta|cyan|white)$/i;
  return Object.keys(colours).filter(name => readable.test(name)).map(name => {{
    const [low, high] = [luminance(colours[name]), luminance(background)].sort((a, b) => a - b);
    return [name, (high + 0.05) / (low + 0.05)];
  }});
}}"""


@pytest.fixture
def page(lab_page: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page with one terminal, a new one for each test; its parameter names the host."""
    lab_page.set_viewport_size({"width": 1280, "height": 860})
    open_terminal(lab_page, getattr(request, "param", "demo"))
    yield lab_page
    end_all(lab_page)


ON_BOTH = pytest.mark.parametrize("page", ["demo", "box"], indirect=True)


def wait_for_label(page: Any, wanted: str) -> None:
    """Wait until the tab in front is called so."""
    page.wait_for_function(
        "wanted => document.querySelector('.lm-mod-current.jssh-TabLabel')?.innerText.includes(wanted)", arg=wanted
    )


@ON_BOTH
def test_what_is_typed_is_run_and_drawn_with_colours_and_wide_characters(page):
    run(page, "printf '\\033[1;31mred\\033[0m \\346\\274\\242e\\314\\201 done%s\\n' 1", "done1")
    row = next(row for row in cells(page)["rows"] if "漢" in row).split("\n")
    assert row[0].startswith("r|1|16777216,1,")
    wide = next(index for index, cell in enumerate(row) if cell.startswith("漢"))
    assert row[wide].startswith("漢|2|")
    assert row[wide + 1].startswith("|0|")
    assert row[wide + 2].startswith("e\u0301|1|")


@ON_BOTH
def test_the_remote_has_the_size_of_the_tab(page):
    before = cells(page)["size"]
    run(page, "echo size: $(stty size)", f"size: {before[0]} {before[1]}")
    page.set_viewport_size({"width": 900, "height": 600})
    rows, cols = smaller_than(page, before)
    run(page, "echo now: $(stty size)", f"now: {rows} {cols}")


def test_control_keys_reach_the_program_and_not_lab(page):
    run(page, "stty -icanon -iexten -echo; echo r''aw; cat -v", "\nraw")
    for key in "bdwefgkp":
        page.keyboard.press(f"Control+{key}")
    page.keyboard.type("end\n")
    wait_for_text(page, "^B^D^W^E^F^G^K^Pend")
    assert page.evaluate("() => !window.jupyterapp.shell.leftCollapsed")
    page.keyboard.press("Control+c")
    wait_for_prompt(page)
    run(page, "stty sane; echo ba''ck", "back")


def test_copy_and_paste_with_keys_and_menu(page):
    run(page, "echo copy''me", "copyme")
    page.evaluate(
        f"""() => {{
          const xterm = {XTERM}, buffer = xterm.buffer.active;
          for (let y = 0; y < buffer.length; y++)
            if (buffer.getLine(y).translateToString(true) === 'copyme') xterm.select(0, y, 6);
        }}"""
    )
    page.keyboard.press("Control+Shift+C")
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == "copyme", "it is in the clipboard")
    page.evaluate("text => navigator.clipboard.writeText(text)", "echo pas''ted")
    page.locator(".jssh-Tab:not(.lm-mod-hidden) .xterm-screen").click(button="right")
    page.locator(".lm-Menu-item:has-text('Paste')").click()
    wait_for_text(page, "$ echo pas''ted")
    page.keyboard.press("Enter")
    wait_for_text(page, "\npasted")


def place_of(page: Any, wanted: str, along: float = 0.5) -> tuple[float, float]:
    """Where on the page a text of the screen is: a point in its middle row, ``along`` its length."""
    found = page.evaluate(
        f"""([wanted, along]) => {{
          const xterm = {XTERM}, buffer = xterm.buffer.active;
          const box = xterm.element.querySelector('.xterm-screen').getBoundingClientRect();
          for (let y = 0; y < xterm.rows; y++) {{
            const x = buffer.getLine(buffer.viewportY + y)?.translateToString(true).indexOf(wanted) ?? -1;
            if (x >= 0)
              return [box.x + (x + along * wanted.length) * box.width / xterm.cols,
                      box.y + (y + 0.5) * box.height / xterm.rows];
          }}
        }}""",
        [wanted, along],
    )
    return found[0], found[1]


def test_copy_and_paste_with_the_mouse_and_the_usual_keys(page):
    run(page, "echo ta''ke me", "take me")
    page.mouse.move(*place_of(page, "take me", 0.02))
    page.mouse.down()
    page.mouse.move(*place_of(page, "take me", 0.98), steps=4)
    page.mouse.up()
    page.keyboard.press("Control+c")  # with a selection it copies
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == "take me", "it is in the clipboard")
    page.mouse.click(*place_of(page, "ready"))  # which takes the selection away
    page.keyboard.type("echo [")
    page.keyboard.press("Control+v")
    page.keyboard.type("]\n")
    wait_for_text(page, "\n[take me]")
    run(page, "sh -c 'echo st\"\"arted; exec cat'; echo be''hind", "\nstarted")
    page.keyboard.press("Control+c")  # without one it interrupts
    wait_for_prompt(page)
    run(page, "echo int''errupted", "interrupted")
    assert "behind" not in text(page)


def test_a_link_is_opened_by_a_click(page, context, lab):
    link = f"{lab.url}api?from=terminal"
    run(page, f"echo see {link[:7]}''{link[7:]} there", f"see {link}")
    page.mouse.move(*place_of(page, link, 0.4))
    page.wait_for_selector(".xterm-cursor-pointer")
    with context.expect_page() as opened:
        page.mouse.click(*place_of(page, link, 0.5))
    opened.value.wait_for_url(link)
    opened.value.close()


def test_a_link_behind_a_text_is_shown_before_it_is_opened(page, context, lab):
    link = f"{lab.url}api?from=hidden"
    run(page, f"printf '\\033]8;;{link}\\033\\\\harm%s\\033]8;;\\033\\\\\\n' less", "\nharmless")
    page.mouse.move(*place_of(page, "harmless"))
    page.wait_for_selector(f".jssh-Terminal[title='{link}']")
    page.mouse.click(*place_of(page, "harmless"))
    assert page.locator(".jssh-Address code").inner_text() == link
    with context.expect_page() as opened:
        page.get_by_role("button", name="Open", exact=True).click()
    opened.value.wait_for_url(link)
    opened.value.close()


def test_find_is_labs(page):
    run(page, "for i in 1 2 3; do echo nee''dle $i; done", "needle 3")
    page.keyboard.press("Control+Shift+f")
    page.wait_for_selector(".jp-DocumentSearch-input:focus")
    page.keyboard.type("needle")
    page.wait_for_function("() => document.querySelector('.jp-DocumentSearch-index-counter')?.innerText.endsWith('/3')")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => {XTERM}.getSelection() === 'needle'")
    page.keyboard.press("Escape")
    page.wait_for_selector(".jp-DocumentSearch-input", state="detached")
    focus(page)
    run(page, "echo ba''ck", "back")


def test_the_bell_is_seen(page):
    page.evaluate(
        f"""() => {{
          window.bells = 0;
          const node = ({TAB}).content.node;
          new MutationObserver(() => {{ window.bells += node.classList.contains('jssh-mod-bell') ? 1 : 0; }})
            .observe(node, {{attributes: true, attributeFilter: ['class']}});
        }}"""
    )
    run(page, "printf '\\a'; echo ru''ng", "rung")
    page.wait_for_function("() => window.bells > 0")


def test_the_remote_cannot_reach_the_clipboard_and_its_title_is_text(page):
    page.evaluate("navigator.clipboard.writeText('mine')")
    run(page, "printf '\\033]52;c;c3RvbGVu\\007\\033]0;<b>title</b>\\007do%s\\n' ne", "done")
    wait_for_label(page, "<b>title")
    assert page.evaluate("navigator.clipboard.readText()") == "mine"
    assert page.locator(".jssh-TabLabel b").count() == 0
    run(page, "printf '\\033]0;%300s\\007long%s\\n' x er | tr ' ' y", "longer")
    wait_for_label(page, "yyy")
    assert len(page.locator(".lm-mod-current.jssh-TabLabel").inner_text()) <= 60


@ON_BOTH
def test_a_flood_is_interrupted_at_once(page):
    run(page, "yes floooooooooooood", "floooooooooooood\n" * 100)
    page.wait_for_function(f"() => ({TAB}).view.viewer.parsed > 3_000_000")
    page.keyboard.press("Control+c")
    wait_for_text(page, "^C")
    wait_for_prompt(page)
    run(page, "echo a''live", "alive")


def test_a_flood_leaves_nothing_undrawn(page):
    """While it lasts rows are drawn now and then, a part of them in each frame."""
    run(page, "seq 1000000; echo a''ll", "\nall\n$")
    page.wait_for_function(f"""() => {{
      const rows = [...document.querySelectorAll("{SHOWN} .xterm-rows > div")].map(row => row.innerText.trimEnd());
      const buffer = {XTERM}.buffer.active;
      return rows.length === {XTERM}.rows && rows.at(-2) === 'all' &&
        rows.every((row, y) => row === buffer.getLine(buffer.viewportY + y).translateToString(true).trimEnd());
    }}""")


def test_two_pages_look_at_one_session(page, context, lab):
    which = session(page)
    other = context.new_page()
    open_lab(other, lab, "second")
    other.set_viewport_size({"width": 900, "height": 600})
    other.evaluate(
        "args => { window.jupyterapp.commands.execute('jupyter-ssh:open-session', args); }",
        {"place": "host", "session": which},
    )
    wait_for_state(other, "connected")
    wait_for_text(other, "ready")
    focus(other)
    run(other, "echo from the se''cond", "from the second")
    wait_for_text(page, "from the second")
    page.bring_to_front()
    focus(page)
    run(page, "echo and ba''ck", "\nand back\n$")
    wait_for_text(other, "\nand back\n$")
    assert cells(page)["rows"] == cells(other)["rows"]
    other.close()


def test_a_session_that_was_left_running_is_opened_from_the_running_panel(page, lab):
    which = session(page)
    cross = page.locator(".lm-mod-current.jssh-TabLabel .lm-TabBar-tabCloseIcon")
    run(page, "echo I st''ay", "I stay")
    cross.click()
    page.get_by_role("button", name="Cancel").click()
    assert session(page) == which
    page.wait_for_function(f"() => ({TAB}).node.contains(document.activeElement)")
    cross.click()
    page.get_by_role("button", name="Leave it running").click()
    page.wait_for_selector(".jssh-Tab", state="detached")
    assert which in sessions_of(page, lab)
    page.evaluate("() => { window.jupyterapp.shell.activateById('jp-running-sessions'); }")
    page.locator(".jp-RunningSessions-item:has-text('demo')").last.click()
    wait_for_state(page, "connected")
    wait_for_text(page, "I stay")
    cross.click()
    page.get_by_role("button", name="End it").click()
    page.wait_for_selector(".jssh-Tab", state="detached")
    wait_until(lambda: which not in sessions_of(page, lab), "the session has ended")


def test_an_ended_shell_leaves_its_screen_and_a_new_one_is_a_click_away(page):
    run(page, "echo last w''ords", "last words")
    page.keyboard.type("exit 3\n")
    wait_for_state(page, "ended")
    assert "last words" in text(page)
    page.get_by_role("button", name="New session").click()
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo once m''ore", "once more")
    assert "last words" in text(page)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_theme_is_followed(page, tmp_path: Path, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    colours = 'for i in $(seq 0 15); do printf "\\033[38;5;${i}mcolour $i "; done; echo'
    run(page, f"{colours}; ls --color /; echo d''one", "done")
    page.screenshot(path=tmp_path / "theme.png")
    print(f"to look at: {tmp_path / 'theme.png'}")
    found = page.evaluate(CONTRAST)
    assert len(found) == 14
    assert [(name, ratio) for name, ratio in found if ratio < 4.5] == []
