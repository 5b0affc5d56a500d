"""A flood is taken in larger pieces, an answer at once; whichever it is, every byte of it arrives."""

from __future__ import annotations

import os

import pytest

from jupyter_ssh.ssh.channels.streams import FLOOD
from jupyter_ssh.ssh.client.connection import Connection

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

SIZE = 16 * FLOOD


class Rests:
    """When a connection was told that nobody is in a hurry: bytes received until then."""

    def __init__(self, connection: Connection) -> None:
        self.received = 0
        self.at: list[int] = []
        self._driver = connection.channel_host.driver
        self._rest = connection.channel_host.driver.rest
        connection.channel_host.driver.rest = self._note  # type: ignore[method-assign]

    def _note(self) -> None:
        self.at.append(self.received)
        self._rest()


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
    connection.channel_host.driver.rest()
    await connection.close()
    assert connection.closed
