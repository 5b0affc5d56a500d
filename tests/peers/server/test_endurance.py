"""What ends badly: clients that vanish, strangers that talk nonsense or nothing, and a server that shuts down."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest

from jupyter_ssh.ssh.errors import ConfigError, ConnectError
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.server import listen
from tests.peers.server_support import TIMEOUT, asyncssh_client, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory, embedded_in_loop
from tests.support.processes import HOST, free_port, is_over, wait_until


def connect(server: EmbeddedServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=TIMEOUT)


def read_all(stranger: socket.socket) -> bytes:
    data = b""
    try:
        while chunk := stranger.recv(65536):
            data += chunk
    except ConnectionError:
        pass
    return data


# --- clients that vanish ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["-tt"]], ids=["pipes", "pty"])
def test_a_client_killed_midway_leaves_no_process(
    embedded_server: EmbeddedServer, peer_clients: PeerClients, options: list[str]
) -> None:
    command = "sleep 1000 & echo $$ $!; cat /dev/zero > /dev/null"
    with ssh(embedded_server, peer_clients, command, *options).popen() as client:
        assert client.stdout is not None
        shell, sleeper = (psutil.Process(int(word)) for word in client.stdout.readline().split())
        client.kill()
        wait_until(lambda: is_over(shell) and is_over(sleeper), "the children are gone")
    wait_until(lambda: not psutil.pid_exists(shell.pid), "the shell is reaped")


def test_a_client_killed_during_a_flood(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    with ssh(embedded_server, peer_clients, "echo $$; exec cat /dev/zero").popen() as client:
        assert client.stdout is not None
        flood = psutil.Process(int(client.stdout.readline()))
        client.stdout.read(10_000_000)
        client.kill()
        wait_until(lambda: not psutil.pid_exists(flood.pid), "cat is gone")


def test_a_client_that_does_not_read_stops_the_command(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    """Nobody's memory fills: the pipe does, and the command waits."""
    program = psutil.Process()
    with ssh(embedded_server, peer_clients, "echo $$; exec cat /dev/zero").popen() as client:
        assert client.stdout is not None
        flood = psutil.Process(int(client.stdout.readline()))
        written = -1

        def stands_still() -> bool:
            nonlocal written
            before, written = written, flood.io_counters().write_chars
            # Two looks, a fifth of a second of the machine's time apart at least.
            return bool(before == written)

        client.send_signal(signal.SIGSTOP)
        pause = threading.Event()
        wait_until(lambda: pause.wait(0.2) or stands_still(), "cat waits")
        assert written < 100_000_000
        assert program.memory_info().rss < 1 << 30
        client.send_signal(signal.SIGCONT)
        assert len(client.stdout.read(200_000_000)) == 200_000_000
        client.kill()


async def test_closing_a_channel_hangs_up_its_process_only(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        processes = [await connection.create_process("echo $$; exec cat") for _ in range(2)]
        first, second = [psutil.Process(int(await process.stdout.readline())) for process in processes]
        processes[0].close()
        await asyncio.to_thread(wait_until, lambda: not psutil.pid_exists(first.pid), "the first is gone")
        assert second.is_running()
        processes[1].stdin.write("still here\n")
        assert await processes[1].stdout.readline() == "still here\n"


async def test_nohup_is_respected(embedded_server: EmbeddedServer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with asyncssh_client(embedded_server) as connection:
        command = f"nohup sh -c 'read x < {pipe}' >/dev/null 2>&1 & echo $!"
        number = int((await connection.run(command, timeout=TIMEOUT)).stdout)
    survivor = psutil.Process(number)
    server = embedded_server.server
    assert server is not None
    await asyncio.to_thread(wait_until, lambda: server.connections == 0, "the connection is gone")
    assert survivor.is_running()
    pipe.write_text("end\n")
    await asyncio.to_thread(wait_until, lambda: is_over(survivor), "it ends when it is told to")


# --- strangers --------------------------------------------------------------------------------------------------------

NONSENSE = [
    b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    os.urandom(4096),
    b"\n" * 5000,
    b"x" * 100_000,
    b"SSH-1.5-old\r\n",
    b"SSH-2.0-half",
    b"SSH-2.0-x\r\n" + bytes(200),
    b"SSH-2.0-x\r\n" + b"\xff" * 200,
    b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x14" + bytes(10) + os.urandom(100),
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_disturbs_nobody(embedded_server: EmbeddedServer, peer_clients: PeerClients, nonsense: bytes) -> None:
    with ssh(embedded_server, peer_clients, "echo up; cat").popen() as guest:
        assert guest.stdout is not None
        assert guest.stdout.readline() == b"up\n"
        for _ in range(5):
            with connect(embedded_server) as stranger:
                try:
                    stranger.sendall(nonsense)
                    stranger.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # The server has hung up already.
                assert read_all(stranger).startswith(b"SSH-2.0-")
        stdout, _ = guest.communicate(b"undisturbed", TIMEOUT)
        assert (stdout, guest.returncode) == (b"undisturbed", 0)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-quiet\r\n"])
def test_logging_in_has_a_deadline(embedded_server_factory: Factory, said: bytes) -> None:
    server = embedded_server_factory(login_grace_time=0.5)
    with connect(server) as stranger:
        stranger.sendall(said)
        # Returns when the server hangs up; the socket's own deadline is far away.
        assert read_all(stranger).startswith(b"SSH-2.0-")


def test_no_deadline(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(login_grace_time=0)
    assert ssh(server, peer_clients, "echo in").run().stdout == b"in\n"


async def test_the_deadline_holds_while_authenticating_and_not_after(embedded_server_factory: Factory) -> None:
    hanging = asyncio.Event()

    async def never(user: str, password: str) -> bool:
        hanging.set()
        await asyncio.get_running_loop().create_future()
        return True

    for seconds in (2.0, 10.0):  # the second where the machine is so busy that nobody gets as far in two
        server = embedded_server_factory(login_grace_time=seconds, passwords=never)
        with pytest.raises((asyncssh.DisconnectError, ConnectionError)):
            await asyncssh_client(server, client_keys=None, password="x")
        if hanging.is_set():
            break
    assert hanging.is_set()
    async with asyncssh_client(server) as connection:
        assert (await connection.run(f"sleep {seconds + 0.5}; echo in", timeout=TIMEOUT)).stdout == "in\n"


def test_strangers_that_say_nothing_have_a_limit(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(max_startups=(3, 100, 3))
    assert server.server is not None
    running = server.server
    with ssh(server, peer_clients, "echo up; cat").popen() as guest, ExitStack() as stack:
        assert guest.stdout is not None
        assert guest.stdout.readline() == b"up\n"
        strangers = [stack.enter_context(connect(server)) for _ in range(3)]
        for stranger in strangers:
            assert stranger.recv(8) == b"SSH-2.0-"
        with connect(server) as late:
            assert read_all(late) == b"Exceeded MaxStartups\r\n"
        strangers[0].close()
        wait_until(lambda: running.connections == 3, "one is gone")
        assert ssh(server, peer_clients, "echo again").run().stdout == b"again\n"
        assert guest.communicate(b"whoever is in stays in", TIMEOUT)[0] == b"whoever is in stays in"


def test_many_clients_at_once(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    clients = [ssh(embedded_server, peer_clients, f"cat; exit {number}").popen() for number in range(8)]
    for number, client in enumerate(clients):
        stdout, stderr = client.communicate(b"hello", TIMEOUT)
        assert (client.returncode, stdout) == (number, b"hello"), stderr


async def test_keepalives_find_a_client_that_is_gone(
    embedded_server_factory: Factory, peer_clients: PeerClients
) -> None:
    server = embedded_server_factory(client_alive_interval=1, client_alive_count_max=2)
    running = server.server
    assert running is not None
    with ssh(server, peer_clients, "echo $$; exec cat").popen() as client:
        assert client.stdout is not None
        child = psutil.Process(int(await asyncio.to_thread(client.stdout.readline)))
        client.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(wait_until, lambda: not psutil.pid_exists(child.pid), "its process is gone")
        client.kill()


# --- the server itself ------------------------------------------------------------------------------------------------


async def test_closing_the_server_ends_everything(tmp_path: Path, peer_clients: PeerClients) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with embedded_in_loop(tmp_path / "server") as peer:
        port = peer.port
        client = await asyncio.to_thread(ssh(peer, peer_clients, "sleep 1000 & echo $$ $!; cat").popen)
        with client:
            assert client.stdout is not None
            line = await asyncio.to_thread(client.stdout.readline)
            children = [psutil.Process(int(word)) for word in line.split()]
            assert peer.server is not None
            began = time.monotonic()
            await peer.server.close()
            await peer.server.close()
            assert time.monotonic() - began < TIMEOUT
            await asyncio.to_thread(wait_until, lambda: all(map(is_over, children)), "its children are gone")
            assert peer.server.addresses == []
            assert peer.server.port == 0
            await asyncio.to_thread(client.communicate, b"", TIMEOUT)
            assert client.returncode == 255
        with pytest.raises(OSError):
            socket.create_connection((HOST, port), timeout=TIMEOUT)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_addresses(tmp_path: Path) -> None:
    key = generate()
    async with await listen([HOST, "::1"], 0, host_keys=[key], passwords=lambda user, password: False) as server:
        assert {host for host, _ in server.addresses} == {HOST, "::1"}
        assert server.port == server.addresses[0][1]
        with pytest.raises(ConnectError, match="port"):
            await listen(HOST, dict(server.addresses)[HOST], host_keys=[key], passwords=lambda user, password: False)


async def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    key = generate()
    broken: list[dict[str, Any]] = [
        {"host_keys": []},
        {"host_keys": [key]},
        {"host_keys": [key], "passwords": print, "no_such_option": 1},
        {"host_keys": [key], "passwords": print, "ciphers": "rot13"},
        {"host_keys": [key], "passwords": print, "host_key_algorithms": "rsa-sha2-512"},
        {"host_keys": [key], "passwords": print, "authentication_methods": [["publickey"]]},
        {"host_keys": [key], "passwords": print, "authentication_methods": [[]]},
        {"host_keys": [key], "passwords": print, "authentication_methods": []},
        {"host_keys": [key], "passwords": print, "authentication_methods": [["password", "password"]]},
    ]
    for options in broken:
        with pytest.raises(ConfigError):
            await listen(HOST, free_port(), **options)
