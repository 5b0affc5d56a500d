"""A JupyterLab server with a home of its own, and pages of it in Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote
from tests.support.jupyter import stop_host, stop_server
from tests.support.peers import require_tool
from tests.support.processes import free_port, wait_until
from tests.support.servers import PeerServer

SECONDS = 120
MILLISECONDS = 1000 * SECONDS  # as Playwright counts
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


LEFT_OUT = """
    celltags-extension csvviewer-extension debugger-extension extensionmanager-extension help-extension
    htmlviewer-extension hub-extension imageviewer-extension inspector-extension javascript-extension json-extension
    logconsole-extension lsp-extension fileeditor-extension:language-server notebook-extension:language-server
    markdownviewer-extension mathjax-extension mermaid-extension pdf-extension pluginmanager-extension
    property-inspector-extension settingeditor-extension tooltip-extension vega5-extension video-extension
    audio-extension
"""
"""What no test here looks at: without it a page is there in two thirds of the time."""


class Lab:
    """A server of JupyterLab with ``folder`` as its root; it can be stopped and started again where it was."""

    def __init__(self, folder: Path, env: Mapping[str, str], python: str = sys.executable) -> None:
        self.folder = folder
        self.runtime = Path(env["JUPYTER_RUNTIME_DIR"])
        self.url = ""
        self.token = ""
        self._env = dict(env)
        self._python = python
        self._port = free_port()
        self._log = folder.parent / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, always on the same port."""
        command = [
            self._python,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={self._port}",
            "--ServerApp.port_retries=0",
            f"--notebook-dir={self.folder}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=self._env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            info = wait_until(self._info, "JupyterLab starts", SECONDS)
        except BaseException:
            self.stop()
            raise
        self.url, self.token = info["url"], info["token"]

    def _info(self) -> dict[str, Any] | None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            info: dict[str, Any] = json.loads((self.runtime / f"jpserver-{self._process.pid}.json").read_text())
        except (OSError, ValueError):  # not there, or half written
            return None
        return info

    def stop(self) -> None:
        """End the server with its kernels; the host lives on."""
        if self._process is not None:
            stop_server(self._process)
            self._process = None

    def address(self, notebook: str) -> str:
        """The address of a notebook in JupyterLab, in a workspace of its own: no tab of another test comes back."""
        return f"{self.url}lab/workspaces/{Path(notebook).stem}/tree/{notebook}?token={self.token}"

    def notebook_address(self, notebook: str) -> str:
        """The address of a notebook in Notebook 7."""
        return f"{self.url}notebooks/{notebook}?token={self.token}"


def chromium() -> str:
    """The path of Chromium."""
    return require_tool("chromium", "chromium")


def write_notebook(path: Path, cells: Sequence[str], kernel: str = "python3") -> None:
    """A notebook with these code cells; without a kernelspec the page would ask for one."""
    kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    tagged = {"tags": ["raises-exception"]}  # an error in one of them does not stop those below
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, metadata=tagged) for cell in cells], metadata={"kernelspec": kernelspec}
    )
    nbformat.write(notebook, path)


@contextmanager
def lab_with(
    folder: Path, notebooks: Mapping[str, Sequence[str]], *hosts: str, **servers: PeerServer | Remote
) -> Iterator[Lab]:
    """JupyterLab with these notebooks, in whose kernels the servers, and ``hosts`` of ssh_config, are known by name."""
    root = folder / "root"
    root.mkdir()
    for name, cells in notebooks.items():
        write_notebook(root / name, cells)
    with running_lab(root, lean_environment(folder, write_config(folder, *hosts, **servers))) as lab:
        yield lab


def lean_environment(folder: Path, config: Path) -> dict[str, str]:
    """The variables for a JupyterLab with a home of its own and without what no test looks at."""
    env = {**environment(folder, config), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    settings = Path(env["JUPYTER_CONFIG_DIR"], "labconfig")
    settings.mkdir(parents=True)
    disabled = {f"@jupyterlab/{name}": True for name in LEFT_OUT.split()}
    (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": disabled, "buildCheck": False}))
    return env


def high_page(context: Any) -> Any:
    """A page so high that no cell is left out of it."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 2600})
    return page


def open_notebook(page: Any, address: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(address)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )


def run_cells(page: Any) -> None:
    """Begin to run all cells."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


@contextmanager
def running_lab(folder: Path, env: Mapping[str, str], python: str = sys.executable) -> Iterator[Lab]:
    """JupyterLab of ``python``, with ``folder`` as its root and the variables ``env``, which name a home of its own."""
    settings = Path(env["JUPYTER_CONFIG_DIR"], "lab", "user-settings", "@jupyterlab", "apputils-extension")
    settings.mkdir(parents=True)
    # No question about news over the notebook, and nothing asked of the network.
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    # What a kernel offers counts however late it comes; and no dialog says that a notebook could not be saved while the
    # server was stopped.
    others = {
        "completer-extension/manager": {"providerTimeout": MILLISECONDS},
        "docmanager-extension/plugin": {"autosave": False},
    }
    for name, values in others.items():
        file = settings.parent / f"{name}.jupyterlab-settings"
        file.parent.mkdir()
        file.write_text(json.dumps(values))
    lab = Lab(folder, env, python)
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
        stop_host(lab.runtime)
