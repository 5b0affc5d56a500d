"""``jupyter_ssh.connect``: what it takes besides a host, and what it gives."""

from __future__ import annotations

import socket
from typing import Any

import pytest

import jupyter_ssh
from jupyter_ssh.kernel import AsyncConnection, Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.ssh import ConfigError
from jupyter_ssh.ssh.errors import AuthenticationError, ConnectionClosed, ProxyError, SSHError
from tests.notebook.remotes import Remote
from tests.support.network.relay import relay

Login = dict[str, Any]


def test_over_a_socket_and_through_a_connection(remote: Remote, login: Login) -> None:
    given = socket.create_connection((remote.host, remote.port))
    with jupyter_ssh.connect(remote.host, **login, sock=given) as first:
        assert first.info.via == "a given socket"
        with jupyter_ssh.connect(remote.host, **login, tunnel=first) as second:
            assert second.run("echo behind").stdout == b"behind\n"
            assert second.info.via == f"jump host {first.name}"
        assert first.run("echo open").stdout == b"open\n"
    assert given.fileno() == -1


async def test_awaited_it_gives_the_same(remote: Remote, login: Login) -> None:
    connection = await jupyter_ssh.connect_async(remote.host, **login)
    assert isinstance(connection, Connection)
    async with connection.aio as aio:
        assert isinstance(aio, AsyncConnection)
        through = await jupyter_ssh.connect_async(remote.host, **login, tunnel=aio)
        assert (await through.aio.run("echo behind")).stdout == b"behind\n"
        await through.aio.close()
        assert not aio.closed
    assert aio.closed
    assert connection.closed


@pytest.mark.parametrize("aio", [False, True])
async def test_one_behind_another_comes_back_through_the_one_that_came_back(
    remote: Remote, login: Login, aio: bool
) -> None:
    async with relay(remote.port) as line:
        first = await jupyter_ssh.connect_async(remote.host, **{**login, "port": line.port}, reconnect=True)
        tunnel = first.aio if aio else first
        second = await jupyter_ssh.connect_async(remote.host, **login, tunnel=tunnel, reconnect=True)
        for _ in range(2):
            lost = [entry.connection for entry in map(get_connections().entry, (first, second)) if entry is not None]
            line.cut()
            for each in lost:
                await get_engine().wait(each.wait_closed)
            assert isinstance(second.closed_because, SSHError)
            assert (await second.aio.run("echo back")).stdout == b"back\n"
            assert not first.closed
        assert line.connections == 3
        await second.aio.close()
        await first.aio.close()


def test_a_connection_lives_while_another_leads_through_it(remote: Remote, login: Login) -> None:
    first = jupyter_ssh.connect(remote.host, **login)
    entry = get_connections().entry(first)
    assert entry is not None
    second = jupyter_ssh.connect(remote.host, **login, tunnel=first)
    assert get_connections().holders(first) == [f"a jump to {second.name}"]
    first.close()
    assert first.closed
    assert second.run("echo on").stdout == b"on\n"
    with pytest.raises(ConnectionClosed, match="was closed"):
        jupyter_ssh.connect(remote.host, **login, tunnel=first)
    second.close()
    get_engine().call(entry.connection.wait_closed)
    assert entry.connection.closed_because is None


def test_a_connection_is_not_held_for_one_that_cannot_be_made(remote: Remote, login: Login) -> None:
    with jupyter_ssh.connect(remote.host, **login) as first, socket.socket() as nobody:
        nobody.bind((remote.host, 0))
        with pytest.raises(ProxyError, match="cannot reach"):
            jupyter_ssh.connect(remote.host, **{**login, "port": nobody.getsockname()[1]}, tunnel=first)
        with pytest.raises(AuthenticationError):
            jupyter_ssh.connect(remote.host, **{**login, "identity_file": "none"}, tunnel=first)
        assert get_connections().holders(first) == []


def test_a_socket_cannot_be_connected_again(remote: Remote, login: Login) -> None:
    with socket.create_connection((remote.host, remote.port)) as given:
        with pytest.raises(ConfigError, match="again"):
            jupyter_ssh.connect(remote.host, **login, sock=given, reconnect=True)


def test_a_connection_shows_itself_as_a_card(remote: Remote, login: Login) -> None:
    with jupyter_ssh.connect(remote.host, **login) as connection:
        assert connection in get_connections().opened()
        assert connection.state == "connected"
        assert repr(connection) == f"<Connection {connection.name}, connected>"
        bundle = connection._repr_mimebundle_()  # as IPython calls it
        assert connection.name in bundle["text/plain"]
        assert "<table" in bundle["text/html"]
    assert connection.state == "closed"
    assert connection.closed
    assert connection.closed_because is None
