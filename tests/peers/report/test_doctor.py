"""``--doctor``: each step of a connection, learned from one connection and one login."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.client.report.doctor import Report, Result, examine
from tests.peers.client_support import Person
from tests.support.agents import PeerAgent
from tests.support.fixtures import watch
from tests.support.identities import ssh_keygen
from tests.support.processes import free_port, wait_until
from tests.support.servers import PeerServer, start_openssh


@pytest.fixture(scope="module")
def sshd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    server = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd"), host_key_types=["ed25519"]))
    wait_until(lambda: "Connection closed by remote host" in server.log(), "who looked whether it listens is gone")
    yield server
    server.stop()


def block(name: str, server: PeerServer, *lines: str) -> str:
    words = [f"Host {name}", *lines, f"HostName {server.host}", f"Port {server.port}", f"User {server.user}"]
    return "\n ".join([*words, f"UserKnownHostsFile {server.known_hosts}", "GlobalKnownHostsFile none"]) + "\n"


def write(folder: Path, *blocks: str) -> str:
    path = folder / "config"
    path.write_text("".join(blocks))
    path.chmod(0o600)
    return str(path)


def rows(report: Report, hop: str = "") -> dict[str, tuple[Result, str]]:
    """The last finding of each step."""
    return {row.step: (row.result, row.detail) for row in report.findings if row.hop == hop}


def keys(report: Report) -> list[tuple[Result, str]]:
    """Of each key how it went, by the name of its file."""
    found = []
    for row in report.findings:
        if row.step == "key":
            label, _, outcome = row.detail.partition(": ")
            found.append((row.result, f"{Path(label.partition(' SHA256:')[0]).name}: {outcome}"))
    return found


def logins(server: PeerServer) -> tuple[int, int]:
    log = server.log()
    return log.count("Accepted publickey for "), log.count("Connection from ")


async def test_every_step_of_one_connection(sshd: PeerServer, tmp_path: Path, openssh_agent: PeerAgent) -> None:
    wrong, readable = ssh_keygen(tmp_path / "wrong"), ssh_keygen(tmp_path / "readable")
    readable.chmod(0o644)
    again = ssh_keygen(tmp_path / "again")
    sshd.authorize(Path(f"{again}.pub").read_text())
    files = [f"IdentityFile {path}" for path in (wrong, readable, sshd.client_key, again)]
    config = write(tmp_path, block("box", sshd, f"IdentityAgent {openssh_agent.socket}", *files))
    before = logins(sshd)
    report = await examine("box", Person(), config=config)
    after = logins(sshd)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert report.error is None
    found = rows(report)
    assert {result for result, _ in found.values()} <= {Result.WORKS, Result.NOTE}
    assert found["configuration"][1] == f"{config}: read, mode 0600"
    assert found["route"][1] == "direct"
    assert found["name"][1] == "127.0.0.1 is 127.0.0.1"
    assert found["TCP connection"][1] == f"127.0.0.1 port {sshd.port}"
    assert found["SSH version"][1].startswith("SSH-2.0-OpenSSH_")
    assert "post-quantum" in found["algorithms"][1]
    assert found["host key"][1].endswith(f"known from {sshd.known_hosts}:1")
    assert found["methods offered"][1] == "publickey,password"
    assert found["agent"][1] == f"{openssh_agent.socket}: 0 keys"
    assert found["login"][1] == f"{sshd.user}, by publickey"
    assert found["session"][0] is Result.WORKS
    assert sorted(keys(report), key=lambda row: row[1]) == [
        (Result.WORKS, "again: would be accepted (mode 0600)"),
        (Result.WORKS, "id_ed25519: accepted (mode 0600)"),
        (Result.NOTE, f"readable: the key file {readable} is readable by others (0644)"),
        (Result.NOTE, "wrong: refused (mode 0600)"),
    ]


async def test_each_hop_has_its_steps(sshd: PeerServer, tmp_path: Path) -> None:
    key = f"IdentityFile {sshd.client_key}"
    # The same server under another name: a way through itself would be refused.
    jump = block("jump", sshd, key, f"HostKeyAlias [{sshd.host}]:{sshd.port}", "HostName localhost")
    config = write(tmp_path, jump, block("box", sshd, key, "ProxyJump jump"))
    report = await examine("box", Person(), config=config)
    assert report.error is None
    hop = f"{sshd.user}@jump:{sshd.port}"
    assert rows(report)["route"] == (Result.WORKS, f"through the jump host {hop}")
    assert [*rows(report, hop)][:6] == ["route", "name", "TCP connection", "SSH version", "algorithms", "host key"]
    assert rows(report, hop)["login"][0] is Result.WORKS
    assert rows(report)["TCP connection"][1] == f"{hop} connected to {sshd.host} port {sshd.port}"


async def test_a_hop_that_fails_is_the_one_that_is_told(sshd: PeerServer, tmp_path: Path) -> None:
    broken = block("jump", sshd).replace(f"Port {sshd.port}", f"Port {free_port()}")
    config = write(tmp_path, broken, block("box", sshd, "ProxyJump jump"))
    report = await examine("box", Person(), config=config)
    hop = next(row.hop for row in report.findings if row.hop)
    assert rows(report, hop)["TCP connection"][0] is Result.FAILS
    assert rows(report)["route"] == (Result.FAILS, f"the jump host {hop} failed")
    assert rows(report)["login"][0] is Result.SKIPPED
    assert report.error is not None
    assert report.error.advice == "refused"
    assert report.summary == f"box: no connection, failed at: TCP connection ({hop})"


@pytest.mark.parametrize(
    ("lines", "step", "advice"),
    [
        (["HostName no-such-host.invalid"], "name", "name-not-found"),
        (["Port 1"], "TCP connection", "refused"),
        (["ProxyCommand sh -c 'exit 3'"], "route", "proxy-command"),
        (["Ciphers 3des-cbc"], "algorithms", "nothing-known"),
        (["UserKnownHostsFile none", "StrictHostKeyChecking yes"], "host key", "unknown"),
        (["IdentityFile none", "BatchMode yes"], "login", "nobody-asked"),
        (["NoSuchOption yes"], "configuration", "config"),
    ],
)
async def test_the_step_that_fails(
    sshd: PeerServer, tmp_path: Path, lines: list[str], step: str, advice: str | None
) -> None:
    config = write(tmp_path, block("box", sshd, *lines))
    report = await examine("box", Person(), config=config)
    failed = [row for row in report.findings if row.result is Result.FAILS]
    assert [row.step for row in failed] == [step]
    assert report.error is not None
    if advice != "nothing-known":
        assert report.error.advice == advice
    skipped = [row.step for row in report.findings if row.result is Result.SKIPPED]
    assert ("session" in skipped) is (step != "configuration")
    assert f"next: {str(report.error.next_step)[:20]}" in "\n".join(report.lines())


async def test_no_password_is_told(sshd: PeerServer, tmp_path: Path) -> None:
    config = write(tmp_path, block("box", sshd, "IdentityFile none"))
    person = Person(secrets=["never-to-be-shown", sshd.password])
    report = await examine("box", person, config=config)
    assert report.error is None
    text = "\n".join(report.lines())
    assert "password: refused" in text
    assert "never-to-be-shown" not in text + repr(report)
    assert sshd.password not in text + repr(report)


def test_the_command_prints_it(sshd: PeerServer, tmp_path: Path) -> None:
    config = write(tmp_path, block("box", sshd, f"IdentityFile {sshd.client_key}"))
    command = [sys.executable, "-m", "jupyter_ssh.commands", "ssh", "--doctor", "-F", config]
    done = subprocess.run([*command, "box"], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("box: everything that was tried works\n")
    assert max(map(len, done.stdout.splitlines())) < 120
    failed = subprocess.run([*command, "-p", "1", "box"], capture_output=True, text=True, env=os.environ)
    assert failed.returncode == 255
    assert "next: The machine is up, but nothing listens on port 1" in failed.stdout
