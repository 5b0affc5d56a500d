"""Connections through our server with the clients of others: ssh -L and -W, AsyncSSH, plink -nc."""

from __future__ import annotations

import asyncio
import os
import socket

import asyncssh
import pytest

from tests.peers.server_support import TIMEOUT, asyncssh_client, destination, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import Identity
from tests.support.processes import HOST, free_port, wait_until

BIG = 8_000_000


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads to the end of file, and only then sends what it read in capitals."""
    data = await reader.read(-1)
    writer.write(data.upper())
    await writer.drain()


async def talk(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), TIMEOUT)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(-1), TIMEOUT)
    writer.close()
    return answer


async def test_ssh_local_forward(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    async with destination(shout) as port:
        local = free_port()
        command = ssh(embedded_server, peer_clients, "echo up; cat", "-L", f"{local}:{HOST}:{port}")
        with command.popen() as client:
            assert client.stdout is not None
            assert await asyncio.to_thread(client.stdout.readline) == b"up\n"
            data = os.urandom(BIG)
            assert await talk(local, data) == data.upper()
            answers = await asyncio.gather(*(talk(local, b"number %d" % number) for number in range(30)))
            assert answers == [b"NUMBER %d" % number for number in range(30)]
            await asyncio.to_thread(client.communicate, b"", TIMEOUT)


async def test_ssh_stdio_forward(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    async with destination(shout) as port:
        command = ssh(embedded_server, peer_clients, None, "-W", f"{HOST}:{port}")
        done = await command.run_async(b"quiet\n")
        assert done.stdout == b"QUIET\n", done.stderr


async def test_plink_stdio_forward(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    server = embedded_server
    async with destination(shout) as port:
        command = peer_clients.plink(
            server.host,
            server.port,
            server.user,
            known_hosts=server.known_hosts,
            identity=server.identity,
            options=["-nc", f"{HOST}:{port}"],
        )
        assert (await command.run_async(b"quiet\n")).stdout == b"QUIET\n"


async def test_half_closed_the_other_way(embedded_server: EmbeddedServer) -> None:
    """The end of what the destination sends does not end what it receives."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.write_eof()
        received.set_result(await reader.read(-1))

    async with destination(serve) as port:
        async with asyncssh_client(embedded_server) as connection:
            reader, writer = await connection.open_connection(HOST, port)
            assert await asyncio.wait_for(reader.read(-1), TIMEOUT) == b"hello"
            writer.write(b"late")
            writer.write_eof()
            assert await asyncio.wait_for(received, TIMEOUT) == b"late"


async def test_a_closed_port_is_refused_with_a_reason(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        for host, port in ((HOST, free_port()), ("no-such-host.invalid", 80)):
            with pytest.raises(asyncssh.ChannelOpenError) as refusal:
                await asyncio.wait_for(connection.open_connection(host, port), TIMEOUT)
            assert refusal.value.code == 2  # SSH_OPEN_CONNECT_FAILED
        for port in (0, 70_000):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection(HOST, port)
        assert (await connection.run("echo alive", timeout=TIMEOUT)).stdout == "alive\n"


async def test_a_destination_that_resets(embedded_server: EmbeddedServer) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with destination(serve) as port:
        async with asyncssh_client(embedded_server) as connection:
            reader, writer = await connection.open_connection(HOST, port)
            writer.write(b"x")
            assert await asyncio.wait_for(reader.read(-1), TIMEOUT) == b""
            assert (await connection.run("echo alive", timeout=TIMEOUT)).stdout == "alive\n"


async def test_a_slow_destination_holds_the_client_back(embedded_server: EmbeddedServer) -> None:
    reading = asyncio.Event()
    total = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reading.wait()
        size = 0
        while data := await reader.read(1 << 20):
            size += len(data)
        total.set_result(size)

    async with destination(serve) as port:
        async with asyncssh_client(embedded_server) as connection:
            _, writer = await connection.open_connection(HOST, port)
            size = 100 << 20
            for _ in range(size >> 20):
                writer.write(bytes(1 << 20))
            # Another session is not held back by this one.
            assert (await connection.run("echo alive", timeout=TIMEOUT)).stdout == "alive\n"
            reading.set()
            await asyncio.wait_for(writer.drain(), TIMEOUT)
            writer.write_eof()
            assert await asyncio.wait_for(total, TIMEOUT) == size


async def test_a_client_that_leaves_leaves_no_connection(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        try:
            await reader.read(-1)
        finally:
            ended.set()

    async with destination(serve) as port:
        with ssh(embedded_server, peer_clients, None, "-W", f"{HOST}:{port}").popen() as client:
            await asyncio.wait_for(begun.wait(), TIMEOUT)
            client.kill()
            await asyncio.wait_for(ended.wait(), TIMEOUT)
        server = embedded_server.server
        assert server is not None
        await asyncio.to_thread(wait_until, lambda: server.connections == 0, "the connection is gone")


@pytest.mark.parametrize(
    ("options", "key_options"),
    [
        ({"allow_tcp_forwarding": False}, ""),
        ({"permit_open": ["localhost:*", "127.0.0.2:*", "127.0.0.1:1"]}, ""),
        ({}, "no-port-forwarding "),
        ({}, "restrict "),
        ({}, 'permitopen="127.0.0.1:1" '),
    ],
)
async def test_forwarding_forbidden(
    embedded_server_factory: Factory, identity: Identity, options: dict[str, object], key_options: str
) -> None:
    server = embedded_server_factory(**options)
    server.authorize(f"{key_options}{identity.public_line}")
    async with destination(shout) as port:
        async with asyncssh_client(server, client_keys=[str(identity.openssh)]) as connection:
            with pytest.raises(asyncssh.ChannelOpenError) as refusal:
                await connection.open_connection(HOST, port)
            assert refusal.value.code == 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED


async def test_forwarding_allowed_to_one_place(embedded_server_factory: Factory, identity: Identity) -> None:
    async with destination(shout) as port:
        server = embedded_server_factory(permit_open=[f"127.0.0.1:{port}"])
        server.authorize(f'restrict,port-forwarding,permitopen="127.0.0.1:*" {identity.public_line}')
        async with asyncssh_client(server, client_keys=[str(identity.openssh)]) as connection:
            reader, writer = await connection.open_connection(HOST, port)
            writer.write(b"x")
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(-1), TIMEOUT) == b"X"


async def test_forwards_have_a_limit(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(max_forwards=2)
    async with destination(shout) as port, asyncssh_client(server) as connection:
        _, first = await connection.open_connection(HOST, port)
        await connection.open_connection(HOST, port)
        with pytest.raises(asyncssh.ChannelOpenError) as refusal:
            await connection.open_connection(HOST, port)
        assert refusal.value.code == 4  # SSH_OPEN_RESOURCE_SHORTAGE
        first.close()
        await asyncio.wait_for(first.wait_closed(), TIMEOUT)
        _, again = await connection.open_connection(HOST, port)
        again.close()


async def test_remote_forwarding_is_refused(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    done = await ssh(embedded_server, peer_clients, "echo in", "-R", f"0:{HOST}:1").run_async()
    assert b"remote port forwarding failed" in done.stderr
    assert done.stdout == b"in\n"
