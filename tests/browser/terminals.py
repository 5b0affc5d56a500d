"""SSH terminals on a page of JupyterLab: opening them, typing, and what is on their screens."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.browser.lab import SECONDS, Lab
from tests.notebook.kernels import ROOT
from tests.support.processes import wait_until

# The tab of a session that is in front, and its terminal of xterm.js.
TAB = """(() => [...window.jupyterapp.shell.widgets('main')].find(w => w.hasClass('jssh-Tab') && w.isVisible))()"""
SHOWN = ".jssh-Tab:not(.lm-mod-hidden)"
XTERM = f"({TAB})?.content?._term"

# Every row of the screen and the scroll-back, with what each cell looks like, and the state behind them.
CELLS = """
() => {
  const xterm = XTERM, core = xterm._core, buffer = xterm.buffer.active;
  const rows = [];
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y);
    let row = '';
    for (let x = 0; x < line.length; x++) {
      const cell = line.getCell(x), chars = cell.getChars();
      const style = chars === '' ? '' : `${cell.getFgColorMode()},${cell.getFgColor()},${cell.isBold()},` +
        `${cell.isUnderline()},${cell.isInverse()},${cell.isItalic()},${cell.isDim()},${cell.isStrikethrough()}`;
      const back = cell.isBgDefault() ? '' : `${cell.getBgColorMode()},${cell.getBgColor()}`;
      row += `${chars}|${cell.getWidth()}|${style}|${back}\\n`;
    }
    rows.push(row.replace(/(\\|1\\|\\|\\n)+$/, ''));
  }
  const inner = core.buffers.active;
  return {
    rows, type: buffer.type, cursor: [buffer.cursorX, buffer.cursorY], size: [xterm.rows, xterm.cols],
    modes: {...xterm.modes}, region: [inner.scrollTop, inner.scrollBottom],
    hidden: core.coreService.isCursorHidden, encoding: core.coreMouseService.activeEncoding
  };
}
""".replace("XTERM", XTERM)

TEXT = f"""() => {{
  const buffer = {XTERM}?.buffer.active;
  if (!buffer) return '';
  const lines = [];
  for (let y = 0; y < buffer.length; y++) lines.push(buffer.getLine(y).translateToString(true));
  return lines.join('\\n');
}}"""


# What the dots and the strips of all tabs say, and the words of a dialog.
STATES = """() => [...document.querySelectorAll('.jssh-Status, .jssh-Strip, .jp-Dialog')]
  .map(each => [each.dataset.state, each.title, each.innerText].filter(Boolean).join(': ').trim())"""


def build_labextension() -> None:
    """Make what JupyterLab loads fit the sources."""
    subprocess.run([sys.executable, ROOT / "labextension" / "hatch_build.py"], check=True, timeout=600)


def open_lab(page: Any, lab: Lab, workspace: str) -> None:
    """JupyterLab in a workspace of its own."""
    page.goto(f"{lab.url}lab/workspaces/{workspace}?token={lab.token}")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget || document.querySelector('.jp-Launcher')")


def open_terminal(page: Any, host: str = "demo") -> None:
    """A new tab on a host, as from the palette, and a shell's prompt in it."""
    tabs = page.locator(".jssh-Tab").count()
    page.evaluate("host => { window.jupyterapp.commands.execute('jupyter-ssh:open-terminal', {host}); }", host)
    # Another one may be in front, and connected, until the new one is there.
    page.wait_for_function("tabs => document.querySelectorAll('.jssh-Tab').length > tabs", arg=tabs)
    wait_for_state(page, "connected")
    focus(page)
    run(page, "PS1='$ '; PROMPT_COMMAND=; clear; echo re''ady", "ready")


def focus(page: Any) -> None:
    """Click into the terminal in front."""
    page.locator(f"{SHOWN} .xterm-screen").click()


def wait_for_state(page: Any, state: str) -> None:
    """Wait until the dot of the tab in front shows ``state``."""
    try:
        page.wait_for_selector(f"{SHOWN} .jssh-Status[data-state={state}]")
    except Exception:
        print(f"in place of {state}: {page.evaluate(STATES)}; on the screen:\n{text(page)}")
        raise


def text(page: Any) -> str:
    """The text of the screen in front, its scroll-back before it."""
    found = page.evaluate(TEXT)
    assert isinstance(found, str)
    return found


def wait_for_text(page: Any, wanted: str) -> None:
    """Wait until the screen in front shows ``wanted``."""
    try:
        page.wait_for_function(f"wanted => ({TEXT})().includes(wanted)", arg=wanted)
    except Exception:
        print(f"{page.evaluate(STATES)}; on the screen:\n{text(page)}")
        raise


def wait_for_prompt(page: Any) -> None:
    """Wait until the shell in front asks for the next command: what is typed before may be thrown away by Ctrl-C."""
    page.wait_for_function(f"() => ({TEXT})().trimEnd().endsWith('\\n$')")


def run(page: Any, command: str, wanted: str) -> None:
    """Type a command and wait for what it prints. ``wanted`` must not stand in the command itself."""
    page.keyboard.type(command + "\n")
    wait_for_text(page, wanted)


def cells(page: Any) -> dict[str, Any]:
    """What each cell looks like, with the cursor and the modes."""
    found = page.evaluate(CELLS)
    assert isinstance(found, dict)
    return found


def smaller_than(page: Any, before: list[int]) -> list[int]:
    """Rows and columns, once there are fewer of both and as many as the tab has room for."""
    page.wait_for_function(
        f"""([rows, cols]) => {{
          const xterm = {XTERM}, room = ({TAB}).content._fitAddon.proposeDimensions();
          return xterm.rows < rows && xterm.cols < cols && xterm.rows === room.rows && xterm.cols === room.cols;
        }}""",
        arg=before,
    )
    found: list[int] = cells(page)["size"]
    return found


def session(page: Any) -> str:
    """The id of the session in front."""
    found = page.evaluate(f"() => ({TAB}).view.session")
    assert isinstance(found, str)
    return found


# How often a session stands in what is saved of a page's workspace; async functions are no conditions to Playwright.
SAVED = """async ([url, wanted]) => {
  const name = location.pathname.match(/workspaces\\/([^/]+)/)[1];
  return (await (await fetch(`${url}lab/api/workspaces/${name}`)).text()).split(wanted).length - 1;
}"""


def wait_for_saved_layout(page: Any, lab: Lab, session: str) -> None:
    """Wait until JupyterLab has saved that this session has a tab on this page, and where: it does so a while after."""
    wanted = [lab.url, f"jupyter-ssh:{session}"]
    wait_until(lambda: page.evaluate(SAVED, wanted) > 1, "the layout is saved", SECONDS)


def reload(page: Any, lab: Lab) -> None:
    """Reload the page and wait until the terminal in front shows all that the session had written."""
    wait_for_saved_layout(page, lab, session(page))
    page.reload()
    wait_for_state(page, "connected")
    page.wait_for_selector(f"{SHOWN} .jssh-Terminal[data-jssh-drawn]")


def sessions_of(page: Any, lab: Lab) -> list[str]:
    """The sessions that the server lists, in all places."""
    places = page.evaluate(
        "async base => (await (await fetch(`${base}jupyter-ssh/api/terminals`)).json()).places", lab.url
    )
    return [each["session"] for place in places for each in place["sessions"]]


def end_all(page: Any) -> None:
    """End the sessions of all tabs and close the tabs."""
    page.evaluate(
        """() => {
          for (const tab of [...window.jupyterapp.shell.widgets('main')].filter(w => w.hasClass('jssh-Tab'))) {
            tab.end();
            tab.closeNow();
          }
          for (const dialog of document.querySelectorAll('.jp-Dialog')) dialog.remove();
        }"""
    )


def show(page: Any, session: str) -> None:
    """Bring the tab of a session to the front."""
    page.evaluate(
        """session => {
          const { shell } = window.jupyterapp;
          shell.activateById([...shell.widgets('main')].find(w => w.view?.session === session).id);
        }""",
        session,
    )
    page.wait_for_function(f"session => ({TAB})?.view.session === session", arg=session)
