"""More sessions than a server allows on one connection (sshd_config, MaxSessions)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernels import Kernel, write_config
from tests.notebook.remotes import Remote, embedded_server
from tests.support.fixtures import watch
from tests.support.processes import wait_until
from tests.support.servers import PeerServer, start_openssh

SAID = "allows no more sessions on one connection; another connection was made\n"


@pytest.fixture
def one_session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PeerServer]:
    server = watch(request.node, start_openssh(tmp_path, "MaxSessions 1"))
    yield server
    server.stop()


def hold(kernel: Kernel, folder: Path, number: int) -> str:
    """Starts a command in the background that runs until its file is there; returns what the cell says."""
    command = f"until [ -e {folder}/end{number} ]; do sleep 0.05; done"
    cell = kernel.run(f"%ssh --bg --proc job{number} box {command!r}")
    assert cell.error is None, cell.traceback
    return cell.stderr


def count(kernel: Kernel) -> int:
    """How many connections the kernel has; further ones are known to the pool only."""
    registry = "__import__('jupyter_ssh').kernel.connections.registry.get_connections()"
    return int(kernel.value(f"len({registry}._pool.connections())"))


@pytest.fixture
def one_at_once(tmp_path: Path) -> Iterator[Remote]:
    """Our own server: OpenSSH's counts a session for a while after its channel is closed."""
    with embedded_server(tmp_path, max_sessions=1) as remote:
        yield remote


def test_a_further_connection_is_made_and_announced_once(kernel_with, one_at_once, tmp_path):
    kernel = kernel_with(write_config(tmp_path, box=one_at_once))
    assert hold(kernel, tmp_path, 1) == ""
    cell = kernel.run("for n in range(3):\n    %ssh box echo {n}")
    assert cell.stdout == "0\n1\n2\n"
    assert cell.stderr.endswith(SAID)
    assert cell.stderr.count(SAID) == 1
    assert count(kernel) == 2
    assert hold(kernel, tmp_path, 2) == ""
    cell = kernel.run("%ssh box echo in")
    assert (cell.stdout, cell.stderr) == ("in\n", ""), "on a third one, of which there is nothing new to say"
    assert count(kernel) == 3
    kernel.run("from jupyter_ssh.ssh.client.pool import further; further.IDLE_SECONDS = 0.0")
    (tmp_path / "end2").touch()
    assert kernel.value("job2.wait().result()") == 0
    wait_until(lambda: count(kernel) == 2, "the end of the second connection")
    cell = kernel.run("%ssh_close box")
    assert "stays open for a command in the background;" in cell.stdout
    (tmp_path / "end1").touch()
    assert kernel.value("job1.wait().result()") == 0
    wait_until(lambda: count(kernel) == 0, "the end of the first connection, and the third with it")


def test_the_blocking_face_uses_it_too(kernel_with, one_session, tmp_path):
    kernel = kernel_with(write_config(tmp_path, box=one_session))
    kernel.run("import jupyter_ssh; conn = jupyter_ssh.connect('box'); held = conn.start('cat')")
    cell = kernel.run("results = [conn.run(f'echo {n}').text for n in range(3)]")
    assert cell.error is None, cell.traceback
    assert kernel.value("results") == ["0\n", "1\n", "2\n"]
    assert kernel.value("conn is conn and not conn.closed") is True
    kernel.run("held.close(); conn.close()")


def test_a_session_that_is_refused_where_no_other_is_open_is_refused(kernel_with, request, tmp_path):
    server = watch(request.node, start_openssh(tmp_path, "MaxSessions 0"))
    try:
        kernel = kernel_with(write_config(tmp_path, box=server))
        cell = kernel.run("%ssh box echo in")
        assert cell.error == "ChannelOpenError"
        assert count(kernel) == 1
    finally:
        server.stop()
