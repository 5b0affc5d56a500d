"""Terminals of notebooks on both ipykernels and over both transports: alive while cells run, back after a reload.

All notebooks are open on one page, so that one reload brings all of them back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.browser.lab import MILLISECONDS, Lab, lean_environment, running_lab, write_notebook
from tests.browser.terminals import (
    TAB,
    XTERM,
    build_labextension,
    cells,
    end_all,
    focus,
    open_lab,
    run,
    session,
    show,
    smaller_than,
    text,
    wait_for_prompt,
    wait_for_saved_layout,
    wait_for_state,
    wait_for_text,
)
from tests.notebook.kernels import ROOT, ipykernel_6, write_config
from tests.notebook.remotes import embedded_server

OLD = "old-python"
RUNNING = {
    "sleeping": "import time; print('begun', flush=True); time.sleep(600)",
    "computing": "print('begun', flush=True)\nwhile True: pass",
    "printing": "import time\nfor _ in range(30_000): print('x' * 80)\nwhile True: time.sleep(1)",
}
NOTEBOOK = ["%load_ext jupyter_ssh", "%ssh_terminal demo", *RUNNING.values()]
# Its private socket is then that of another machine, and the Jupyter server takes the kernel's own channels.
MOVE = "import platform; platform.node = lambda: 'another-machine'\n"
COLOURED = "for i in $(seq 1 200); do printf '\\033[3%dmline %d\\033[0m\\n' $((i % 8)) $i; done"
# The notebook with this name, in front or behind.
PANEL = "[...window.jupyterapp.shell.widgets('main')].find(w => w.title.label === name)"


@dataclass(frozen=True)
class Way:
    """A kernel, and how its terminals are reached."""

    kernel: str
    is_elsewhere: bool
    """As if the kernel were on another machine than the Jupyter server: over its own channels."""
    is_out_of_reach: bool = False
    """And the Jupyter server did not reach them either: over the page's connection to the kernel."""
    subshells: str = "perCommTarget"


WAYS = {
    "newest": Way("python3", False),
    "newest-elsewhere": Way("python3", True),
    "newest-elsewhere-no-subshells": Way("python3", True, True, "disabled"),
    "oldest": Way(OLD, False),
    "oldest-elsewhere": Way(OLD, True),
}


@dataclass
class Desk:
    """The page with all notebooks that have been opened, and the sessions of their terminals."""

    page: Any
    out_of_reach: set[str] = field(default_factory=set)
    """Kernels that the Jupyter server says it cannot reach."""
    sessions: dict[str, str] = field(default_factory=dict)
    held: list[tuple[Any, Any]] | None = None
    """What the places have sent and the page has not got yet; None where it gets all at once."""

    def route(self, socket: Any) -> None:
        """What becomes of a WebSocket to a place."""
        if any(kernel in socket.url for kernel in self.out_of_reach):
            socket.close(code=4404)
        else:
            socket.connect_to_server().on_message(lambda message: self.pass_on(socket, message))

    def pass_on(self, socket: Any, message: str | bytes) -> None:
        """Let the page have what a place has sent, in its time."""
        if self.held is None:
            socket.send(message)
        else:
            self.held.append((socket, message))

    def release(self) -> None:
        """Let the page have all that was held."""
        held, self.held = self.held or [], None
        for socket, message in held:
            socket.send(message)

    def open(self, name: str, way: Way) -> None:
        """Open a notebook and its terminal."""
        page = self.page
        page.evaluate(
            "name => { window.jupyterapp.commands.execute('docmanager:open', {path: name}); }", notebook_of(name)
        )
        page.wait_for_function(
            f"name => ({PANEL})?.sessionContext?.session?.kernel?.status === 'idle'", arg=notebook_of(name)
        )
        kernel = page.evaluate(
            f"""([name, subshells]) => {{
              const {{ kernel }} = ({PANEL}).sessionContext.session;
              if (!('commsOverSubshells' in kernel)) throw new Error('no such setting');
              kernel.commsOverSubshells = subshells;
              return kernel.id;
            }}""",
            [notebook_of(name), way.subshells],
        )
        if way.is_out_of_reach:
            self.out_of_reach.add(kernel)
        self.run_cell(name, 0)
        self.run_cell(name, 1)
        wait_for_state(page, "connected")
        self.sessions[name] = session(page)
        focus(page)
        run(page, "PS1='$ '; PROMPT_COMMAND=; clear; echo re''ady", "ready")

    def run_cell(self, name: str, index: int) -> None:
        """Begin a cell of the notebook, which comes to the front."""
        self.page.evaluate(f"name => {{ window.jupyterapp.shell.activateById(({PANEL}).id); }}", notebook_of(name))
        # JupyterLab runs the cell of the notebook that has the focus, and gives it by a message of its own.
        self.page.wait_for_function(
            f"name => window.jupyterapp.shell.currentWidget === ({PANEL})", arg=notebook_of(name)
        )
        self.page.evaluate(
            f"""([name, index]) => {{
              const panel = {PANEL};
              panel.content.activeCellIndex = index;
              panel.content.deselectAll();
              window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            [notebook_of(name), index],
        )

    def wait_for_output(self, name: str, index: int, kind: str) -> None:
        """Wait for such an output of a cell: the kernel's status is busy with the terminal's own messages, too."""
        self.page.wait_for_function(
            f"""([name, index, kind]) => {{
              const {{ outputs }} = ({PANEL}).content.widgets[index].model;
              return outputs.length > 0 && outputs.get(outputs.length - 1).type === kind;
            }}""",
            arg=[notebook_of(name), index, kind],
        )

    def interrupt(self, name: str) -> None:
        """What ■ does."""
        self.page.evaluate(
            f"name => {{ ({PANEL}).sessionContext.session.kernel.interrupt(); }}",
            notebook_of(name),
        )

    def show(self, name: str) -> None:
        """Bring the notebook's terminal to the front."""
        show(self.page, self.sessions[name])
        focus(self.page)


def notebook_of(name: str) -> str:
    return f"{name}.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with one notebook for each way, on the newest or the oldest ipykernel."""
    build_labextension()
    folder = tmp_path_factory.mktemp("kernels")
    root = folder / "root"
    root.mkdir()
    for name, way in WAYS.items():
        first, *others = NOTEBOOK
        write_notebook(root / notebook_of(name), [MOVE * way.is_elsewhere + first, *others], way.kernel)
    with embedded_server(folder) as remote:
        env = lean_environment(folder, write_config(folder, demo=remote))
        spec = root.parent / "home" / "jupyter-data" / "kernels" / OLD
        spec.mkdir(parents=True)
        path = os.pathsep.join((str(ipykernel_6()), str(ROOT)))
        argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": OLD, "language": "python", "env": {"PYTHONPATH": path}})
        )
        with running_lab(root, env) as lab:
            yield lab


@pytest.fixture(scope="module")
def desk(browser: Any, lab: Lab) -> Iterator[Desk]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(MILLISECONDS)
    desk = Desk(context.new_page())
    context.route_web_socket("**/jupyter-ssh/channels/**", desk.route)
    open_lab(desk.page, lab, "kernels")
    yield desk
    end_all(desk.page)
    context.close()


@pytest.fixture(scope="module", params=WAYS)
def name(request: pytest.FixtureRequest, desk: Desk) -> str:
    """The name of a notebook; its terminal is in front."""
    found = str(request.param)
    desk.open(found, WAYS[found])
    return found


def test_the_terminal_is_alive_while_cells_run(desk, name):
    version = desk.page.evaluate(f"() => ({TAB}).title.caption")
    assert ("WebSocket" in version) != WAYS[name].is_elsewhere
    for index, what in enumerate(RUNNING, 2):
        desk.run_cell(name, index)
        desk.wait_for_output(name, index, "stream")
        desk.show(name)
        run(desk.page, f"echo while {what[:4]}''{what[4:]}", f"while {what}")
        desk.interrupt(name)
        desk.wait_for_output(name, index, "error")


def test_a_tab_opens_also_where_the_cell_is_quicker_than_the_news_of_its_session(desk):
    name, page = "newest", desk.page
    desk.show(name)
    desk.held = []
    desk.run_cell(name, 1)
    page.wait_for_function(
        f"""([name, known]) => {{
          const output = ({PANEL}).content.widgets[1].model.outputs.get(0);
          return ![undefined, known].includes(output?.data['application/vnd.jupyter-ssh.terminal+json']?.session);
        }}""",
        arg=[notebook_of(name), desk.sessions[name]],
    )
    desk.release()
    page.wait_for_function(f"known => ({TAB}) && ({TAB}).view.session !== known", arg=desk.sessions[name])
    wait_for_state(page, "connected")
    page.evaluate(f"() => {{ const tab = {TAB}; tab.end(); tab.closeNow(); }}")


def test_the_remote_has_the_size_of_the_tab(desk, name):
    page = desk.page
    desk.show(name)
    before = cells(page)["size"]
    page.set_viewport_size({"width": 1000, "height": 700})
    rows, cols = smaller_than(page, before)
    run(page, "echo size: $(stty size)", f"size: {rows} {cols}")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.wait_for_function(f"([rows, cols]) => {XTERM}.rows === rows && {XTERM}.cols === cols", arg=before)
    run(page, "echo again: $(stty size)", f"again: {before[0]} {before[1]}")


def test_a_flood_is_interrupted_at_once(desk, name):
    desk.show(name)
    run(desk.page, "yes floooooooooooood", "floooooooooooood\n" * 100)
    desk.page.wait_for_function(f"() => ({TAB}).view.viewer.parsed > 2_000_000")
    desk.page.keyboard.press("Control+c")
    wait_for_text(desk.page, "^C")
    wait_for_prompt(desk.page)
    run(desk.page, "echo a''live", "alive")


def test_all_are_the_same_after_a_reload(desk, lab):
    page = desk.page
    before = {}
    for name, which in desk.sessions.items():
        desk.show(name)
        run(page, f"{COLOURED}; echo fin''ished", "finished\n$")
        wait_for_saved_layout(page, lab, which)
        before[name] = cells(page)
    page.reload()
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    for name in desk.sessions:
        desk.show(name)
        wait_for_state(page, "connected")
        page.wait_for_selector(".jssh-Tab:not(.lm-mod-hidden) .jssh-Terminal[data-jssh-drawn]")
        assert cells(page) == before[name], name
        run(page, "echo go''es on", "goes on")
        assert text(page).count("line 199") == 1
