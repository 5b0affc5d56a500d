"""``jupyter-ssh demo`` with JupyterLab: it starts, serves the person's copy, and is gone after Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_ssh.commands.demo.notebook import shipped_notebook
from jupyter_ssh.kernel.hosts import CONFIG_VARIABLE
from tests.notebook.kernels import environment
from tests.support.processes import end_process, free_port, wait_until

if sys.platform == "win32":
    pytest.skip("POSIX signals", allow_module_level=True)


def running_servers(folder: Path) -> list[dict[str, Any]]:
    """What Jupyter says of its servers in its runtime folder. A file is empty at first."""
    files = (folder / "home" / "jupyter-runtime").glob("jpserver-*.json")
    return [json.loads(text) for file in files if (text := file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_from_start_to_end(tmp_path: Path, number: signal.Signals) -> None:
    env = environment(tmp_path, tmp_path / "none")
    del env[CONFIG_VARIABLE]
    work = tmp_path / "work"
    work.mkdir()
    log = (tmp_path / "log").open("wb")
    port = free_port()
    words = [sys.executable, "-m", "jupyter_ssh.commands", "demo", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(words, env=env, cwd=work, stdout=log, stderr=log, start_new_session=True)
    try:
        servers = wait_until(lambda: process.poll() is not None or running_servers(tmp_path), "JupyterLab runs", 90)
        assert process.poll() is None, (tmp_path / "log").read_text()
        url = f"{servers[0]['url']}api/contents/quickstart.ipynb?content=0&token={servers[0]['token']}"
        wait_until(lambda: answers(url), "JupyterLab answers", 60)
        assert servers[0]["port"] == port
        assert (work / "quickstart.ipynb").read_bytes() == shipped_notebook().read_bytes()
        family = psutil.Process(process.pid).children(recursive=True)
        config = next(Path(folder) for child in family if (folder := variables(child).get(CONFIG_VARIABLE)))
        assert "Host demo" in config.read_text(encoding="utf-8")
        assert config.parent.stat().st_mode & 0o077 == 0
        process.send_signal(number)
        assert process.wait(60) == 0
        wait_until(lambda: not any(child.is_running() for child in family), "everything has ended", 30)
        assert not config.parent.exists()
    finally:
        end_process(process)
        log.close()


def variables(process: psutil.Process) -> dict[str, str]:
    """The environment of a process; none of one that has ended."""
    try:
        found: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return found


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(json.load(answer)["type"] == "notebook")
    except OSError:
        return False
