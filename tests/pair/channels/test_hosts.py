"""What a connection does for its channels besides carrying them: tasks that end with it, parts that belong to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_ssh.ssh.channels.host import Parts
from jupyter_ssh.ssh.errors import ChannelOpenError, ProtocolError, SSHError
from tests.pair.channels.loopback import SECONDS, client_of, loopback, until


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
