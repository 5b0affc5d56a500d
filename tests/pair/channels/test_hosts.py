"""What a connection does for its channels besides carrying them: tasks that end with it, parts that belong to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.channels.changes import Change
from jupyter_ssh.ssh.channels.host import Parts
from jupyter_ssh.ssh.channels.transport import ChannelTransport
from jupyter_ssh.ssh.client.channel_host import ClientChannelHost
from jupyter_ssh.ssh.errors import ChannelOpenError, DisconnectedByPeer, ProtocolError, SSHError
from jupyter_ssh.ssh.protocol.events import Authenticated
from jupyter_ssh.ssh.server.connection import ServerConnection
from jupyter_ssh.ssh.wire.numbers import SSH_DISCONNECT_BY_APPLICATION
from tests.pair.channels.loopback import SECONDS, client_of, loopback, reach, until
from tests.support.embedded import embedded_in_loop


async def fail(error: SSHError) -> None:
    raise error


async def wait_for_ever(cancelled: list[bool]) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        cancelled.append(True)
        raise


async def test_the_trouble_of_one_channel_is_not_that_of_the_connection(tmp_path: Path) -> None:
    async with loopback(tmp_path) as (connection, server):
        for host in (connection.channel_host, client_of(server)):
            await asyncio.wait_for(host.start(fail(ChannelOpenError("too many"))), SECONDS)
            assert host.failure is None
        assert (await connection.run("echo alive")).text == "alive\n"


async def test_a_violation_ends_the_connection(tmp_path: Path) -> None:
    async with loopback(tmp_path) as (connection, server):
        client_of(server).start(fail(ProtocolError("nonsense")))
        await until(lambda: connection.closed)
        assert connection.closed_because is not None


async def test_tasks_end_with_the_connection(tmp_path: Path) -> None:
    cancelled: list[bool] = []
    async with loopback(tmp_path) as (connection, server):
        hosts = (connection.channel_host, client_of(server))
        tasks = [host.start(wait_for_ever(cancelled)) for host in hosts]
        await connection.run("true")  # they have begun
        late = connection.channel_host.start(wait_for_ever(cancelled))
        await connection.close()
        await asyncio.wait([*tasks, late], timeout=SECONDS)
        assert all(task.cancelled() for task in (*tasks, late))


async def test_a_close_that_is_given_up_leaves_those_who_wait_for_the_end(tmp_path: Path) -> None:
    async with loopback(tmp_path) as (connection, _):
        waiting = asyncio.ensure_future(connection.wait_closed())
        closing = asyncio.ensure_future(connection.close())
        await asyncio.sleep(0)  # it waits too, by now
        closing.cancel()
        await asyncio.wait([closing, waiting], timeout=SECONDS)
        assert closing.cancelled()
        assert not waiting.cancelled()
        await waiting
        await connection.close()


async def test_a_protocol_hears_of_an_end_that_came_before_it(tmp_path: Path) -> None:
    class Hears(asyncio.Protocol):
        def __init__(self) -> None:
            self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def connection_lost(self, exc: BaseException | None) -> None:
            self.lost.set_result(exc)

    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        transport = ChannelTransport(host, host.open_channel("session"))
        await transport.wait_opened(SECONDS, "opening a channel")
        client_of(server).start(fail(ProtocolError("nonsense")))
        await until(lambda: transport.over.done())
        protocol = Hears()
        transport.attach(protocol)
        assert await asyncio.wait_for(protocol.lost, SECONDS) is transport.error is not None


async def test_a_server_that_disconnects_right_after_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Change] = []
    connect_host = ClientChannelHost.__init__

    def listened(host: ClientChannelHost, *arguments: Any) -> None:
        connect_host(host, *arguments)
        host.changes.listen(told.append)

    def expired(self: ServerConnection, event: Authenticated) -> None:
        self.session.disconnect(SSH_DISCONNECT_BY_APPLICATION, "the account has expired")

    monkeypatch.setattr(ClientChannelHost, "__init__", listened)
    monkeypatch.setattr(ServerConnection, "_login_told", expired)  # it is in the table of handlers only
    async with embedded_in_loop(tmp_path) as server:
        with pytest.raises(DisconnectedByPeer, match="the account has expired"):
            await reach(server)
    assert told == []


def test_parts_are_one_of_each_type() -> None:
    class Some:
        pass

    parts = Parts()
    assert parts.find(Some) is None
    made = parts.of(Some)
    assert parts.of(Some) is made
    assert parts.find(Some) is made
    other = Some()
    parts.add(other)
    assert parts.find(Some) is other
