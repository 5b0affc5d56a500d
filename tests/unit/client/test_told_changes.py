"""What a connection and its processes tell of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.channels.changes import Change, Counted, Counters, Ended, Opened
from jupyter_ssh.ssh.errors import ChannelRequestDenied, ConnectionLost
from tests.notebook.remotes import Remote, embedded_server
from tests.support.network.relay import relay


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


def login(remote: Remote, **options: Any) -> dict[str, Any]:
    return {
        "config": "none",
        "user": remote.user,
        "port": remote.port,
        "host_key_alias": f"[{remote.host}]:{remote.port}",
        "known_hosts": remote.known_hosts,
        "identity_file": remote.client_key,
        **options,
    }


class Heard:
    """A listener that can be waited for."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._changed = asyncio.Event()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self._changed.set()

    def of(self, kind: str) -> list[Change]:
        return [change for change in self.changes if change.subject.kind == kind]

    async def until(self, condition: Any) -> None:
        while not any(map(condition, self.changes)):
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 60)


async def test_a_process_from_start_to_end(remote: Remote) -> None:
    async with connect(remote.host, **login(remote)) as connection:
        heard = Heard()
        connection.changes.listen(heard, present=True)
        [there, counted] = heard.changes
        assert there == Opened(connection.changes.subject)
        assert isinstance(counted, Counted)
        assert counted.counters.channels == 0
        assert counted.counters.received > 0
        process = await connection.start("cat; exit 3")
        process.stdin.write(b"x" * 100_000)
        await heard.until(
            lambda change: change == Counted(process.changes.subject, Counters(received=100_000, sent=100_000))
        )
        await heard.until(lambda change: isinstance(change, Counted) and change.counters.channels == 1)
        process.stdin.write_eof()
        await process.wait()
        first, *_, last, end = heard.of("process")
        assert first == Opened(process.changes.subject)
        assert process.changes.subject.name == "cat; exit 3"
        assert process.changes.subject.parent == connection.changes.subject.number
        assert last == Counted(process.changes.subject, Counters(received=100_000, sent=100_000))
        assert end == Ended(process.changes.subject, "exit status 3")
    assert heard.changes[-1] == Ended(connection.changes.subject, "closed here")
    last = heard.changes[-2]
    assert isinstance(last, Counted)
    assert last.counters.received >= 100_000
    assert last.counters.channels == 0


async def test_a_command_that_ends_at_once_is_told_from_start_to_end(remote: Remote) -> None:
    async with connect(remote.host, **login(remote)) as connection:
        heard = Heard()
        connection.changes.listen(heard)
        await asyncio.gather(*(connection.run("exit 0") for _ in range(5)))
        ended = [change.text for change in heard.of("process") if isinstance(change, Ended)]
        assert ended == ["exit status 0"] * 5
        assert sum(isinstance(change, Opened) for change in heard.of("process")) == 5


async def test_what_does_not_start_tells_nothing(remote: Remote) -> None:
    async with connect(remote.host, **login(remote)) as connection:
        heard = Heard()
        connection.changes.listen(heard)
        with pytest.raises(ChannelRequestDenied):
            await connection.start(subsystem="no-such-subsystem")
        await connection.run("true")
        assert {change.subject.name for change in heard.of("process")} == {"true"}


async def test_a_lost_connection_says_why_after_its_processes(remote: Remote) -> None:
    async with relay(remote.port) as line:
        connection = await connect(remote.host, **login(remote, port=line.port))
        heard = Heard()
        process = await connection.start("cat")
        connection.changes.listen(heard)
        line.cut()
        await connection.wait_closed()
        ended = [change for change in heard.changes if isinstance(change, Ended)]
        assert [change.subject for change in ended] == [process.changes.subject, connection.changes.subject]
        for change in ended:
            assert isinstance(change.error, ConnectionLost)
            assert change.text == "the connection was lost"
        await connection.close()


async def test_it_is_open_from_the_login_to_the_end(remote: Remote) -> None:
    async with connect(remote.host, **login(remote)) as connection:
        assert connection.changes.is_open
        assert connection.changes.subject.kind == "connection"
        assert connection.changes.subject.name == f"{remote.user}@{remote.host}:{remote.port}"
    assert not connection.changes.is_open
