"""A JupyterLab server with a home of its own, and pages of it in Chromium."""

from __future__ import annotations

import json
import os
import shutil
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
import pytest

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

    def address(self, notebook: str, *, where: str = "lab/tree") -> str:
        """The address of a notebook in JupyterLab, or with ``where="notebooks"`` in Notebook 7."""
        return f"{self.url}{where}/{notebook}?token={self.token}"


def chromium() -> str:
    """The path of Chromium; skips the test where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return path


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook with these code cells; without a kernelspec the page would ask for one."""
    kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    tagged = {"tags": ["raises-exception"]}  # an error in one of them does not stop those below
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, metadata=tagged) for cell in cells], metadata={"kernelspec": kernelspec}
    )
    nbformat.write(notebook, path)


@contextmanager
def running_lab(folder: Path, env: Mapping[str, str]) -> Iterator[Lab]:
    """JupyterLab, with ``folder`` as its root and the variables ``env``, which name a home of its own."""
    runtime = Path(env["JUPYTER_RUNTIME_DIR"])
    log = folder.parent / "lab.log"
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", f"--notebook-dir={folder}"),
        "--LabApp.expose_app_in_browser=True",
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
