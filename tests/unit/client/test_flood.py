"""A flood is taken in larger pieces, an answer at once; whichever it is, every byte of it arrives."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.channels.streams import FLOOD
from jupyter_ssh.ssh.client.connection import Connection
from tests.support.embedded import embedded_in_loop

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

SIZE = 16 * FLOOD


class Rests:
    """When a connection was told that nobody is in a hurry: bytes received until then."""

    def __init__(self, connection: Connection) -> None:
        self.received = 0
        self.at: list[int] = []
        self._driver = connection.driver
        self._rest = connection.driver.rest
        connection.driver.rest = self._note  # type: ignore[method-assign]

    def _note(self) -> None:
        self.at.append(self.received)
        self._rest()


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    async with embedded_in_loop(tmp_path) as server:
        async with connect(
            f"{server.user}@{server.host}",
            port=server.port,
            config="none",
            known_hosts=server.known_hosts,
            identity_file=server.client_key,
        ) as made:
            yield made


async def test_a_flood_lets_the_connection_rest_but_not_at_first(connection: Connection) -> None:
    rests = Rests(connection)
    process = await connection.start(f"head -c {SIZE} /dev/zero")
    while data := await process.stdout.read(65536):
        rests.received += len(data)
    assert rests.received == SIZE
    assert rests.at
    assert min(rests.at) > FLOOD // 2  # what is read lags behind what was received
    assert (await process.wait()).ok
    assert (await connection.run("echo still here")).text == "still here\n"


async def test_collecting_is_no_different(connection: Connection) -> None:
    rests = Rests(connection)
    result = await connection.run(f"head -c {SIZE} /dev/zero | tr '\\0' x", timeout=60)
    assert result.stdout == b"x" * SIZE
    assert rests.at


async def test_answers_to_what_is_written_are_no_flood_however_much_they_are(connection: Connection) -> None:
    rests = Rests(connection)
    process = await connection.start("cat")
    piece = os.urandom(32768)
    for _ in range(3 * FLOOD // len(piece)):
        process.stdin.write(piece)
        assert await process.stdout.readexactly(len(piece)) == piece
    process.stdin.write_eof()
    assert (await process.wait(60)).ok
    assert rests.at == []


async def test_the_connection_can_be_closed_while_it_rests(connection: Connection) -> None:
    process = await connection.start("cat /dev/zero")
    await process.stdout.readexactly(4 * FLOOD)
    connection.driver.rest()
    await connection.close()
    assert connection.closed
