"""``jupyter-ssh ssh -W`` beside OpenSSH's, and as the ProxyCommand of OpenSSH's ssh."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jupyter_ssh.ssh.config import parse
from jupyter_ssh.ssh.config.arguments import parse_line
from jupyter_ssh.ssh.errors import ConfigError
from tests.support.fixtures import watch
from tests.support.peers import require_tool
from tests.support.processes import free_port
from tests.support.servers import PeerServer, start_openssh
from tests.support.tree import TREE

OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    started = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd"), host_key_types=["ed25519"]))
    yield started
    started.stop()


def words(server: PeerServer) -> list[str]:
    known = [f"-oUserKnownHostsFile={server.known_hosts}", "-oGlobalKnownHostsFile=none"]
    return ["-F", "none", *known, "-i", str(server.client_key), "-p", str(server.port)]


def run(argv: list[str], input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv, input=input, capture_output=True, check=False, timeout=60, cwd=TREE, start_new_session=True
    )


def test_ssh_goes_through_it(server: PeerServer) -> None:
    destination = f"{server.user}@{server.host}"
    through = shlex.join([*OURS, *words(server), "-W", f"{server.host}:{server.port}", destination])
    ssh = require_tool("ssh", "openssh-client")
    data = b"x" * 500_000
    done = run([ssh, *words(server), f"-oProxyCommand={through}", destination, "cat"], data)
    assert (done.returncode, done.stdout) == (0, data), done.stderr


def test_a_place_that_is_not_reached(server: PeerServer) -> None:
    place = f"{server.host}:{free_port()}"
    for program in (OURS, [require_tool("ssh", "openssh-client")]):
        done = run([*program, *words(server), "-W", place, f"{server.user}@{server.host}"])
        assert (done.returncode, done.stdout) == (255, b"")
        assert b"stdio forwarding failed" in done.stderr


def test_places() -> None:
    assert parse(["-W", "[::1]:22", "host"]).stdio_forward == ("::1", 22)
    assert parse(["-W", "inner:ssh", "host"]).stdio_forward == ("inner", 22)
    assert parse(["-Wname:9", "host"]).winning["SessionType"] == "none"
    for bad in ("name", ":22", "a:b", "a:0", "a:70000", "u@a:1"):
        with pytest.raises(ConfigError):
            parse(["-W", bad, "host"])
    with pytest.raises(ConfigError, match="works only in a shell"):
        parse_line("-W a:1 host")
