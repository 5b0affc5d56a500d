"""The clients of others against our server."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import paramiko

from jupyter_ssh.ssh.wire.messages import KexInit
from tests.peers.algorithm_matrix import ASK_SECONDS, read_kexinit
from tests.support.clients import ClientCommand, PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.peers import require_tool
from tests.support.processes import HOST

TIMEOUT = 60


def ssh(server: EmbeddedServer, clients: PeerClients, command: str | None, *options: str, **more: Any) -> ClientCommand:
    """OpenSSH's ssh, with the key that is let in unless told otherwise."""
    settings = {"identity": server.identity, "known_hosts": server.known_hosts, "options": options, **more}
    return clients.ssh(server.host, server.port, server.user, command, **settings)


def server_for(client: str, make: Factory) -> EmbeddedServer:
    """A server with the defaults, as far as such a client can do with them: Debian's dbclient has no safer exchange."""
    return make(kex_algorithms="+curve25519-sha256") if client == "dbclient" else make()


def asyncssh_client(server: EmbeddedServer, **options: Any) -> Any:
    """An AsyncSSH connection, with the key that is let in unless told otherwise."""
    settings = {
        "username": server.user,
        "config": None,
        "agent_path": None,
        "known_hosts": str(server.known_hosts),
        "client_keys": [str(server.client_key)],
        "login_timeout": TIMEOUT,
        **options,
    }
    return asyncssh.connect(server.host, server.port, **settings)


def client_version(client: str) -> str:
    """Name and version of ssh, plink or dbclient, as docs/algorithms.md has them."""
    package = {"ssh": "openssh-client", "plink": "putty-tools", "dbclient": "dropbear-bin"}[client]
    done = subprocess.run([require_tool(client, package), "-V"], capture_output=True, text=True, check=False)
    said = re.search(r"OpenSSH_[\w.]+|Release [\d.]+|Dropbear v[\d.]+", done.stdout + done.stderr)
    assert said, done
    return said[0].replace("_", " ").replace("Release", "PuTTY").replace("Dropbear v", "dropbear ")


def paramiko_cat(connection: paramiko.Transport, data: bytes) -> bytes:
    """What ``cat`` gives back of ``data`` on a connection that is logged in."""
    channel = connection.open_session(timeout=TIMEOUT)
    channel.settimeout(TIMEOUT)
    channel.exec_command("cat")

    def send() -> None:
        channel.sendall(data)
        channel.shutdown_write()

    sending = threading.Thread(target=send)
    sending.start()
    received = b"".join(iter(lambda: channel.recv(65536), b""))
    sending.join(TIMEOUT)
    return received


def offer_of(make: Callable[[int], ClientCommand]) -> KexInit:
    """What a client offers whom we listen for; ``make`` gives its command for a port."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(ASK_SECONDS)
        with make(listener.getsockname()[1]).popen() as process:
            try:
                with listener.accept()[0] as connection:
                    connection.settimeout(ASK_SECONDS)
                    connection.sendall(b"SSH-2.0-Asking\r\n")
                    return read_kexinit(connection)
            finally:
                process.kill()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def destination(handler: Handler) -> AsyncIterator[int]:
    """A TCP server to forward to; gives its port.  All its connections are over when it is left."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionError:
                pass
            running.discard(task)

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        if running:
            await asyncio.wait(running, timeout=TIMEOUT)
