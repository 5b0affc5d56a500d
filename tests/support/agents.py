"""Agents as peers: OpenSSH's ssh-agent, gpg-agent, and ours on a thread."""

from __future__ import annotations

import os
import socket as socket_module
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_ssh.ssh.agent import Keyring
from jupyter_ssh.ssh.net.agent_server import AgentServer, serve_agent
from tests.support.embedded import LoopThread
from tests.support.peers import require_tool
from tests.support.processes import end_process, wait_until

RUN_SECONDS = 90.0


@dataclass
class PeerAgent:
    """A running agent; ``environment`` is what its clients need."""

    name: str
    socket: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *argv: str, input: str = "", status: int | None = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        """The output of a program that uses the agent; it must end with ``status`` (None: any)."""
        env = {**os.environ, **self.environment, "SSH_AUTH_SOCK": self.socket, **(environment or {})}
        done = subprocess.run(
            argv, input=input, env=env, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
        assert status is None or done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def ssh_add(self, *words: str, status: int | None = 0, environment: Mapping[str, str] | None = None) -> str:
        """The output of OpenSSH's ssh-add."""
        return self.run(require_tool("ssh-add", "openssh-client"), *words, status=status, environment=environment)


def _listens(path: Path) -> bool:
    """Whether somebody accepts connections; the socket's file is there a moment before."""
    with socket_module.socket(socket_module.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def start_openssh_agent(folder: Path, *options: str) -> tuple[PeerAgent, subprocess.Popen[bytes]]:
    """OpenSSH's ssh-agent in the foreground."""
    socket = folder / "agent"
    argv = [require_tool("ssh-agent", "openssh-client"), "-D", "-a", str(socket), *options]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: _listens(socket), "ssh-agent listens")
    return PeerAgent("ssh-agent", str(socket)), process


def start_gpg_agent(home: Path) -> tuple[PeerAgent, subprocess.Popen[bytes]]:
    """gpg-agent in ssh-agent's place, with a home of its own; keys are added to it for good, without a passphrase."""
    agent = require_tool("gpg-agent", "gpg-agent")
    pinentry = home / "pinentry"
    home.mkdir(mode=0o700, exist_ok=True)
    # An empty passphrase for the key's place in gpg-agent: what a person would type, twice.
    pinentry.write_text(
        "#!/bin/sh\necho 'OK ready'\nwhile read -r command rest; do\n"
        "  case $command in GETPIN) echo 'D x'; echo OK;; BYE) echo OK; exit;; *) echo OK;; esac\ndone\n"
    )
    pinentry.chmod(0o700)
    (home / "gpg-agent.conf").write_text(f"enable-ssh-support\npinentry-program {pinentry}\n")
    process = subprocess.Popen(
        [agent, "--homedir", str(home), "--daemon", "--no-detach", "--enable-ssh-support"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    socket = home / "S.gpg-agent.ssh"
    wait_until(lambda: _listens(socket), "gpg-agent listens")
    return PeerAgent("gpg-agent", str(socket), {"GNUPGHOME": str(home)}), process


@dataclass
class OwnAgent(PeerAgent):
    """Our agent; ``asked`` are the questions it put, ``answer`` what it is told."""

    server: AgentServer = field(default=None)  # type: ignore[assignment]
    asked: list[str] = field(default_factory=list)
    answer: bool = False


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


@pytest.fixture
def openssh_agent(short_folder: Path) -> Iterator[PeerAgent]:
    """OpenSSH's."""
    agent, process = start_openssh_agent(short_folder)
    try:
        yield agent
    finally:
        end_process(process)


@pytest.fixture
def gpg_agent(short_folder: Path) -> Iterator[PeerAgent]:
    """GnuPG's."""
    agent, process = start_gpg_agent(short_folder / "gnupg")
    try:
        yield agent
    finally:
        end_process(process)


@pytest.fixture
def own_agent() -> Iterator[OwnAgent]:
    """Ours, on a thread."""
    with ExitStack() as stack:
        thread = LoopThread()
        stack.callback(thread.stop)
        agent = OwnAgent("jupyter_ssh", "")

        async def confirm(question: str) -> bool:
            agent.asked.append(question)
            return agent.answer

        async def start() -> AgentServer:
            return await serve_agent(Keyring(time.monotonic, time.time), confirm)

        agent.server = thread.run(start())
        agent.socket = agent.server.path
        stack.callback(lambda: thread.run(agent.server.close()))
        yield agent


AGENTS = ("openssh_agent", "gpg_agent", "own_agent")


@pytest.fixture(params=AGENTS)
def any_agent(request: pytest.FixtureRequest) -> PeerAgent:
    """Each agent in turn."""
    agent: PeerAgent = request.getfixturevalue(request.param)
    return agent
