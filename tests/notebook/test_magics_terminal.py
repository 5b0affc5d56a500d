"""``%ssh_terminal`` in a kernel, without a page: what it shows, what it leaves behind, what it says elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_ssh.pages.rendezvous import FOLDER
from tests.notebook.kernels import Kernel

MIME = "application/vnd.jupyter-ssh.terminal+json"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="looks at Unix sockets")


def opened(kernel: Kernel, line: str, **options: object) -> dict:
    cell = kernel.run(line, **options)
    assert cell.error is None, cell.traceback
    assert cell.result is not None
    return cell.result


def sessions(kernel: Kernel) -> list[dict]:
    return kernel.value("__import__('jupyter_ssh').kernel.terminals.starting.session_list()")


def place_file(kernel: Kernel) -> Path:
    """The file by which a server finds the kernel's terminals; no server has started this kernel."""
    runtime = Path(kernel.value("__import__('os').environ['JUPYTER_RUNTIME_DIR']"))
    [path] = (runtime / FOLDER).glob("*.json")
    return path


def test_a_terminal_is_an_output_that_a_page_knows(kernel: Kernel) -> None:
    shown = opened(kernel, "%ssh_terminal box")
    terminal = shown[MIME]
    [session] = [each for each in sessions(kernel) if each["session"] == terminal["session"]]
    assert terminal == {
        "version": 1,
        "place": place_file(kernel).stem,
        "session": session["session"],
        "name": session["name"],
        "inline": False,
    }
    assert (session["state"], session["wanted"], session["command"]) == ("open", True, None)
    assert "jupyter-ssh ssh " + session["name"] in shown["text/plain"]


def test_the_current_connection_and_a_command(kernel: Kernel) -> None:
    kernel.run("%ssh box")
    for line in ("%ssh_terminal", "%ssh_terminal --inline . top", "%ssh -t ."):
        terminal = opened(kernel, line)[MIME]
        [session] = [each for each in sessions(kernel) if each["session"] == terminal["session"]]
        assert terminal["inline"] is ("--inline" in line)
        assert session["wanted"] is not terminal["inline"]
        assert session["command"] == ("top" if "top" in line else None)
        assert session["host"] == "box"
    assert kernel.value("len(__import__('jupyter_ssh').kernel.connections.registry.get_connections().opened())") == 1


def test_with_a_command_ssh_t_is_a_terminal_with_that_program(kernel: Kernel) -> None:
    shown = opened(kernel, "%ssh -t box 'exec sleep 600'")
    assert sessions(kernel)[-1]["command"] == "exec sleep 600"
    assert "jupyter-ssh ssh -t " in shown["text/plain"]
    assert "'exec sleep 600'" in shown["text/plain"]


@pytest.mark.parametrize(
    "line", ["%ssh -tt box tty", "%ssh -t --show 0 box tty", "r = %ssh -t box tty", "%%ssh -t box\nexit"]
)
def test_what_a_cell_is_to_have_of_a_terminal_stays_in_the_cell(kernel: Kernel, line: str) -> None:
    before = len(sessions(kernel))
    cell = kernel.run(line)
    assert cell.error is None
    assert cell.stdout.strip()
    assert len(sessions(kernel)) == before


def test_a_program_that_takes_the_whole_screen_is_not_drawn_into_the_cell(kernel: Kernel) -> None:
    cell = kernel.run(r"""%ssh -tt box "printf '\033[?1049h'; echo drawn; sleep 60" """)
    assert cell.error == "TerminalNeeded"
    assert "drawn" not in cell.stdout
    assert "Run it in a terminal: %ssh -t box printf" in cell.traceback
    assert kernel.run("%ssh box echo alive").stdout == "alive\n"


def test_the_list(kernel: Kernel) -> None:
    opened(kernel, "%ssh_terminal box 'exec sleep 600'")
    shown = opened(kernel, "%ssh_terminal --list")
    lines = shown["text/plain"].splitlines()
    assert lines[0].split() == ["terminal", "state", "program", "since", "pages"]
    assert any("open" in line and "exec sleep 600" in line for line in lines)
    assert "<table" in shown["text/html"]


def test_more_terminals_than_the_server_allows_on_a_connection(kernel: Kernel) -> None:
    """OpenSSH's MaxSessions is 10."""
    before = len(sessions(kernel))
    kernel.run("for _ in range(12):\n    %ssh_terminal box 'exec sleep 600'")
    assert [each["state"] for each in sessions(kernel)[before:]] == ["open"] * 12
    registry = "__import__('jupyter_ssh').kernel.connections.registry.get_connections()"
    # Further connections are known to the pool only.
    assert kernel.value(f"len({registry}._pool.connections())") >= 2
    assert kernel.value(f"len({registry}.opened())") == 1


def test_what_cannot_be_opened_leaves_no_session(kernel: Kernel) -> None:
    before = sessions(kernel)
    cell = kernel.run("%ssh_terminal -p 1 127.0.0.1")
    assert cell.error == "ConnectError"
    cell = kernel.run("%ssh_terminal --list box")
    assert cell.error == "Usage"
    assert sessions(kernel) == before


def test_what_was_said_before_a_connection_failed_is_told(kernel: Kernel, tmp_path: Path) -> None:
    """There is no cell that would show it: here, that the host's key was kept before nobody was let in."""
    cell = kernel.run(
        "from jupyter_ssh.kernel.engine import get_engine\n"
        "from jupyter_ssh.kernel.connections.registry import get_connections\n"
        "told = []\n"
        f"options = {{'known_hosts': {str(tmp_path / 'known')!r}, 'strict_host_key_checking': 'accept-new',"
        " 'pubkey_authentication': False, 'password_authentication': False, 'kbd_interactive_authentication': False}\n"
        "get_engine().call(lambda: get_connections().lend_on_engine('box', options, 'a test', tell=told.extend))"
    )
    assert cell.error == "AuthenticationError"
    assert kernel.value("len(told)") == 1
    assert str(tmp_path / "known") in kernel.value("told[0]")


def test_its_help_and_tab(kernel: Kernel) -> None:
    assert "%ssh_terminal --list" in kernel.value("get_ipython().find_line_magic('ssh_terminal').__doc__")
    assert "%ssh_terminal box" in kernel.complete("%ssh_terminal b")
    assert kernel.complete("%ssh_terminal --") == ["%ssh_terminal --inline", "%ssh_terminal --list"]


def test_unloading_the_extension_removes_socket_and_file(kernel: Kernel) -> None:
    opened(kernel, "%ssh_terminal box")
    file = place_file(kernel)
    place = json.loads(file.read_text())
    assert Path(place["path"]).is_socket()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert kernel.run("%unload_ext jupyter_ssh").error is None
    assert not Path(place["path"]).exists()
    assert not file.exists()
    assert sessions(kernel) == []
    assert kernel.run("%load_ext jupyter_ssh").error is None
