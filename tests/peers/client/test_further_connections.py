"""Sessions that a server no longer allows on one connection, when no further connection can be had."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.client.connection import Connection, Further, take_further_from
from jupyter_ssh.ssh.errors import AuthenticationError, ChannelOpenError, DeadlineExceeded
from tests.support.embedded import EmbeddedServer

SECONDS = 60.0


@pytest.fixture
def options(embedded_server_factory):
    server: EmbeddedServer = embedded_server_factory(max_sessions=1)
    return {
        "user": server.user,
        "port": server.port,
        "config": "none",
        "known_hosts": server.known_hosts,
        "identity_file": server.client_key,
    }


class Lent:
    """A connection that is lent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.released = 0

    def release(self) -> None:
        self.released += 1


async def test_the_refusal_is_the_error_if_no_further_connection_can_be_made(options):
    async def fail() -> Further:
        raise AuthenticationError("permission denied")

    async with connect("127.0.0.1", **options) as connection:
        take_further_from(connection, fail)
        held = await connection.start("cat")
        with pytest.raises(ChannelOpenError) as caught:
            await connection.run("true", timeout=SECONDS)
        assert isinstance(caught.value.__cause__, AuthenticationError)
        await held.aclose()


async def test_the_deadline_is_also_that_of_a_further_connection(options):
    async def hang() -> Further:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with connect("127.0.0.1", **options) as connection:
        take_further_from(connection, hang)
        held = await connection.start("cat")
        with pytest.raises(DeadlineExceeded):
            await asyncio.wait_for(connection.run("true", timeout=1.0), SECONDS)
        await held.aclose()


async def test_no_further_connection_is_made_again_if_an_empty_one_refuses_too(options, embedded_server_factory):
    refusing: EmbeddedServer = embedded_server_factory(max_sessions=0)
    elsewhere = {**options, "port": refusing.port, "known_hosts": refusing.known_hosts}
    elsewhere["identity_file"] = refusing.client_key
    made: list[Lent] = []

    async def lend() -> Further:
        made.append(Lent(await connect("127.0.0.1", **elsewhere)))
        return made[-1]

    async with connect("127.0.0.1", **options) as connection:
        take_further_from(connection, lend)
        held = await connection.start("cat")
        for _ in range(2):
            with pytest.raises(ChannelOpenError):
                await connection.run("true", timeout=SECONDS)
        assert [lent.released for lent in made] == [1]
        await held.aclose()
        await made[0].connection.close()
