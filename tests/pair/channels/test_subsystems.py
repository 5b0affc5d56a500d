"""Subsystems in the server's own process: for a client no different from a command."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import Connection, Pty
from jupyter_ssh.ssh.errors import ChannelRequestDenied
from jupyter_ssh.ssh.server import InProcess, in_process
from jupyter_ssh.ssh.server.processes.in_process import SessionStart
from jupyter_ssh.ssh.server.processes.process import ProcessEvents, ProcessStartError, ServedProcess, TerminalSize
from tests.pair.channels.loopback import SECONDS, client_of, loopback, nothing_left, until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

WAITING = 16 * 1024 * 1024
"""Bytes that may be under way to somebody who does not read: windows and what waits for them."""


class Handler:
    """A subsystem that does ``run``; knows its process and how it ended."""

    def __init__(self, run: Callable[[InProcess], Awaitable[int | None]]) -> None:
        self._run = run
        self.begun: asyncio.Future[InProcess] = asyncio.get_running_loop().create_future()
        self.cancelled = False

    async def __call__(self, process: InProcess) -> int | None:
        self.begun.set_result(process)
        try:
            return await self._run(process)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def for_ever(process: InProcess) -> int:
    await asyncio.get_running_loop().create_future()
    return 0


def served(folder: Path, run: Any, **options: Any) -> Any:
    """A connection to a server with the subsystem "it"."""
    return loopback(folder, subsystems={"it": in_process(run), "command": "echo from the shell; exit 5"}, **options)


# --- its end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [None, 0, 3])
async def test_an_exit_status(tmp_path: Path, status: int | None) -> None:
    async def run(process: InProcess) -> int | None:
        process.stdout.write(b"out")
        process.stderr.write(b"err")
        return status

    async with served(tmp_path, run) as (connection, server):
        result = await (await connection.start(subsystem="it")).wait(SECONDS)
        assert (result.stdout, result.stderr, result.exit_status) == (b"out", b"err", status or 0)
        other = await (await connection.start(subsystem="command")).wait(SECONDS)
        assert (other.stdout, other.exit_status) == (b"from the shell\n", 5)
        await nothing_left(connection, server)


async def test_code_that_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run(process: InProcess) -> int:
        process.stdout.write(b"so far")
        raise ZeroDivisionError

    async with served(tmp_path, run) as (connection, _):
        with caplog.at_level(logging.ERROR):
            result = await (await connection.start(subsystem="it")).wait(SECONDS)
        assert (result.stdout, result.exit_status) == (b"so far", 1)
        assert "the subsystem it failed" in caplog.text
        assert (await connection.run("echo alive")).ok


@pytest.mark.parametrize("result", [-1, 2**32, "0", 0.5])
async def test_a_result_that_is_no_exit_status(tmp_path: Path, caplog: pytest.LogCaptureFixture, result: Any) -> None:
    async def run(process: InProcess) -> Any:
        process.stdout.write(b"so far")
        return result

    async with served(tmp_path, run) as (connection, _):
        with caplog.at_level(logging.ERROR):
            ended = await (await connection.start(subsystem="it")).wait(SECONDS)
        assert (ended.stdout, ended.exit_status) == (b"so far", 1)
        assert f"the subsystem it returned {result!r}" in caplog.text


async def test_a_signal_before_its_first_step(tmp_path: Path) -> None:
    def start(events: ProcessEvents, start: SessionStart) -> ServedProcess:
        process = in_process(for_ever)(events, start)
        assert process.signal("TERM")  # as if it had come with the request
        return process

    async with loopback(tmp_path, subsystems={"it": start}) as (connection, server):
        process = await connection.start(subsystem="it")
        assert (await process.wait(SECONDS)).exit_signal == "TERM"
        await nothing_left(connection, server)


async def test_signals_that_end_processes_end_it(tmp_path: Path) -> None:
    async def run(process: InProcess) -> int:
        return await for_ever(process)

    async with served(tmp_path, run) as (connection, _):
        for name in ("TERM", "INT", "HUP", "KILL"):
            process = await connection.start(subsystem="it")
            process.signal("USR1")
            process.signal(name)
            assert (await process.wait(SECONDS)).exit_signal == name


async def test_it_may_deal_with_signals_itself(tmp_path: Path) -> None:
    async def run(process: InProcess) -> int:
        heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        process.on_signal = lambda name: heard.set_result(name) or True
        process.stdout.write(b"ready")
        process.stdout.write((await heard).encode())
        return 0

    async with served(tmp_path, run) as (connection, _):
        process = await connection.start(subsystem="it")
        assert await process.stdout.readexactly(5) == b"ready"
        process.signal("USR1")
        assert (await process.wait(SECONDS)).stdout == b"USR1"


async def test_a_client_that_leaves_hangs_it_up(tmp_path: Path) -> None:
    handler = Handler(for_ever)
    async with served(tmp_path, handler) as (connection, server):
        process = await connection.start(subsystem="it")
        running = await handler.begun
        assert not running.reaped
        process.close()
        await until(lambda: handler.cancelled)
        await until(lambda: running.reaped)
        await nothing_left(connection, server)


async def test_a_server_that_closes_waits_for_it(tmp_path: Path) -> None:
    tidied = False

    async def run(process: InProcess) -> int:
        nonlocal tidied
        try:
            return await for_ever(process)
        finally:
            await asyncio.sleep(0)
            tidied = True

    async with served(tmp_path, run) as (connection, server):
        await connection.start(subsystem="it")
        await server.server.close()
        assert tidied


# --- what flows -------------------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_holds_it_back(tmp_path: Path) -> None:
    size, written = 64 << 20, 0

    async def run(process: InProcess) -> int:
        nonlocal written
        while written < size:
            process.stdout.write(bytes(65536))
            written += 65536
            await process.stdout.drain()
        return 0

    handler = Handler(run)
    async with served(tmp_path, handler) as (connection, server):
        process = await connection.start(subsystem="it")
        (channel,) = client_of(server).session.connection.channels.values()
        flowing = (await handler.begun).flowing
        await until(lambda: channel.peer_window == 0 and not flowing.is_set())
        held_at = written
        assert held_at < WAITING
        assert (await connection.run("echo other sessions go on")).ok
        assert written == held_at
        assert len((await process.wait(SECONDS)).stdout) == size


async def test_it_holds_a_client_back_that_it_does_not_read(tmp_path: Path) -> None:
    reading = asyncio.Event()

    async def run(process: InProcess) -> int:
        await reading.wait()
        process.stdout.write(b"%d" % len(await process.stdin.read()))
        return 0

    async with served(tmp_path, run) as (connection, server):
        process = await connection.start(subsystem="it")
        process.stdin.write(bytes(64 << 20))
        (channel,) = client_of(server).session.connection.channels.values()
        await until(lambda: channel.window.available == 0)
        with pytest.raises(TimeoutError):
            await process.stdin.drain(timeout=0.01)
        reading.set()
        await process.stdin.drain(timeout=SECONDS)
        process.stdin.write_eof()
        assert (await process.wait(SECONDS)).stdout == b"%d" % (64 << 20)


async def test_input_that_nobody_takes_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    handler = Handler(for_ever)
    async with served(tmp_path, handler) as (connection, server):
        process = await connection.start(subsystem="it")
        process.stdin.write(bytes(9_000_000))
        (await handler.begun).signal("TERM")
        assert (await process.wait(SECONDS)).exit_signal == "TERM"
        await nothing_left(connection, server)


async def test_output_that_nobody_wants(tmp_path: Path) -> None:
    async def run(process: InProcess) -> int:
        while True:
            process.stdout.write(b"y\n")
            await asyncio.sleep(0)

    async with served(tmp_path, run) as (connection, _):
        process = await connection.start(subsystem="it")
        await process.stdout.readexactly(2)
        process.stop_output()
        assert (await process.wait(SECONDS)).exit_signal == "PIPE"


# --- what it is told --------------------------------------------------------------------------------------------------


async def test_who_it_is_for(tmp_path: Path) -> None:
    handler = Handler(for_ever)
    async with served(tmp_path, handler, accept_env=["LC_*"]) as (connection, server):
        await connection.start(subsystem="it", env={"LC_NAME": "x", "OTHER": "y"})
        start = (await handler.begun).start
        assert (start.subsystem, start.user, start.home) == ("it", server.user, str(server.home))
        assert start.environment["LC_NAME"] == "x"
        assert "OTHER" not in start.environment
        assert start.client_address == client_of(server).client_address
        assert start.terminal is None


async def test_a_terminal(tmp_path: Path) -> None:
    sizes: list[TerminalSize] = []

    async def run(process: InProcess) -> int:
        assert process.start.terminal is not None
        sizes.append(process.start.terminal)
        resized = asyncio.Event()

        def on_resize(size: TerminalSize) -> None:
            sizes.append(size)
            resized.set()

        process.on_resize = on_resize
        process.stdout.write(b"ready")
        await resized.wait()
        return 0

    async with served(tmp_path, run) as (connection, _):
        process = await connection.start(subsystem="it", pty=Pty(rows=20, cols=70))
        assert await process.stdout.readexactly(5) == b"ready"
        process.resize(21, 71)
        assert (await process.wait(SECONDS)).ok
    assert sizes == [TerminalSize(20, 70), TerminalSize(21, 71)]


async def test_a_forced_command_goes_before_it(tmp_path: Path) -> None:
    async with served(tmp_path, for_ever, force_command='echo "$SSH_ORIGINAL_COMMAND"') as (connection, _):
        assert (await (await connection.start(subsystem="it")).wait(SECONDS)).stdout == b"it\n"


async def test_one_that_cannot_be_started(tmp_path: Path) -> None:
    def factory(events: Any, start: Any) -> Any:
        raise ProcessStartError("not today")

    async with loopback(tmp_path, subsystems={"it": factory}) as (connection, server):
        for name in ("it", "unheard-of"):
            with pytest.raises(ChannelRequestDenied):
                await connection.start(subsystem=name)
        assert await alive(connection)
        await nothing_left(connection, server)


async def alive(connection: Connection) -> bool:
    return (await connection.run("true")).ok
