"""A JupyterLab server with a home of its own, and pages of it in Chromium."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote
from tests.support.jupyter import stop_host
from tests.support.peers import require_tool
from tests.support.servers import PeerServer

SECONDS = 60
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Lab:
    """A running server; ``folder`` is its root."""

    url: str
    token: str
    folder: Path

    def address(self, notebook: str) -> str:
        """The address of a notebook in JupyterLab, in a workspace of its own: no tab of another test comes back."""
        return f"{self.url}lab/workspaces/{Path(notebook).stem}/tree/{notebook}?token={self.token}"

    def notebook_address(self, notebook: str) -> str:
        """The address of a notebook in Notebook 7."""
        return f"{self.url}notebooks/{notebook}?token={self.token}"


def chromium() -> str:
    """The path of Chromium."""
    return require_tool("chromium", "chromium")


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook with these code cells; without a kernelspec the page would ask for one."""
    kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    tagged = {"tags": ["raises-exception"]}  # an error in one of them does not stop those below
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, metadata=tagged) for cell in cells], metadata={"kernelspec": kernelspec}
    )
    nbformat.write(notebook, path)


@contextmanager
def lab_with(folder: Path, notebooks: Mapping[str, Sequence[str]], **servers: PeerServer | Remote) -> Iterator[Lab]:
    """JupyterLab with these notebooks, in whose kernels the servers are known by name."""
    root = folder / "root"
    root.mkdir()
    for name, cells in notebooks.items():
        write_notebook(root / name, cells)
    env = environment(folder, write_config(folder, **servers))
    with running_lab(root, {**env, "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}) as lab:
        yield lab


def new_page(browser: Any) -> Any:
    """A page in a context of its own; so high that no cell is left out of it."""
    context = browser.new_context(viewport={"width": 1280, "height": 2600})
    context.set_default_timeout(SECONDS * 1000)
    return context.new_page()


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
    runtime = Path(env["JUPYTER_RUNTIME_DIR"])
    log = folder.parent / "lab.log"
    command = [
        *(python, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", f"--notebook-dir={folder}"),
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    settings = Path(env["JUPYTER_CONFIG_DIR"], "lab", "user-settings", "@jupyterlab", "apputils-extension")
    settings.mkdir(parents=True)
    # No question about news over the notebook, and nothing asked of the network.
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            info = _server_info(process, runtime, log)
            yield Lab(info["url"], info["token"], folder)
        finally:
            _stop(process)
            stop_host(runtime)


def _server_info(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> dict[str, Any]:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for path in runtime.glob("jpserver-*.json"):
            try:
                info: dict[str, Any] = json.loads(path.read_text())
            except ValueError:  # half written
                continue
            return info
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server with its kernels: they are in its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(10)
