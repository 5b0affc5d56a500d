"""Further connections of a host that allows one session on each: to users they are part of the first one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from jupyter_ssh.kernel.cells.execution import Kept, execute
from jupyter_ssh.kernel.cells.output import LiveOutput
from jupyter_ssh.kernel.connections.registry import Connections
from jupyter_ssh.ssh import client
from jupyter_ssh.ssh.channels.changes import Change, Opened
from jupyter_ssh.ssh.client import Result
from jupyter_ssh.ssh.errors import SSHError
from tests.notebook.remotes import Remote, embedded_server

Login = dict[str, Any]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded"), max_sessions=1) as server:
        yield server


def test_it_is_not_found_and_makes_no_difference_to_the_current_one(
    connections: Connections, remote: Remote, login: Login
) -> None:
    own = connections.open_own(remote.host, login)
    with own.start("cat"), own.start("cat"):
        assert connections.find(remote.host) == [own]
        assert connections.opened() == [own]
        assert connections.current() is own
    own.close()
    assert connections.entries() == {}


def test_its_processes_end_with_the_first_one(connections: Connections, remote: Remote, login: Login) -> None:
    connection = connections.open(remote.host, login).connection
    processes = [connection.start("cat") for _ in range(3)]
    connections.close([connection])
    for process in processes:
        with pytest.raises(SSHError):
            process.wait_closed()
        assert process.closed


async def test_who_listens_to_the_first_one_hears_of_its_processes(
    connections: Connections, remote: Remote, login: Login
) -> None:
    connection = await connections.open_own_async(remote.host, login)
    told: list[str] = []
    heard = asyncio.Event()

    def listen(change: Change) -> None:
        if isinstance(change, Opened):
            told.append(change.subject.name)
            if change.subject.name == "exec cat":
                heard.set()

    listening = connections.listen(listen, connection)
    async with await connection.aio.start("cat"), await connection.aio.start("exec cat"):
        await asyncio.wait_for(heard.wait(), 60)
    listening.stop()
    await connection.aio.close()
    assert told.count("exec cat") == 1


class Shown:
    """Shows the output of a command to a test."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.fed = asyncio.Event()

    def feed(self, name: str, data: bytes) -> None:
        self.fed.set()

    def say(self, text: str) -> None:
        self.said.append(text)

    async def writable(self) -> None:
        """It always is."""

    async def finish(self) -> None:
        """Nothing is kept back."""


def test_a_command_on_it_outlives_the_first_one_and_says_nothing_of_its_loss(
    connections: Connections, remote: Remote, login: Login, tmp_path: Path
) -> None:
    connection = connections.open(remote.host, login).connection
    held = connection.start("cat")
    command = f"echo ready; until [ -e {tmp_path}/end ]; do sleep 0.05; done; echo done"

    async def work(inner: client.Connection) -> tuple[Result, list[str]]:
        shown, kept = Shown(), {"stdout": Kept(), "stderr": Kept()}
        running = asyncio.ensure_future(execute(inner, command, live=cast(LiveOutput, shown), kept=kept))
        await asyncio.wait_for(shown.fed.wait(), 60)
        inner.channel_host.driver.abandon()
        await asyncio.wait_for(inner.wait_closed(), 60)
        (tmp_path / "end").touch()
        return await running, shown.said

    result, said = connections.call(connection, work)
    assert (result.stdout, result.exit_status) == (b"ready\ndone\n", 0)
    assert said == []
    assert connection.closed_because is not None
    assert held.connection_closed_because is not None
