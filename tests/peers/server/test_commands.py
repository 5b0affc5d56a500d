"""Commands on our server, run by the clients of others."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.peers.client_support import reach
from tests.peers.server_support import TIMEOUT, asyncssh_client, server_for, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory

COMMAND = "cat; echo problem >&2; exit 7"
TEXT = b"one\ntwo\n"
CLIENTS = ("ssh", "plink", "dbclient")
BIG = 20_000_000


@pytest.mark.parametrize("way", ["key", "password"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_command_has_its_streams_and_its_status(
    embedded_server_factory: Factory, peer_clients: PeerClients, client: str, way: str
) -> None:
    server = server_for(client, embedded_server_factory)
    proof = {"identity": server.identity} if way == "key" else {"password": server.password}
    build = getattr(peer_clients, client)
    command = build(server.host, server.port, server.user, COMMAND, known_hosts=server.known_hosts, **proof)
    done = command.run(TEXT)
    assert (done.returncode, done.stdout) == (7, TEXT), done.stderr.decode()
    assert b"problem" in done.stderr


async def test_output_that_nobody_reads_any_more_stops(embedded_server: EmbeddedServer) -> None:
    async with reach(embedded_server) as connection:
        async with await connection.start("yes; echo $? >&2; exit 6") as process:
            await process.stdout.read(1)
            process.stop_output()
            result = await process.wait(timeout=TIMEOUT)
        assert (result.stderr, result.exit_status) == (b"141\n", 6)  # 128 + SIGPIPE


@pytest.mark.parametrize("status", [0, 3, 255])
def test_exit_status(embedded_server: EmbeddedServer, peer_clients: PeerClients, status: int) -> None:
    assert ssh(embedded_server, peer_clients, f"exit {status}").run().returncode == status


def test_a_signal_is_no_status(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    done = ssh(embedded_server, peer_clients, "kill -TERM $$").run()
    assert done.returncode == 255
    command = ssh(embedded_server, peer_clients, "kill -TERM $$", "-v")
    assert b"exit-signal" in command.run().stderr


@pytest.mark.parametrize("client", CLIENTS)
def test_many_bytes_come_back_as_they_went(
    embedded_server_factory: Factory, peer_clients: PeerClients, client: str
) -> None:
    server = server_for(client, embedded_server_factory)
    data = os.urandom(BIG)
    build = getattr(peer_clients, client)
    command = build(
        server.host, server.port, server.user, "cat", known_hosts=server.known_hosts, identity=server.identity
    )
    done = command.run(data, seconds=100)
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    "options",
    [
        ["-oCiphers=aes128-gcm@openssh.com"],
        ["-oCiphers=aes256-gcm@openssh.com", "-oKexAlgorithms=ecdh-sha2-nistp256"],
        ["-oCiphers=chacha20-poly1305@openssh.com", "-oKexAlgorithms=curve25519-sha256"],
        ["-oCiphers=aes128-ctr", "-oMACs=hmac-sha2-256-etm@openssh.com", "-oHostKeyAlgorithms=ecdsa-sha2-nistp256"],
        ["-oCiphers=aes192-ctr", "-oMACs=hmac-sha2-512", "-oHostKeyAlgorithms=rsa-sha2-512"],
        ["-oCiphers=aes256-ctr", "-oMACs=hmac-sha2-512-etm@openssh.com", "-oHostKeyAlgorithms=rsa-sha2-256"],
        ["-oRekeyLimit=1M"],
        ["-oRekeyLimit=1M", "-oCiphers=aes128-ctr", "-oMACs=hmac-sha2-256"],
    ],
    ids=lambda options: " ".join(options).replace("-o", ""),
)
def test_many_bytes_under_all_algorithms_and_while_keys_change(
    embedded_server_factory: Factory, peer_clients: PeerClients, options: list[str]
) -> None:
    server = embedded_server_factory(host_key_types=["ed25519", "ecdsa", "rsa"], legacy=True)
    data = os.urandom(BIG)
    done = ssh(server, peer_clients, "cat", *options).run(data, seconds=100)
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_many_bytes_while_the_server_changes_keys(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(rekey_limit=1 << 20)
    data = os.urandom(BIG)
    command = ssh(server, peer_clients, "cat", "-v")
    done = command.run(data, seconds=100)
    assert done.stdout == data
    assert done.stderr.count(b"SSH2_MSG_KEXINIT received") > 10


def test_stdout_and_stderr_both_full(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    command = "head -c 5000000 /dev/zero >&2 & head -c 5000000 /dev/zero; wait; echo end"
    done = ssh(embedded_server, peer_clients, command).run()
    assert (len(done.stdout), len(done.stderr)) == (5_000_004, 5_000_000)
    assert done.stdout.endswith(b"end\n")


def test_a_command_that_does_not_read_its_input(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    done = ssh(embedded_server, peer_clients, "echo done").run(bytes(5_000_000))
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_a_command_that_closes_its_output_and_goes_on(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    done = ssh(embedded_server, peer_clients, "echo out; exec >&- 2>&-; read line; exit 5").run(b"go\n")
    assert (done.returncode, done.stdout) == (5, b"out\n")


def test_output_of_a_background_process_still_arrives(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    """As sshd: the session lasts as long as anybody holds its output."""
    done = ssh(embedded_server, peer_clients, "exec 3<&0; (read x <&3; echo late) & echo early; exit 4").run(b"go\n")
    assert done.returncode == 4
    assert sorted(done.stdout.split()) == [b"early", b"late"]


def test_environment(
    embedded_server_factory: Factory, peer_clients: PeerClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    server = embedded_server_factory(set_env={"COLOUR": "blue"})
    command = ssh(server, peer_clients, "env -0; pwd", "-oSetEnv=LANG=de_CH.UTF-8 LC_X=y FORBIDDEN=z")
    *items, folder = command.run().stdout.decode().split("\0")
    found = dict(item.split("=", 1) for item in items)
    assert folder.strip() == str(server.home)
    assert found["HOME"] == str(server.home)
    assert (found["LANG"], found["LC_X"], found["COLOUR"]) == ("de_CH.UTF-8", "y", "blue")
    assert (found["USER"], found["LOGNAME"], found["SHELL"]) == (server.user, server.user, "/bin/bash")
    assert found["SSH_CONNECTION"].split()[0] == "127.0.0.1"
    assert found["SSH_CONNECTION"].split()[2:] == ["127.0.0.1", str(server.port)]
    assert found["SSH_CLIENT"].split()[2] == str(server.port)
    assert not {"SECRET_OF_THE_SERVER", "FORBIDDEN", "PYTHONPATH", "VIRTUAL_ENV", "TERM", "SSH_TTY"} & set(found)


def test_a_command_in_no_encoding(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    command = ssh(embedded_server, peer_clients, "printf %s 'Zürich \udcff' | od -An -tx1")
    assert command.run().stdout.split() == [b"5a", b"c3", b"bc", b"72", b"69", b"63", b"68", b"20", b"ff"]


def test_subsystems(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(subsystems={"echo": "echo hello from $0; cat"})
    done = ssh(server, peer_clients, "echo", "-s").run(b"and back\n")
    assert (done.returncode, done.stdout) == (0, b"hello from bash\nand back\n")
    refused = ssh(server, peer_clients, "sftp", "-s").run()
    assert refused.returncode != 0
    assert b"subsystem request failed" in refused.stderr


def test_a_missing_shell_is_a_refusal(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    from dataclasses import replace

    server = embedded_server.server
    assert server is not None
    server.account = replace(server.account, shell="/no/such/shell")
    done = ssh(embedded_server, peer_clients, "true").run()
    assert done.returncode != 0
    assert b"request failed" in done.stderr


# --- AsyncSSH and Paramiko --------------------------------------------------------------------------------------------


async def test_asyncssh_runs_commands(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        done = await connection.run(COMMAND, input=TEXT, encoding=None, timeout=TIMEOUT)
        assert (done.exit_status, done.stdout, done.stderr) == (7, TEXT, b"problem\n")
        killed = await connection.run("ulimit -c 0; kill -SEGV $$", timeout=TIMEOUT)
        assert killed.exit_signal[:2] == ("SEGV", False)
        large = await connection.run("cat", input=bytes(BIG), encoding=None, timeout=TIMEOUT)
        assert large.stdout == bytes(BIG)


async def test_asyncssh_shell_without_a_terminal(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        done = await connection.run(input="echo $0; exit 9\n", timeout=TIMEOUT)
        assert (done.exit_status, done.stdout) == (9, "-bash\n")


@pytest.mark.parametrize("name", ["INT", "TERM", "USR1", "KILL"])
async def test_signals(embedded_server: EmbeddedServer, name: str) -> None:
    async with asyncssh_client(embedded_server) as connection:
        process = await connection.create_process("echo ready; exec cat")
        assert await process.stdout.readline() == "ready\n"
        process.send_signal(name)
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert process.exit_signal[0] == name


async def test_many_sessions_on_one_connection(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(max_sessions=60)
    async with asyncssh_client(server) as connection:

        async def one(number: int) -> None:
            data = f"{number}\n" * 20_000
            done = await connection.run(f"cat; exit {number}", input=data, timeout=TIMEOUT)
            assert (done.exit_status, done.stdout) == (number, data)

        await asyncio.gather(*map(one, range(50)))


async def test_sessions_have_a_limit(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(max_sessions=2)
    async with asyncssh_client(server) as connection:
        first = await connection.create_process("cat")
        await connection.create_process("cat")
        with pytest.raises(asyncssh.ChannelOpenError, match="at most 2"):
            await connection.create_process("cat")
        first.stdin.write_eof()
        await asyncio.wait_for(first.wait_closed(), TIMEOUT)
        assert (await connection.run("echo again", timeout=TIMEOUT)).stdout == "again\n"


def test_paramiko_runs_commands(embedded_server: EmbeddedServer) -> None:
    server = embedded_server
    transport = paramiko.Transport((server.host, server.port))
    try:
        transport.start_client(timeout=TIMEOUT)
        assert transport.get_remote_server_key().get_base64() in server.known_hosts.read_text()
        transport.auth_publickey(server.user, paramiko.Ed25519Key(filename=str(server.client_key)))
        channel = transport.open_session(timeout=TIMEOUT)
        channel.settimeout(TIMEOUT)
        channel.exec_command(COMMAND)
        channel.sendall(TEXT)
        channel.shutdown_write()
        assert channel.makefile("rb").read() == TEXT
        assert channel.makefile_stderr("rb").read() == b"problem\n"
        assert channel.recv_exit_status() == 7
        again = transport.open_session(timeout=TIMEOUT)
        again.settimeout(TIMEOUT)
        again.exec_command("head -c 3000000 /dev/zero")
        assert len(again.makefile("rb").read()) == 3_000_000
    finally:
        transport.close()


def test_control_master(embedded_server: EmbeddedServer, peer_clients: PeerClients, tmp_path: Path) -> None:
    """Many ssh processes over one connection."""
    socket = tmp_path / "m"
    mux = ("-oControlMaster=auto", f"-oControlPath={socket}")
    with ssh(embedded_server, peer_clients, "echo up; cat", *mux).popen() as master:
        assert master.stdout is not None
        assert master.stdout.readline() == b"up\n"
        clients = [ssh(embedded_server, peer_clients, f"cat; exit {n}", *mux).popen() for n in range(8)]
        for number, client in enumerate(clients):
            stdout, stderr = client.communicate(str(number).encode() * 100_000, TIMEOUT)
            assert (client.returncode, stdout) == (number, str(number).encode() * 100_000), stderr
        assert embedded_server.server is not None
        assert embedded_server.server.connections == 1
        master.communicate(b"", TIMEOUT)
    assert isinstance(master, subprocess.Popen)
