"""Terminals in JupyterLab in Chromium: Lab's own with OpenSSH's ``ssh`` in it, and ours. What is asked of both is the
same, and what is measured is measured inside the page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _support  # noqa: F401  (makes the repository importable)
from _peers import Peer

from tests.browser.lab import FLAGS, Lab, chromium, open_notebook, running_lab, write_notebook
from tests.notebook.kernels import environment

SECONDS = 180
NOTEBOOKS = OURS_NOTEBOOK, LABS_NOTEBOOK = "ours.ipynb", "labs.ipynb"
"""Each with a workspace of its own: else a page would open, and draw, the other page's terminals too."""
LOAD_CELL, OPEN_CELL = 0, 4
PROMPT = "READY>"
NO_WEBGL = ("--disable-3d-apis",)
"""Without it, headless Chromium computes WebGL on the processor."""

PROBE = """
window.bench = (() => {
  const now = () => performance.now();
  const frame = () => new Promise(done => setTimeout(done, 0));
  const search = (widget, depth) => {
    if (!widget || depth > 5) return null;
    if (widget._term?.buffer) return widget._term;
    const inner = [widget.content, ...(widget.children ? [...widget.children()] : [])];
    for (const child of inner) { const found = search(child, depth + 1); if (found) return found; }
    return null;
  };
  const term = () => search(window.jupyterapp.shell.currentWidget, 0);
  const lines = () => {
    const buffer = term().buffer.active, shown = [];
    for (let row = 0; row < term().rows; row++)
      shown.push(buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? '');
    return shown;
  };
  const last = () => lines().filter(line => line.trim()).at(-1) ?? '';
  // What is looked for stands in the cursor's line or the one above it: nothing else is read while a flood comes in.
  const near = up => {
    const buffer = term().buffer.active;
    return buffer.getLine(buffer.baseY + buffer.cursorY - up)?.translateToString(true) ?? '';
  };
  const drawn = xterm => new Promise(done => {
    const late = setTimeout(() => { listener.dispose(); done(); }, 1000);
    const listener = xterm.onRender(() => { clearTimeout(late); listener.dispose(); done(); });
  });
  // When output has made it true and is drawn; null if that is too late.
  const comes = async (what, ms) => {
    const xterm = term();
    const came = await new Promise(done => {
      const late = setTimeout(() => { listener.dispose(); done(false); }, ms);
      const listener = xterm.onWriteParsed(() => {
        if (what()) { clearTimeout(late); listener.dispose(); done(true); }
      });
    });
    if (!came) return null;
    await drawn(xterm);
    return now();
  };
  const parsed = (changed, ms) => new Promise((done, fail) => {
    const late = setTimeout(() => { listener.dispose(); fail(new Error('no echo')); }, ms);
    const listener = term().onWriteParsed(() => {
      if (changed()) { clearTimeout(late); listener.dispose(); done(now()); }
    });
  });
  return {
    ready: () => Boolean(term()?.element),
    lines, last,
    type: text => term().input(text, true),
    prompt: async (text, ms) => {
      if (near(0).trim() === text) return;
      if (await comes(() => near(0).trim() === text, ms) === null) throw new Error('too late; last line: ' + last());
    },
    line: async (command, prompt, ms) => {
      term().input(command + '\\r', true);
      if (await comes(() => near(0).trim() === prompt, ms) === null) throw new Error('too late; last line: ' + last());
    },
    echo: async (times, ms) => {
      const took = [], buffer = term().buffer.active, enough = now() + 20000;
      for (let n = 0; n < times && (n < 5 || now() < enough); n++) {
        await new Promise(done => setTimeout(done, 20 + Math.random() * 30));
        const column = buffer.cursorX, began = now();
        const echoed = parsed(() => buffer.cursorX !== column, ms);
        term().input(n % 40 === 39 ? '\\x15' : 'x', true);
        took.push(await echoed - began);
      }
      term().input('\\x15', true);
      return took;
    },
    flood: async (command, mark, ms) => {
      let watching = true, stall = 0;
      const watch = (async () => {
        let before = now();
        while (watching) { await frame(); const at = now(); stall = Math.max(stall, at - before); before = at; }
      })();
      const began = now();
      term().input(command + '\\r', true);
      const end = await comes(() => near(0).startsWith(mark) || near(1).startsWith(mark), ms);
      watching = false;
      await watch;
      return {ms: end === null ? null : end - began, stall};
    },
    interrupt: async (command, after, prompt, ms) => {
      term().input(command + '\\r', true);
      await new Promise(done => setTimeout(done, after));
      const began = now();
      term().input('\\x03', true);
      const end = await comes(() => near(0).trim() === prompt, ms);
      return end === null ? null : end - began;
    },
    // Of Lab's renderers, the one that uses the page's elements: what is drawn on top of it is an add-on with an atlas.
    useElements: () => term()._addonManager._addons
      .find(({instance}) => typeof instance.clearTextureAtlas === 'function')?.instance.dispose(),
    heap: () => performance.memory.usedJSHeapSize,
  };
})();
"""
"""What is measured in the page. A terminal is the xterm of the current widget of Lab's shell, whoever made it."""


@dataclass
class Screen:
    """A page with a terminal in front that shows the remote's prompt."""

    page: Any
    lab: Lab
    open_another: Callable[[], None]

    def replace(self) -> None:
        """A new terminal in place of the one in front, which is given up, with what it has yet to draw."""
        self.page.evaluate(
            """async () => {
                const given = window.jupyterapp.shell.currentWidget, session = given.content?.session;
                await session?.shutdown?.();
                given.dispose();
            }"""
        )
        self.open_another()

    def call(self, expression: str) -> Any:
        """The value of ``expression`` on `window.bench`; a promise is waited for."""
        return self.page.evaluate(f"() => window.bench.{expression}")

    def probe(self) -> None:
        """Install what measures; again after a reload."""
        self.page.evaluate(PROBE)

    def line(self, text: str) -> None:
        """Type a line at the prompt and wait for the next prompt."""
        self.call(f"line({json.dumps(text)}, {json.dumps(PROMPT)}, {SECONDS * 1000})")

    def prompt(self) -> None:
        """Wait until the prompt is the last line."""
        self.call(f"prompt({json.dumps(PROMPT)}, {SECONDS * 1000})")

    def settle(self) -> None:
        """From a fresh login to a prompt of ours in an empty terminal."""
        self.page.wait_for_function(
            "() => window.bench.ready() && window.bench.lines().some(line => /[#$%>] ?$/.test(line))"
        )
        self.line(f"export PS1={shlex.quote(PROMPT + chr(32))} PROMPT_COMMAND=; clear")


@contextmanager
def browser(flags: tuple[str, ...]) -> Iterator[Any]:
    """Chromium."""
    from playwright import sync_api

    with sync_api.sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=chromium(), args=[*FLAGS, *flags, "--enable-precise-memory-info", "--js-flags=--expose-gc"]
        )
        yield running
        running.close()


@contextmanager
def lab(folder: Path, peer: Peer) -> Iterator[Lab]:
    """JupyterLab with the notebooks, and an ssh_config that calls the peer ``bench``."""
    root = folder / "root"
    root.mkdir(parents=True)
    config = folder / "ssh_config"
    config.write_text(
        f"Host bench\n  HostName {peer.host}\n  Port {peer.port}\n  User {peer.user}\n  IdentityFile {peer.key}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {peer.known_hosts}\n  GlobalKnownHostsFile none\n"
    )
    for name in NOTEBOOKS:
        write_notebook(
            root / name,
            [
                "%load_ext jupyter_ssh",
                "import time; time.sleep(600)",
                "while True: pass",
                "while True: print('x' * 1000); time.sleep(0.02)",
                "%ssh_terminal bench",
            ],
        )
    env = environment(folder, config)
    with running_lab(root, {**env, "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}) as running:
        yield running


def open_page(chromium_: Any, running: Lab, notebook: str) -> Any:
    """A notebook in a page of its own."""
    context = chromium_.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    open_notebook(page, running.address(notebook))
    page.evaluate(PROBE)
    return page


def own_of_lab(page: Any, running: Lab, peer: Peer, elements: bool) -> Screen:
    """JupyterLab's own terminal, in which ``ssh`` has logged in.  Where there is no WebGL, Lab draws on a canvas, which
    without a graphics card is slow; with ``elements`` it draws with the page's elements, as ours does."""

    def another() -> None:
        page.evaluate("() => window.jupyterapp.commands.execute('terminal:create-new')")
        page.wait_for_function("() => window.bench.ready() && /[#$%>] ?$/.test(window.bench.last())")
        if elements:
            page.evaluate("() => window.bench.useElements()")
        page.evaluate(
            f"() => window.bench.type({json.dumps(shlex.join([*peer.ssh, '-t', f'{peer.user}@{peer.host}']))} + '\\r')"
        )
        screen.settle()

    screen = Screen(page, running, another)
    another()
    return screen


def ours(page: Any, running: Lab) -> Screen:
    """Our tab, logged in to the same server."""

    def another() -> None:
        before = page.evaluate("() => window.jupyterapp.shell.currentWidget.id")
        run_cell(page, OPEN_CELL, comes_back=False)
        page.wait_for_function(
            "before => window.bench.ready() && window.jupyterapp.shell.currentWidget.id !== before", arg=before
        )
        screen.settle()

    screen = Screen(page, running, another)
    run_cell(page, LOAD_CELL)
    another()
    return screen


def run_cell(page: Any, number: int, comes_back: bool = True) -> None:
    """Bring the notebook to the front, begin to run one of its cells, and go back to what was in front."""
    page.evaluate(
        """async ([number, comesBack]) => {
            const shell = window.jupyterapp.shell, terminal = shell.currentWidget;
            const notebook = [...shell.widgets('main')].find(widget => widget.context?.path?.endsWith('.ipynb'));
            shell.activateById(notebook.id);
            notebook.content.activeCellIndex = number;
            window.jupyterapp.commands.execute('notebook:run-cell');
            if (!comesBack) return;
            await new Promise(done => setTimeout(done, 1000));
            shell.activateById(terminal.id);
        }""",
        [number, comes_back],
    )


def interrupt_kernel(page: Any) -> None:
    """What ■ does; and take away what the cell has printed, once the page has drawn all of it: else the page would go
    on drawing it while something else is measured."""
    page.evaluate(
        """async () => {
            const shell = window.jupyterapp.shell;
            const notebook = [...shell.widgets('main')].find(widget => widget.context?.path?.endsWith('.ipynb'));
            window.bench.kernel = notebook.sessionContext.session.kernel;
            await window.bench.kernel.interrupt();
        }"""
    )
    page.wait_for_function("() => window.bench.kernel.status === 'idle'", timeout=3 * SECONDS * 1000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs', {activate: false})")
