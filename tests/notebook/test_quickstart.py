"""The quickstart notebook: executed against OpenSSH's sshd, and by ``jupyter-ssh demo --check``."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jupyter_ssh.commands.demo.notebook import check, own_copy, shipped_notebook
from jupyter_ssh.kernel.hosts import CONFIG_VARIABLE
from tests.notebook.kernels import ROOT, environment
from tests.support.servers import PeerServer

SECONDS = 180
DEMO = [sys.executable, "-m", "jupyter_ssh.commands", "demo"]


def config_for(server: PeerServer, folder: Path, alias: str) -> Path:
    path = folder / "ssh_config"
    path.write_text(
        f"Host {alias}\n    HostName {server.host}\n    Port {server.port}\n    User {server.user}\n"
        f"    IdentityFile {server.client_key}\n    UserKnownHostsFile {server.known_hosts}\n"
        "    GlobalKnownHostsFile none\n",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder, folder / "none")
    del env[CONFIG_VARIABLE]
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return subprocess.run(
        [*DEMO, *words], capture_output=True, text=True, check=False, timeout=SECONDS, env=env, cwd=work
    )


def test_the_notebook_is_well_formed() -> None:
    notebook = nbformat.reads(shipped_notebook().read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_against_openssh(openssh_server: PeerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    out = io.StringIO()
    config = config_for(openssh_server, tmp_path, "demo")
    status = check(shipped_notebook(), {CONFIG_VARIABLE: str(config)}, out)
    text = out.getvalue()
    assert status == 0, text
    assert "SSH-2.0-OpenSSH" in text
    check_outputs(text, openssh_server.user)


def test_a_line_that_arrives_in_pieces_stays_one(tmp_path: Path) -> None:
    pieces = "import sys\nfor piece in ('exit code:', ' 2'):\n    print(piece, end='')\n    sys.stdout.flush()\n'shown'"
    cells = [nbformat.v4.new_code_cell(pieces)]
    path = tmp_path / "pieces.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    out = io.StringIO()
    assert check(path, {}, out) == 0
    assert "\nexit code: 2\n'shown'\n\npieces.ipynb: " in out.getvalue()


def test_demo_check_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    result = demo(tmp_path, "--check")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "SSH-2.0-jupyter_ssh" in result.stdout
    assert "post-quantum" in result.stdout
    check_outputs(result.stdout, "")
    assert list((tmp_path / "work").iterdir()) == []
    assert not (tmp_path / "home" / ".ssh").exists()


def check_outputs(text: str, user: str) -> None:
    """What the cells print, wherever they run."""
    assert re.search(rf"^{user}\S* has \d+ files in /etc$", text, re.MULTILINE)
    for line in ("step 3 of 3", "a warning, on standard error", "3.1428571", "result 5", "it said: no more disk space"):
        assert f"\n{line}\n" in text
    assert "exit code: 2" in text
    assert "\x1b" not in text  # no colours where there is no terminal
    assert re.search(r"\nquickstart\.ipynb: 15 cells ran in [\d.]+ s, no error\.\n\Z", text)


def test_a_real_host(openssh_server: PeerServer, tmp_path: Path) -> None:
    """The person's own ssh_config, key and known_hosts, under the alias the notebook uses."""
    folder = tmp_path / "person"
    (folder / "home" / ".ssh").mkdir(mode=0o700, parents=True)
    config = config_for(openssh_server, folder, "box")
    config.rename(folder / "home" / ".ssh" / "config")
    result = demo(folder, "--check", "--host", "box")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{openssh_server.user}@demo:{openssh_server.port}" in result.stdout


def test_a_host_that_does_not_answer(tmp_path: Path) -> None:
    result = demo(tmp_path, "--check", "--host", "nobody@no-such-host.invalid")
    assert result.returncode == 1
    assert "no-such-host.invalid" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_in_a_cell_fails_the_check(
    openssh_server: PeerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook()
    sources = ["%load_ext jupyter_ssh", "%ssh demo 'echo before; exit 3'", "print('never')"]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = tmp_path / "failing.ipynb"
    nbformat.write(notebook, path)
    out = io.StringIO()
    config = config_for(openssh_server, tmp_path, "demo")
    assert check(path, {CONFIG_VARIABLE: str(config)}, out) == 1
    text = out.getvalue()
    assert "before" in text
    assert "exit status 3" in text
    assert "never" not in text
    assert "failing.ipynb: failed in cell 2" in text


def test_a_persons_changes_stay(tmp_path: Path) -> None:
    copy, changed = own_copy(tmp_path)
    assert not changed
    assert copy.read_bytes() == shipped_notebook().read_bytes()
    assert own_copy(tmp_path) == (copy, False)
    notebook = json.loads(copy.read_text(encoding="utf-8"))
    notebook["cells"].pop()
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    mine = copy.read_bytes()
    assert own_copy(tmp_path) == (copy, True)
    assert copy.read_bytes() == mine


@pytest.mark.parametrize("words", [["--nonsense"], ["--port", "x"]])
def test_bad_options(tmp_path: Path, words: list[str]) -> None:
    result = demo(tmp_path, *words)
    assert result.returncode == 1
    assert "--help" in result.stderr
    assert "Traceback" not in result.stderr
    assert os.listdir(tmp_path / "work") == []
