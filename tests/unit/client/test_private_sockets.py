"""Sockets for one user: their modes, and who is let in."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from jupyter_ssh.ssh.agent import Constraints, Keyring
from jupyter_ssh.ssh.errors import AgentUnavailable
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.net.agent import open_agent
from jupyter_ssh.ssh.net.agent_server import AgentServer, serve_agent
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private, is_owner, peer_user, sweep
from tests.support.agents import OwnAgent
from tests.support.tree import TREE

NOBODY = 65534
ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
try: s.sendall(bytes((0, 0, 0, 1, 11))); print(len(s.recv(100)))
except ConnectionError: print(0)
"""


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_folder_and_a_socket_for_their_owner() -> None:
    folder = PrivateFolder("t-")
    listening = bind_private(folder.path / "s")
    try:
        assert (mode(folder.path), mode(folder.path / "s")) == (0o700, 0o600)
        with pytest.raises(OSError, match="in use"):
            bind_private(folder.path / "s")
    finally:
        listening.close()
        folder.remove()
    assert not folder.path.exists()
    folder.remove()


def test_a_path_stays_short_where_temporary_files_have_a_long_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    folder = PrivateFolder("t-")
    try:
        bind_private(folder.path / "agent.1234567").close()
    finally:
        folder.remove()


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="the system does not tell")
def test_who_is_at_the_other_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert peer_user(here) == os.getuid()
        assert is_owner(here)
    assert peer_user(here) == -1  # closed: nobody
    assert not is_owner(here)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
async def test_another_user_is_not_let_in(short_folder: Path) -> None:
    server = AgentServer(Keyring(time.monotonic, time.time))
    await server.start(str(short_folder / "s"))
    short_folder.chmod(0o755)
    (short_folder / "s").chmod(0o666)
    try:
        for user, size in ((0, b"9"), (NOBODY, b"0")):
            asking = await _ask_as(user, server.path)
            assert asking.strip() == size
    finally:
        await server.close()


async def _ask_as(user: int, path: str) -> bytes:
    python = Path("/usr/bin/python3") if Path("/usr/bin/python3").exists() else Path(sys.executable)
    process = await asyncio.create_subprocess_exec(
        str(python), "-c", ASK, path, stdout=subprocess.PIPE, user=user, cwd="/"
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output


async def test_the_end_of_an_agent_takes_keys_and_socket_away() -> None:
    server = await serve_agent(Keyring(time.monotonic, time.time))
    server.keyring.add(generate("ed25519"))
    async with await open_agent(server.path) as client:
        assert len(await client.identities()) == 1
        await server.close()
        assert server.keyring.held() == []
        assert not Path(server.path).parent.exists()
        with pytest.raises(AgentUnavailable, match="closed"):
            await client.identities()
    await server.close()


async def test_keys_leave_the_memory_when_their_time_is_over(own_agent: OwnAgent) -> None:
    async with await open_agent(own_agent.socket) as agent:
        await agent.add(generate("ed25519"), constraints=Constraints(lifetime=1))
        keyring = own_agent.server.keyring
        deadline = time.monotonic() + 30
        while keyring.next_expiry is not None:  # nobody asks the agent meanwhile
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


# --- what killed processes leave behind -------------------------------------------------------------------------------

LEAVES = """
import os, signal, sys, tempfile
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private
tempfile.tempdir = sys.argv[1]
folder = PrivateFolder("t-")
listening = bind_private(folder.path / "agent.1")
print(folder.path, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""
ONLY_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked on Windows")


def start(parent: Path, how: str) -> tuple[subprocess.Popen[str], Path]:
    words = [sys.executable, "-c", LEAVES, str(parent), how]
    process = subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TREE)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@ONLY_UNIX
def test_the_next_process_removes_what_a_killed_one_left(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, left = start(short_folder, "killed")
    with killed:
        assert killed.wait(60) < 0
    assert (left / "agent.1").exists()
    living, held = start(short_folder, "living")
    with living:
        assert not left.exists()
        monkeypatch.setattr("tempfile.tempdir", str(short_folder))
        folder = PrivateFolder("t-")
        assert (held / "agent.1").exists()
        folder.remove()
        living.kill()


@ONLY_UNIX
def test_only_what_is_surely_left_behind_is_removed(short_folder: Path) -> None:
    """A folder of another kind, another user's, an open one, a link, one with files, and one somebody listens in."""
    other, foreign, opened, target = (short_folder / name for name in ("u-1", "t-foreign", "t-open", "target"))
    filled, served, empty = (short_folder / name for name in ("t-filled", "t-served", "t-empty"))
    for folder in (other, foreign, opened, target, filled, served, empty):
        folder.mkdir(mode=0o700)
    opened.chmod(0o755)
    (short_folder / "t-link").symlink_to(target)
    (filled / "notes").write_text("mine")
    for folder in (other, foreign, opened, target, filled):
        bind_private(folder / "s").close()
    listening = bind_private(served / "s")  # by a version that locks no folders
    if os.getuid() == 0:
        os.chown(foreign, NOBODY, -1)
    kept = {"u-1", "t-open", "target", "t-link", "t-filled", "t-served"} | (
        {"t-foreign"} if os.getuid() == 0 else set()
    )
    with listening:
        sweep(short_folder, "t-", unused_for=3600)
        assert empty.exists()
        sweep(short_folder, "t-")
    assert {path.name for path in short_folder.iterdir()} == kept
    assert (target / "s").exists()
    assert (filled / "notes").exists()
    sweep(short_folder, "t-", with_files=True)
    assert not filled.exists()
    assert target.exists()


@ONLY_UNIX
def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_folder))
    made: list[str] = []
    mkdtemp = tempfile.mkdtemp

    def swept_at_once(**options: str) -> str:
        path = mkdtemp(**options)
        if not made:
            sweep(short_folder, "t-")
        made.append(path)
        return path

    monkeypatch.setattr("tempfile.mkdtemp", swept_at_once)
    folder = PrivateFolder("t-")
    assert [str(folder.path)] == made[1:]
    sweep(short_folder, "t-")  # locked now
    assert folder.path.exists()
    folder.remove()
