"""Each peer works with its own project's client (or one that is known to work), before ours is blamed for anything."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import paramiko
import psutil
import pytest

from tests.support.asyncssh_peer import AsyncSSHPeer
from tests.support.clients import PeerClients
from tests.support.identities import Identity, fingerprints, make_identity, ssh_keygen
from tests.support.paramiko_peer import ParamikoPeer
from tests.support.processes import PeerError, ServerProcess, is_listening, wait_until
from tests.support.servers import PeerServer

# stdin comes back, both streams are there, and the status is not 0 by chance
COMMAND = "cat; echo problem >&2; exit 7"
TEXT = b"one\ntwo\n"
SECONDS = 60

Outcome = subprocess.CompletedProcess[bytes]


def check(outcome: Outcome) -> None:
    assert (outcome.returncode, outcome.stdout) == (7, TEXT), outcome.stderr.decode()
    assert b"problem" in outcome.stderr


# --- servers that are programs ----------------------------------------------------------------------------------------

SERVERS_AND_CLIENTS = [
    ("openssh_server", "ssh", "key"),
    ("openssh_server", "ssh", "password"),
    ("openssh_server", "plink", "key"),
    ("openssh_server", "plink", "password"),
    ("openssh_server", "dbclient", "key"),
    ("dropbear_server", "dbclient", "key"),
    ("dropbear_server", "dbclient", "password"),
    ("dropbear_server", "ssh", "key"),
    ("tinyssh_server", "ssh", "key"),
    # plink gives TinySSH up: no strict key exchange
]


@pytest.mark.parametrize(("fixture", "client", "way"), SERVERS_AND_CLIENTS)
def test_a_server_runs_a_command(
    request: pytest.FixtureRequest, peer_clients: PeerClients, fixture: str, client: str, way: str
) -> None:
    server: PeerServer = request.getfixturevalue(fixture)
    proof = {"identity": server.identity} if way == "key" else {"password": server.password}
    command = getattr(peer_clients, client)(
        server.host, server.port, server.user, COMMAND, known_hosts=server.known_hosts, **proof
    )
    check(command.run(TEXT))
    assert server.log()


@pytest.mark.parametrize("fixture", ["openssh_server", "dropbear_server", "tinyssh_server"])
def test_a_server_lets_nobody_else_in(
    request: pytest.FixtureRequest, peer_clients: PeerClients, identity: Identity, fixture: str
) -> None:
    server: PeerServer = request.getfixturevalue(fixture)
    place = (server.host, server.port, server.user, "true")
    assert peer_clients.ssh(*place, identity=identity, known_hosts=server.known_hosts).run().returncode == 255
    if fixture != "tinyssh_server":
        assert peer_clients.ssh(*place, password="not it", known_hosts=server.known_hosts).run().returncode == 255


def test_a_session_is_in_the_throw_away_home(peer_clients: PeerClients, openssh_server: PeerServer) -> None:
    server = openssh_server
    command = peer_clients.ssh(server.host, server.port, server.user, "pwd; echo $HOME", identity=server.identity)
    assert command.run().stdout.decode().split() == [str(server.home)] * 2


def test_a_client_refuses_an_unknown_host_key(
    tmp_path: Path, peer_clients: PeerClients, openssh_server: PeerServer
) -> None:
    server = openssh_server
    other = ssh_keygen(tmp_path / "other").with_suffix(".pub").read_text()
    wrong = tmp_path / "wrong_hosts"
    wrong.write_text(f"[{server.host}]:{server.port} {other}")
    for build in (peer_clients.ssh, peer_clients.plink, peer_clients.dbclient):
        outcome = build(
            server.host, server.port, server.user, "true", identity=server.identity, known_hosts=wrong
        ).run()
        assert outcome.returncode != 0, outcome
        assert b"key" in outcome.stderr.lower()


def test_a_factory_takes_options_and_several_servers(
    tmp_path: Path, peer_clients: PeerClients, openssh_server_factory: Callable[..., PeerServer]
) -> None:
    one = openssh_server_factory("AuthenticationMethods publickey,password", user="alice", host_key_types=["rsa"])
    two = openssh_server_factory("PasswordAuthentication no")
    assert one.user == "alice"
    assert list(one.host_key_paths) == ["rsa"]
    assert one.port != two.port
    both = peer_clients.ssh(
        one.host, one.port, "alice", COMMAND, identity=one.identity, password=one.password, known_hosts=one.known_hosts
    )
    check(both.run(TEXT))
    assert peer_clients.ssh(one.host, one.port, "alice", "true", identity=one.identity).run().returncode == 255
    assert peer_clients.ssh(two.host, two.port, two.user, "true", password=two.password).run().returncode == 255

    further = make_identity(tmp_path, "ecdsa")
    two.authorize(further.public_line)
    check(peer_clients.ssh(two.host, two.port, two.user, COMMAND, identity=further).run(TEXT))


@pytest.mark.parametrize("fixture", ["openssh_server", "dropbear_server", "tinyssh_server"])
def test_stopping_a_server_ends_its_sessions(
    request: pytest.FixtureRequest, peer_clients: PeerClients, fixture: str
) -> None:
    server: PeerServer = request.getfixturevalue(fixture)
    command = peer_clients.ssh(server.host, server.port, server.user, "echo up; cat", identity=server.identity)
    with command.popen() as client:
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        program = psutil.Process(server.process.process.pid)
        wait_until(lambda: any(child.name() == "cat" for child in program.children(recursive=True)), "cat runs")
        family = program.children(recursive=True)
        server.stop()
        psutil.wait_procs(family, timeout=SECONDS)
        assert not [process for process in family if process.is_running() and process.status() != "zombie"]
        assert not is_listening(server.port)
        client.communicate(timeout=SECONDS)
        assert client.returncode


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"status 3 before it listened:\n(complaint\n)+"):
        ServerProcess("sh", lambda port: ["/bin/sh", "-c", "echo complaint; exit 3"], tmp_path / "log")


def test_a_client_that_hangs_is_ended(peer_clients: PeerClients, openssh_server: PeerServer) -> None:
    server = openssh_server
    command = peer_clients.ssh(server.host, server.port, server.user, "echo up; cat; cat", identity=server.identity)
    endless = [*command.argv[:-1], "echo up; sleep 1000"]
    for seconds in (2, 30):  # the second where the machine is so busy that nobody gets in in two
        with pytest.raises(PeerError, match=f"did not end within {seconds} s\nstdout: b'") as caught:
            type(command)(endless, command.env).run(seconds=seconds)
        if "stdout: b'up" in str(caught.value):
            return
    raise caught.value


def test_waiting_has_a_deadline() -> None:
    with pytest.raises(PeerError, match="something that never is"):
        wait_until(lambda: False, "something that never is", seconds=0.05)


def test_fingerprints_are_those_of_the_keys(tmp_path: Path) -> None:
    path = ssh_keygen(tmp_path / "key")
    assert fingerprints(path.with_suffix(".pub")) == [asyncssh.read_public_key(f"{path}.pub").get_fingerprint()]


# --- AsyncSSH ---------------------------------------------------------------------------------------------------------


class Answers(asyncssh.SSHClient):  # type: ignore[misc]
    """Answers keyboard-interactive."""

    answers: list[str]

    def kbdint_auth_requested(self) -> str:
        return ""

    def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: object) -> list[str]:
        return self.answers


@pytest.mark.parametrize("method", ["publickey", "password", "keyboard-interactive"])
async def test_asyncssh_serves_asyncssh(
    asyncssh_server_factory: Callable[..., Awaitable[AsyncSSHPeer]], method: str
) -> None:
    peer = await asyncssh_server_factory(methods=[method])

    def client() -> Answers:
        answering = Answers()
        answering.answers = [answer for _, _, answer in peer.questions]
        return answering

    async with asyncssh.connect(
        peer.host,
        peer.port,
        username=peer.user,
        config=None,
        agent_path=None,
        known_hosts=str(peer.known_hosts),
        client_keys=[str(peer.client_key)] if method == "publickey" else None,
        password=peer.password if method == "password" else None,
        client_factory=client,
        login_timeout=SECONDS,
    ) as connection:
        done = await connection.run(COMMAND, input=TEXT, encoding=None, timeout=SECONDS)
    assert (done.exit_status, done.stdout, done.stderr) == (7, TEXT, b"problem\n")


# not dbclient: it sends a packet of the exchange it guesses, which ends the connection here when the guess is wrong
@pytest.mark.parametrize("client", ["ssh", "plink"])
async def test_asyncssh_serves_programs(asyncssh_server: AsyncSSHPeer, peer_clients: PeerClients, client: str) -> None:
    peer = asyncssh_server
    command = getattr(peer_clients, client)(
        peer.host, peer.port, peer.user, COMMAND, identity=peer.identity, known_hosts=peer.known_hosts
    )
    check(await command.run_async(TEXT))


async def test_asyncssh_reports_a_signal_and_large_output(
    asyncssh_server: AsyncSSHPeer, peer_clients: PeerClients
) -> None:
    peer = asyncssh_server
    async with asyncssh.connect(
        peer.host,
        peer.port,
        username=peer.user,
        config=None,
        agent_path=None,
        known_hosts=str(peer.known_hosts),
        client_keys=[str(peer.client_key)],
    ) as connection:
        killed = await connection.run("kill -TERM $$", timeout=SECONDS)
        assert killed.exit_signal
        assert killed.exit_signal[0] == "TERM"
        large = await connection.run("head -c 3000000 /dev/zero", encoding=None, timeout=SECONDS)
        assert len(large.stdout or b"") == 3_000_000


async def test_a_client_of_the_event_loop_that_hangs_is_ended(
    asyncssh_server: AsyncSSHPeer, peer_clients: PeerClients
) -> None:
    peer = asyncssh_server
    command = peer_clients.ssh(peer.host, peer.port, peer.user, "echo up; sleep 1000", identity=peer.identity)
    for seconds in (2, 30):
        with pytest.raises(PeerError, match=f"did not end within {seconds} s\nstdout: b'") as caught:
            await command.run_async(seconds=seconds)
        if "stdout: b'up" in str(caught.value):
            return
    raise caught.value


# --- Paramiko ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["publickey", "password", "keyboard-interactive"])
def test_paramiko_serves_paramiko(paramiko_server_factory: Callable[..., ParamikoPeer], method: str) -> None:
    peer = paramiko_server_factory(methods=[method])
    transport = paramiko.Transport((peer.host, peer.port))
    try:
        transport.start_client(timeout=SECONDS)
        assert transport.get_remote_server_key().get_base64() in peer.known_hosts.read_text()
        if method == "publickey":
            transport.auth_publickey(peer.user, paramiko.Ed25519Key(filename=str(peer.client_key)))
        elif method == "password":
            transport.auth_password(peer.user, peer.password, fallback=False)
        else:
            transport.auth_interactive(peer.user, lambda *_: [answer for _, _, answer in peer.questions])
        channel = transport.open_session(timeout=SECONDS)
        channel.settimeout(SECONDS)
        channel.exec_command(COMMAND)
        channel.sendall(TEXT)
        channel.shutdown_write()
        assert channel.makefile("rb").read() == TEXT
        assert channel.makefile_stderr("rb").read() == b"problem\n"
        assert channel.recv_exit_status() == 7
    finally:
        transport.close()


@pytest.mark.parametrize("client", ["ssh", "plink"])  # not dbclient, as above
def test_paramiko_serves_programs(paramiko_server: ParamikoPeer, peer_clients: PeerClients, client: str) -> None:
    peer = paramiko_server
    command = getattr(peer_clients, client)(
        peer.host, peer.port, peer.user, COMMAND, identity=peer.identity, known_hosts=peer.known_hosts
    )
    check(command.run(TEXT))


def test_paramiko_leaves_nothing_running(
    paramiko_server_factory: Callable[..., ParamikoPeer], peer_clients: PeerClients
) -> None:
    peer = paramiko_server_factory()
    command = peer_clients.ssh(peer.host, peer.port, peer.user, "echo up; cat", identity=peer.identity)
    with command.popen() as client:
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        peer.stop()
        client.communicate(timeout=SECONDS)
    wait_until(
        lambda: not [thread for thread in threading.enumerate() if thread.name == "paramiko peer"], "its thread ended"
    )
    assert not is_listening(peer.port)


# --- the programs see only what they are given ------------------------------------------------------------------------


def test_a_client_does_not_see_the_users_home(peer_clients: PeerClients) -> None:
    command = peer_clients.ssh("host", 22, "alice")
    assert command.env["HOME"] == str(peer_clients.home)
    assert "SSH_AUTH_SOCK" not in command.env


async def test_run_async_leaves_the_loop_free(peer_clients: PeerClients) -> None:
    command = peer_clients.ssh("host", 22, "alice")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    done = await type(command)(["/bin/sh", "-c", "cat"], command.env).run_async(TEXT)
    counting.cancel()
    assert done.stdout == TEXT
    assert turns > 10
