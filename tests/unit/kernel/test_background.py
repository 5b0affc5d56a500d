"""Commands in the background: their streams, their end, and how long they hold their connection."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.kernel.background import (
    BACKGROUND,
    BackgroundProcess,
    BackgroundStream,
    returncode,
    start_in_background,
)
from jupyter_ssh.kernel.cells.desk import waiting_desk
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.pending import Pending
from jupyter_ssh.ssh.errors import ChannelRequestDenied, ConnectionClosed, ConnectionLost, DeadlineExceeded
from tests.notebook.remotes import Remote, embedded_server
from tests.support.network.relay import relay

OUT = frozenset({"stdout"})
BOTH = frozenset({"stdout", "stderr"})
SECONDS = 60


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


def options(remote: Remote, port: int | None = None) -> dict[str, Any]:
    return {
        "config": "none",
        "user": remote.user,
        "port": port or remote.port,
        "host_key_alias": f"[{remote.host}]:{remote.port}",
        "known_hosts": remote.known_hosts,
        "identity_file": remote.client_key,
    }


@pytest.fixture
def connection(remote: Remote) -> Iterator[Connection]:
    opened = get_connections().open(remote.host, options(remote)).connection
    yield opened
    get_connections().close([opened], for_all=True)


def until(file: Path, command: str) -> str:
    """A command that waits for ``file`` before."""
    return f"while [ ! -e {file} ]; do sleep 0.05; done; {command}"


def stream(process: BackgroundProcess, name: str = "stdout") -> BackgroundStream:
    found = getattr(process, name)
    assert isinstance(found, BackgroundStream)
    return found


# --- streams ----------------------------------------------------------------------------------------------------------


def test_lines_are_iterated_and_read(connection: Connection) -> None:
    process = start_in_background(connection, "printf 'a\\nb\\n'; printf oops >&2; exit 3", wanted=BOTH)
    assert list(stream(process)) == [b"a\n", b"b\n"]
    assert stream(process, "stderr").read().result(SECONDS) == b"oops"
    assert process.wait().result(SECONDS) == 3
    assert (process.returncode, process.exit_status, process.exit_signal) == (3, 3, None)
    assert repr(process).endswith("return code 3>")


async def test_streams_and_the_end_can_be_awaited_in_the_loop_of_the_cell(connection: Connection) -> None:
    process = start_in_background(connection, "printf 'a\\nb;cdef'", wanted=OUT)
    out = stream(process)
    assert await out.readline() == b"a\n"
    assert await out.readuntil(b";") == b"b;"
    assert await out.readexactly(2) == b"cd"
    assert [line async for line in out] == [b"ef"]
    assert await process.wait() == 0


def test_input_is_written_and_ended(connection: Connection) -> None:
    data = os.urandom(300_000)
    process = start_in_background(connection, "cat", input=data, wanted=OUT)
    assert stream(process).read().result(SECONDS) == data
    assert process.wait().result(SECONDS) == 0


def test_a_command_without_input_reads_its_end(connection: Connection) -> None:
    assert start_in_background(connection, "cat").wait().result(SECONDS) == 0


def test_what_nobody_wants_is_thrown_away_and_holds_nothing_back(connection: Connection) -> None:
    process = start_in_background(connection, "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2")
    assert (process.stdout, process.stderr) == (None, None)
    assert process.wait().result(SECONDS) == 0


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda process: process.terminate(), -signal.SIGTERM),
        (lambda process: process.kill(), -signal.SIGKILL),
        (lambda process: process.send_signal(signal.SIGINT), -signal.SIGINT),
        (lambda process: process.send_signal("SIGUSR1"), -signal.SIGUSR1),
    ],
    ids=["terminate", "kill", "number", "name"],
)
def test_signals_by_name_and_number(connection: Connection, send: Any, code: int) -> None:
    process = start_in_background(connection, "echo ready; exec sleep 600", wanted=OUT)
    assert stream(process).readline().result(SECONDS) == b"ready\n"
    assert process.returncode is None
    assert repr(process).endswith("running>")
    send(process)
    assert process.wait().result(SECONDS) == code
    assert process.exit_status is None


def test_closing_the_channel_ends_it(connection: Connection) -> None:
    process = start_in_background(connection, "exec sleep 600")
    process.close()
    process.wait().result(SECONDS)


@pytest.mark.parametrize(
    ("status", "name", "code"), [(0, None, 0), (3, None, 3), (None, None, None), (None, "KILL", -9), (None, "ODD", -1)]
)
def test_return_codes_are_those_of_subprocess(status: int | None, name: str | None, code: int | None) -> None:
    assert returncode(status, name) == code


async def test_a_lost_connection_is_why_the_wait_ends(remote: Remote) -> None:
    async with relay(remote.port) as line:
        opened = await asyncio.to_thread(get_connections().open, remote.host, options(remote, line.port))
        connection = opened.connection
        process = await asyncio.to_thread(start_in_background, connection, "exec sleep 600")
        assert get_connections().holders(connection) == [BACKGROUND]
        line.cut()
        with pytest.raises(ConnectionLost):
            await process.wait()
        assert get_connections().holders(connection) == []
        await asyncio.to_thread(get_connections().close, [connection])


# --- its hold on the connection ---------------------------------------------------------------------------------------


def test_it_holds_its_connection_until_it_ends(connection: Connection, tmp_path: Path) -> None:
    process = start_in_background(connection, until(tmp_path / "go", "echo still here"), wanted=OUT)
    [entry] = [entry for entry, known in get_connections().entries().items() if known is connection]
    inner = entry.connection
    assert get_connections().holders(connection) == [BACKGROUND]
    get_connections().close([connection])
    assert connection.closed
    with pytest.raises(ConnectionClosed):
        start_in_background(connection, "true")
    assert not inner.closed
    (tmp_path / "go").touch()
    assert stream(process).readline().result(SECONDS) == b"still here\n"
    assert process.wait().result(SECONDS) == 0
    get_engine().call(inner.wait_closed)
    assert inner.closed_because is None


def test_what_does_not_start_holds_nothing(connection: Connection) -> None:
    with pytest.raises(ChannelRequestDenied):
        start_in_background(connection, "no-such-subsystem", subsystem=True)
    assert get_connections().holders(connection) == []


# --- values to come ---------------------------------------------------------------------------------------------------


def test_a_wait_has_a_deadline_and_the_value_comes_all_the_same() -> None:
    go = threading.Event()

    async def value() -> str:
        while not go.is_set():
            await asyncio.sleep(0.01)
        return "late"

    pending = Pending(get_engine(), value)
    with pytest.raises(DeadlineExceeded):
        pending.result(0.01)
    assert "not yet" in repr(pending)
    go.set()
    assert pending.result(SECONDS) == "late"
    assert "done" in repr(pending)


def test_an_error_is_raised_to_who_waits() -> None:
    async def fail() -> None:
        raise ConnectionLost("the connection was lost")

    with pytest.raises(ConnectionLost):
        Pending(get_engine(), fail).result(SECONDS)


def test_a_wait_that_was_cancelled_is_over() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionClosed, match="cancelled"):
        Pending(get_engine(), cancelled).result(SECONDS)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_an_interrupt_ends_the_wait_and_not_the_work(connection: Connection, tmp_path: Path) -> None:
    process = start_in_background(connection, "echo ready; " + until(tmp_path / "go", "echo after"), wanted=OUT)
    assert stream(process).readline().result(SECONDS) == b"ready\n"
    pending = stream(process).readline()

    def interrupt() -> None:
        while waiting_desk() is None:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pending.result(SECONDS)
    thread.join()
    assert process.returncode is None
    (tmp_path / "go").touch()
    assert pending.result(SECONDS) == b"after\n"
