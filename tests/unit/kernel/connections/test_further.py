"""Further connections of a host that allows one session on each: to users they are part of the first one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from jupyter_ssh.kernel.cells.execution import Kept, execute
from jupyter_ssh.kernel.cells.output import LiveOutput
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import Connections
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.ssh import client
from jupyter_ssh.ssh.channels.changes import Change, Opened
from jupyter_ssh.ssh.client import Result
from jupyter_ssh.ssh.client.pool import further
from jupyter_ssh.ssh.client.prompts import NoPrompts
from jupyter_ssh.ssh.errors import SSHError
from tests.notebook.remotes import Remote, embedded_server
from tests.support.processes import wait_until

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


def count(connections: Connections) -> int:
    """How many connections there are, further ones included."""

    async def on_engine() -> int:
        return sum(changes.subject.kind == "connection" for changes in connections.changes_on_engine().all_open())

    return get_engine().call(on_engine)


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


@pytest.mark.parametrize("own", [True, False], ids=["revived", "opened again"])
def test_its_processes_go_on_when_the_lost_first_one_is_replaced(
    connections: Connections, remote: Remote, login: Login, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened() -> Connection:
        if own:
            return connections.open_own(remote.host, {**login, "reconnect": True})
        return connections.open(remote.host, login).connection

    async def lose(inner: client.Connection) -> None:
        inner.channel_host.driver.abandon()
        await asyncio.wait_for(inner.wait_closed(), 60)

    connection = opened()
    with connection.start("cat"):
        process = connection.start("cat", encoding="utf-8")
        connections.call(connection, lose)
    if not own:
        connection = opened()
    assert connection.run("echo in").stdout == b"in\n"
    process.stdin.write("still here\n")
    assert process.stdout.readline(timeout=60) == "still here\n"
    monkeypatch.setattr(further, "IDLE_SECONDS", 0.0)
    process.close()
    wait_until(lambda: count(connections) == 1, "the end of the further connection")


# --- asking and telling -----------------------------------------------------------------------------------------------


class Caller(NoPrompts):
    """Knows the password."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.asked = 0

    async def ask_secret(self, prompt: str) -> str | None:
        self.asked += 1
        return self.password


def test_the_prompts_of_the_caller_are_asked_again(connections: Connections, remote: Remote, login: Login) -> None:
    caller = Caller(remote.password)
    options = {**login, "identity_file": "none", "prompts": caller}
    connection = connections.open_own(remote.host, options)
    with connection.start("cat"):
        assert connection.run("echo in").stdout == b"in\n"
        assert connection.run("echo in").stdout == b"in\n"
    assert caller.asked == 2


def test_what_is_new_about_further_ones_is_said_once(
    connections: Connections, remote: Remote, login: Login, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known_hosts"
    connection = connections.open(remote.host, accepting(login, known)).connection
    assert len(connection.messages) == 1
    processes = [connection.start("cat")]
    known.unlink()
    processes.append(connection.start("cat"))
    assert known.exists(), "its key was saved again, as was said of the first one"
    processes.append(connection.start("cat"))
    said = capsys.readouterr().err
    assert said == f"{connection.name} allows no more sessions on one connection; another connection was made\n"
    for process in processes:
        process.close()


@pytest.mark.parametrize("level", ["QUIET", "ERROR"])
def test_nothing_is_said_where_only_errors_are_wanted(
    connections: Connections,
    remote: Remote,
    login: Login,
    tmp_path: Path,
    level: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {**accepting(login, tmp_path / "known_hosts"), "log_level": level}
    told: list[str] = []
    lease = get_engine().call(lambda: connections.lend_on_engine(remote.host, options, "a test", tell=told.extend))
    assert len(lease.connection.messages) == 1
    assert told == []
    connection = connections.open(remote.host, options).connection
    with connection.start("cat"), connection.start("cat"):
        assert capsys.readouterr().err == ""


def accepting(login: Login, known: Path) -> Login:
    """Saves the key of the host in a file of its own."""
    return {**login, "known_hosts": known, "strict_host_key_checking": "accept-new"}
