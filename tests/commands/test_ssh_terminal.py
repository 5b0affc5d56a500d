"""``jupyter-ssh ssh`` in a terminal: an interactive shell, its size, its escapes, and questions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from tests.support.servers import PeerServer
from tests.support.tree import TREE

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import pexpect

SECONDS = 120


class Terminal:
    """Starts ``jupyter-ssh ssh`` in a pseudo-terminal, as a person would."""

    def __init__(self, server: PeerServer) -> None:
        self.server = server
        self.children: list[pexpect.spawn] = []

    def start(self, *options: str, command: str = "", login: bool = True, **spawning: object) -> pexpect.spawn:
        server = self.server
        known = [f"-oUserKnownHostsFile={server.known_hosts}", "-oGlobalKnownHostsFile=none"]
        key = ["-i", str(server.client_key)] if login else ["-oPubkeyAuthentication=no"]
        place = [f"{server.user}@{server.host}", *([command] if command else [])]
        child = pexpect.spawn(
            sys.executable,
            ["-m", "jupyter_ssh.commands", "ssh", "-F", "none", *options, *known, *key, "-p", str(server.port), *place],
            encoding="utf-8",
            timeout=SECONDS,
            cwd=str(TREE),
            env={**os.environ, "TERM": "xterm-256color"},
            **spawning,
        )
        child.delaybeforesend = None
        self.children.append(child)
        return child


@pytest.fixture
def terminal(openssh_server: PeerServer) -> Iterator[Terminal]:
    started = Terminal(openssh_server)
    yield started
    for child in started.children:
        child.close(force=True)


def test_a_shell(terminal: Terminal) -> None:
    child = terminal.start(dimensions=(31, 97))
    child.sendline("PS1='rea''dy> '; stty size; echo $TERM $((40+2))")
    child.expect_exact("31 97")
    child.expect_exact("xterm-256color 42")
    child.setwinsize(20, 60)
    child.sendline("until [ \"$(stty size)\" = '20 60' ]; do read -t 0.05 < /dev/zero; done; echo resi''zed")
    child.expect_exact("resized")
    child.send("cat\r")
    child.send("süß\r")
    child.expect_exact("süß")
    child.sendcontrol("c")
    child.expect_exact("^C")  # the terminal drops what was typed before it
    child.expect_exact("ready> ")
    child.sendline("exit 7")
    child.expect_exact(f"Connection to {terminal.server.host} closed.")
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (7, None)


def test_escapes(terminal: Terminal) -> None:
    child = terminal.start("-tt", command="echo ready; cat")
    child.expect_exact("ready")
    child.send("\r~?")
    child.expect_exact("Supported escape sequences")
    child.send("\r~I")
    child.expect_exact("login: publickey")
    child.send("\r~~tilde\r")
    child.expect_exact("~tilde")
    child.send("~R")
    child.send("after rekey\r")
    child.expect_exact("after rekey")
    child.send("\r~.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 255


def test_raw_mode_ends_with_the_session(terminal: Terminal) -> None:
    words = f"-m jupyter_ssh.commands ssh -F none -oUserKnownHostsFile={terminal.server.known_hosts}"
    words += f" -i {terminal.server.client_key} -p {terminal.server.port} -t {terminal.server.user}@127.0.0.1 true"
    command = f'before=$(stty -g); {sys.executable} {words}; [ "$before" = "$(stty -g)" ] && echo same modes'
    child = pexpect.spawn("/bin/sh", ["-c", command], encoding="utf-8", timeout=SECONDS, cwd=str(TREE))
    terminal.children.append(child)
    child.expect_exact("same modes")


def test_suspended_and_continued(terminal: Terminal) -> None:
    server = terminal.server
    words = f"-m jupyter_ssh.commands ssh -F none -oUserKnownHostsFile={server.known_hosts} -i {server.client_key}"
    # A shell with job control; its prompt differs from the command that sets it.
    bash = require_tool("bash", "bash")
    shell = pexpect.spawn(bash, ["--norc", "-i"], encoding="utf-8", timeout=SECONDS, cwd=str(TREE))
    terminal.children.append(shell)
    shell.sendline("PS1='loc''al> '")
    shell.expect_exact("local> ")
    shell.sendline(f"{sys.executable} {words} -p {server.port} -t {server.user}@{server.host} 'echo rea''dy; cat'")
    shell.expect_exact("ready")
    shell.send("\r~\x1a")
    shell.expect_exact("Stopped")
    shell.expect_exact("local> ")
    shell.sendline("stty -a")
    shell.expect_exact(" icanon")
    shell.expect_exact("local> ")
    shell.sendline("fg")
    shell.expect_exact("jupyter_ssh.commands")
    shell.send("on again\r")
    for _ in range(2):  # the echo of the remote terminal, and cat's answer
        shell.expect_exact("on again")
    shell.send("~.")
    shell.expect_exact("local> ")


def test_a_password_is_asked_for_and_not_shown(terminal: Terminal) -> None:
    child = terminal.start(command="echo in", login=False)
    for wrong in range(2):
        child.expect_exact("password:")
        child.sendline(f"wrong {wrong}")
    child.expect_exact("password:")
    child.sendline(terminal.server.password)
    child.expect_exact("in")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_three_wrong_passwords(terminal: Terminal) -> None:
    child = terminal.start(command="true", login=False)
    child.logfile_read = shown = Shown()
    for wrong in range(3):
        child.expect_exact("password:")
        child.sendline(f"secret{wrong}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 255
    assert "secret" not in shown.text


def test_interrupted_at_a_question(terminal: Terminal) -> None:
    child = terminal.start(command="true", login=False)
    child.expect_exact("password:")
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus == 2


def test_an_unknown_host_is_asked_about_once(terminal: Terminal, tmp_path: Path) -> None:
    known = tmp_path / "ssh" / "known_hosts"
    child = terminal.start(f"-oUserKnownHostsFile={known}", command="echo in")
    child.expect(r"SHA256:\S+")
    fingerprint = child.after
    child.expect_exact("(yes/no/[fingerprint])?")
    child.sendline("perhaps")
    child.expect_exact("Please type")
    child.sendline("no")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 255
    assert not known.exists()
    child = terminal.start(f"-oUserKnownHostsFile={known}", command="echo in")
    child.expect_exact("(yes/no/[fingerprint])?")
    child.sendline(fingerprint)
    child.expect_exact("in")
    child.expect(pexpect.EOF)
    child = terminal.start(f"-oUserKnownHostsFile={known}", command="echo in")
    assert child.expect_exact(["in", "(yes/no"]) == 0


class Shown:
    """Collects what a terminal shows."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass
