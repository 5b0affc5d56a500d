"""The magics without a person in front of a notebook: nbclient, and IPython in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.kernels import SECONDS, environment, write_config

pexpect = pytest.importorskip("pexpect")


@pytest.fixture
def config(tmp_path, sshd, embedded) -> Path:
    return write_config(tmp_path, box=sshd, ours=embedded)


def test_a_notebook_runs_without_a_person(tmp_path, config, monkeypatch):
    for name, value in environment(tmp_path, config).items():
        monkeypatch.setenv(name, value)
    cells = [
        "%load_ext jupyter_ssh",
        "%ssh box",
        "%ssh box uname",
        "%%ssh\necho from the cell",
        "%ssh --no-raise-error -o UserKnownHostsFile=/dev/null box true",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", allow_errors=True).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert outputs[0] == []
    assert set(outputs[1][0].data) == {"text/plain", "text/html"}
    assert outputs[2][0].text == "Linux\n" if sys.platform == "linux" else outputs[2][0].text
    assert outputs[3][0].text == "from the cell\n"
    assert outputs[4][-1].ename == "HostKeyUnknown"
    assert "accept-new" in "".join(outputs[4][-1].traceback)
    nbformat.validate(notebook)


class Terminal:
    """IPython on a terminal."""

    def __init__(self, folder: Path, config: Path) -> None:
        env = {**environment(folder, config), "TERM": "dumb", "PYTHONWARNINGS": "error::ResourceWarning"}
        # Without prompt_toolkit's redrawing the text is what was written.
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor", "--simple-prompt"],
            env=env,
            encoding="utf-8",
            timeout=SECONDS,
            dimensions=(40, 200),
        )
        self.child.expect(r"In \[1\]: ")

    def run(self, line: str) -> str:
        """What was printed between the line and the next prompt."""
        self.child.sendline(line)
        self.child.expect(r"\nIn \[\d+\]: ")
        return self.child.before.replace("\r\n", "\n").partition("\n")[2]


@pytest.fixture
def terminal(tmp_path, config):
    terminal = Terminal(tmp_path, config)
    terminal.run("%load_ext jupyter_ssh")
    yield terminal
    terminal.child.close(force=True)


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
class TestPlainIPython:
    def test_connecting_and_running(self, terminal):
        assert "key exchange" in terminal.run("%ssh box")
        assert terminal.run("%ssh box echo hello").strip() == "hello"
        assert "exit status 3" in terminal.run("%ssh box exit 3")

    def test_interrupting(self, terminal):
        terminal.child.sendline("%ssh ours 'echo ready; sleep 60'")
        terminal.child.expect("ready\r\n")
        terminal.child.sendintr()
        terminal.child.expect("KeyboardInterrupt")
        terminal.child.expect(r"\nIn \[\d+\]: ")
        assert terminal.run("%ssh ours echo on").strip() == "on"

    def test_a_question_and_a_password(self, terminal, embedded, tmp_path):
        line = f"%ssh -o UserKnownHostsFile={tmp_path}/new -o PubkeyAuthentication=no ours echo in"
        terminal.child.sendline(line)
        terminal.child.expect(r"\[fingerprint\]")
        terminal.child.sendline("yes")
        terminal.child.expect("password: ")
        terminal.child.sendline(embedded.password)
        terminal.child.expect(r"\nIn \[\d+\]: ")
        assert "in\r\n" in terminal.child.before
        assert embedded.password not in terminal.child.before

    def test_leaving_closes_the_connection_and_says_nothing(self, terminal):
        terminal.run("%ssh box")
        terminal.run("%ssh --bg box sleep 60")
        terminal.child.sendline("exit")
        terminal.child.expect(pexpect.EOF)
        assert terminal.child.before.strip() in ("", "exit")
        terminal.child.close()
        assert terminal.child.exitstatus == 0


def test_a_script_without_a_terminal(tmp_path, config):
    script = tmp_path / "script.ipy"
    script.write_text("%load_ext jupyter_ssh\n%ssh box echo hello\n%ssh -o UserKnownHostsFile=/dev/null box true\n")
    ended = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", str(script)],
        env=environment(tmp_path, config),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        start_new_session=True,
    )
    assert "hello\n" in ended.stdout
    assert "HostKeyUnknown" in ended.stdout + ended.stderr
