"""What jupyter-ssh agent does when it gets a signal, and which libraries it would let a key name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from jupyter_ssh.ssh.keys import save_private_key
from tests.support.agents import PeerAgent
from tests.support.identities import ssh_keygen
from tests.support.made_keys import new_key
from tests.support.peers import require_tool
from tests.support.processes import end_process, wait_until

AGENT = (sys.executable, "-m", "jupyter_ssh.commands", "agent")
ADD = (sys.executable, "-m", "jupyter_ssh.commands", "add")
ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def in_foreground(folder: Path, *words: str) -> Iterator[tuple[PeerAgent, subprocess.Popen[bytes]]]:
    """An agent in the foreground; what it logs is in ``folder``/log."""
    with (folder / "log").open("wb") as log, (folder / "out").open("wb") as out:
        process = subprocess.Popen([*AGENT, *words], stdout=out, stderr=log, start_new_session=True)
    try:
        listens = lambda: b"export SSH_AUTH_SOCK" in (folder / "out").read_bytes()  # noqa: E731
        wait_until(lambda: listens() or process.poll() is not None, "the agent listens")
        assert listens(), (folder / "log").read_text()
        path = (folder / "out").read_text().partition("=")[2].partition(";")[0]
        yield PeerAgent("jupyter_ssh", path), process
    finally:
        end_process(process)


def test_it_drops_all_keys_on_sigusr1(short_folder: Path, tmp_path: Path) -> None:
    """As OpenSSH's since 10.1."""
    with in_foreground(short_folder, "-D") as (agent, process):
        agent.ssh_add(str(ssh_keygen(tmp_path / "one")), str(ssh_keygen(tmp_path / "two")))
        assert len(agent.ssh_add("-l").splitlines()) == 2
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "no identities" in agent.ssh_add("-l", status=None), "the keys are gone")
        agent.ssh_add(str(tmp_path / "one"))
        assert process.poll() is None


@pytest.mark.parametrize("number", [*ENDING, signal.SIGINT], ids=lambda number: number.name)
def test_nothing_is_left_by_one_in_the_foreground(number: signal.Signals, short_folder: Path) -> None:
    with in_foreground(short_folder, "-D") as (agent, process):
        folder = Path(agent.socket).parent
        assert folder.name.startswith("jupyter-ssh-")
        process.send_signal(number)
        process.wait(30)
        assert not folder.exists()


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_nothing_is_left_by_one_in_the_background(number: signal.Signals, short_folder: Path) -> None:
    """The signal comes as soon as the process is there, before it serves anybody."""
    path, go = short_folder / "socket", short_folder / "go"
    # The child's loop starts once it may.
    hold = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    program = f"""
import asyncio, os, sys, time
from jupyter_ssh.commands.keys.agent import main
run = asyncio.run
def late(*arguments):
    {hold}
    return run(*arguments)
asyncio.run = late
sys.exit(main(sys.argv[1:]))
"""
    lines = subprocess.run(
        [sys.executable, "-c", program, "-s", "-a", str(path)], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    pid = int(lines.partition("SSH_AGENT_PID=")[2].partition(";")[0])
    assert path.exists()
    os.kill(pid, number)
    go.touch()
    wait_until(lambda: not psutil.pid_exists(pid), "the agent ends")
    assert not path.exists()


@pytest.mark.parametrize("program", ["ssh-agent", "ours"])
def test_one_in_the_background_ignores_interrupts(program: str, short_folder: Path) -> None:
    argv = AGENT if program == "ours" else [require_tool("ssh-agent", "openssh-client")]
    path = str(short_folder / "socket")
    lines = subprocess.run([*argv, "-s", "-a", path], capture_output=True, text=True, timeout=60, check=True).stdout
    pid = int(lines.partition("SSH_AGENT_PID=")[2].partition(";")[0])
    try:
        agent = PeerAgent(program, path)
        for _ in range(2):  # while it starts, and when it serves
            os.kill(pid, signal.SIGINT)
            assert "no identities" in agent.ssh_add("-l", status=1)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not psutil.pid_exists(pid), "the agent ends")
    assert not os.path.exists(path)


def test_its_command_gets_the_signals(short_folder: Path) -> None:
    """The agent holds signals back while it starts; its command must not inherit that."""
    script = "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    path = str(short_folder / "socket")
    done = subprocess.run(
        [*AGENT, "-a", path, sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


# --- libraries --------------------------------------------------------------------------------------------------------


@pytest.fixture
def security_key(tmp_path: Path) -> Path:
    path = tmp_path / "id_sk"
    save_private_key(path, new_key("sk-ssh-ed25519@openssh.com"))
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.so"
    path.write_text("")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "not allowed"),
        (["-P", "/nowhere/*"], "not allowed"),
        (["-P", "/nowhere/*,*/library.so"], "only in its device"),
        (["-P", "!*/library.so,*"], "not allowed"),
    ],
)
def test_which_libraries_a_key_may_name(
    words: list[str], said: str, short_folder: Path, security_key: Path, library: Path
) -> None:
    """It loads none of them, as it says; a library that may not be named is refused before that."""
    with in_foreground(short_folder, "-d", *words) as (agent, _):
        agent.run(*ADD, "-S", str(library), str(security_key), status=1)
        assert said in (short_folder / "log").read_text()


def test_a_link_does_not_lead_around_the_list(short_folder: Path, security_key: Path, library: Path) -> None:
    (library.parent / "allowed.so").symlink_to(library)
    with in_foreground(short_folder, "-d", "-P", "*/allowed.so") as (agent, _):
        agent.run(*ADD, "-S", str(library.parent / "allowed.so"), str(security_key), status=1)
        assert "not allowed" in (short_folder / "log").read_text()


def test_the_list_is_given_once(short_folder: Path) -> None:
    done = subprocess.run([*AGENT, "-P", "a", "-P", "b", "-D"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "-P" in done.stderr
