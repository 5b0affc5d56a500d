"""`connect` over what its caller has: a connected socket, or a connection to go through."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from jupyter_ssh.ssh import (
    ConfigError,
    Connection,
    ConnectionClosed,
    HostKeyError,
    ProxyError,
    SSHError,
    connect,
)
from jupyter_ssh.ssh.keys import generate
from tests.support.embedded import EmbeddedServer, embedded_in_loop
from tests.unit.client.conftest import reach


async def dialled(server: EmbeddedServer) -> socket.socket:
    made = socket.socket()
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (server.host, server.port))
    return made


# --- a socket ---------------------------------------------------------------------------------------------------------


async def test_a_connected_socket_is_the_way_and_is_closed_with_the_connection(server: EmbeddedServer) -> None:
    given = await dialled(server)
    given.setblocking(True)  # as most sockets are; it is ours from here on
    async with reach(server, sock=given, proxy_command="false") as connection:
        assert (await connection.run("echo here")).stdout == b"here\n"
        assert (connection.info.address, connection.info.via) == ("", "a given socket")
    assert given.fileno() == -1


async def test_it_may_lead_anywhere_by_any_way(server: EmbeddedServer) -> None:
    loop = asyncio.get_running_loop()
    given, far = socket.socketpair()
    far.setblocking(False)
    near = await dialled(server)

    async def carry(source: socket.socket, target: socket.socket) -> None:
        while data := await loop.sock_recv(source, 65536):
            await loop.sock_sendall(target, data)
        target.shutdown(socket.SHUT_WR)

    carrying = [asyncio.ensure_future(carry(*ends)) for ends in ((far, near), (near, far))]
    async with reach(server, sock=given) as connection:
        assert (await connection.run("echo here")).stdout == b"here\n"
    await asyncio.gather(*carrying, return_exceptions=True)
    far.close()
    near.close()


async def test_a_socket_is_closed_also_where_nobody_is_let_in(server: EmbeddedServer, tmp_path: Path) -> None:
    server.known_hosts.write_text(f"[{server.host}]:{server.port} {generate().public.line()}\n")
    given = await dialled(server)
    with pytest.raises(HostKeyError):
        await reach(server, sock=given)
    assert given.fileno() == -1
    given = await dialled(server)
    with pytest.raises(ConfigError):
        await reach(server, sock=given, no_such_option=True)
    assert given.fileno() == -1


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["not connected", "of datagrams"])
async def test_a_socket_that_cannot_be_used_is_refused(server: EmbeddedServer, kind: socket.SocketKind) -> None:
    with socket.socket(type=kind) as given:
        with pytest.raises(ConfigError, match="socket"):
            await reach(server, sock=given)


async def test_one_way_is_enough(server: EmbeddedServer, connection: Connection) -> None:
    given = await dialled(server)
    with pytest.raises(ConfigError, match="both"):
        await reach(server, sock=given, tunnel=connection)


# --- a connection -----------------------------------------------------------------------------------------------------


async def test_a_connection_is_gone_through_and_stays_open(server: EmbeddedServer, tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path / "behind") as behind, reach(server) as tunnel:
        async with reach(behind, tunnel=tunnel, proxy_jump="nowhere.invalid") as connection:
            assert (await connection.run("echo behind")).stdout == b"behind\n"
            assert connection.info.via == f"jump host {tunnel.name}"
            assert connection.info.address == ""
        assert not tunnel.closed
        async with reach(behind, tunnel=tunnel) as again:
            assert (await again.run("echo again")).stdout == b"again\n"
        assert (await tunnel.run("echo open")).stdout == b"open\n"


async def test_when_it_ends_what_goes_through_it_ends_too(server: EmbeddedServer, connection: Connection) -> None:
    through = await reach(server, tunnel=connection)
    await connection.close()
    await through.wait_closed()
    assert through.closed_because is not None
    with pytest.raises(ConnectionClosed):
        await reach(server, tunnel=connection)


async def test_what_it_cannot_reach_is_an_error_that_names_it(server: EmbeddedServer, connection: Connection) -> None:
    with socket.socket() as nobody:
        nobody.bind((server.host, 0))
        with pytest.raises(ProxyError, match="cannot reach") as caught:
            await reach(server, tunnel=connection, port=nobody.getsockname()[1])
    assert caught.value.via == connection.name
    assert (await connection.run("echo fine")).stdout == b"fine\n"


async def test_its_host_key_and_login_are_judged_as_any(server: EmbeddedServer, connection: Connection) -> None:
    server.known_hosts.write_text("")
    with pytest.raises(HostKeyError):
        await reach(server, tunnel=connection)
    assert not connection.closed


async def test_the_name_of_a_host_is_a_jump_host(server: EmbeddedServer, tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path / "behind") as behind:
        known_hosts, config = tmp_path / "known_hosts", tmp_path / "config"
        known_hosts.write_text(server.known_hosts.read_text() + behind.known_hosts.read_text())
        config.write_text(
            f"IdentityFile {server.client_key}\nIdentityFile {behind.client_key}\nUserKnownHostsFile {known_hosts}\n"
        )
        jump = f"{server.user}@{server.host}:{server.port}"
        async with connect(
            f"ssh://{behind.user}@{behind.host}:{behind.port}", config=config, tunnel=jump
        ) as connection:
            assert connection.info.via == f"jump host {jump}"
            assert (await connection.run("echo behind")).stdout == b"behind\n"


async def test_only_a_connection_is_one(server: EmbeddedServer) -> None:
    with pytest.raises(ConfigError, match="tunnel"):
        await reach(server, tunnel=3)
    with pytest.raises(SSHError):
        await reach(server, sock="/tmp/socket")
