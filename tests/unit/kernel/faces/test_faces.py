"""A remote process through both faces: from a thread that blocks, and from another event loop than the engine's."""

from __future__ import annotations

import asyncio
import inspect
import os
import traceback
from pathlib import Path

import pytest

from jupyter_ssh.kernel.faces.blocking import Connection
from jupyter_ssh.ssh import DEVNULL, ChannelClosed, DeadlineExceeded, RemoteCommandError
from tests.notebook.remotes import Remote
from tests.unit.kernel.faces.conftest import interrupted

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

ECHO = 'while read line; do echo "<$line>"; done'


# --- blocking ---------------------------------------------------------------------------------------------------------


def test_run(connection: Connection) -> None:
    result = connection.run("cat; exit 3", input="in")
    assert (result.stdout, result.returncode, result.host) == (b"in", 3, connection.name)
    with pytest.raises(RemoteCommandError):
        connection.run("false", check=True)
    with pytest.raises(DeadlineExceeded) as caught:
        connection.run("echo so far; exec sleep 100", timeout=5)
    assert caught.value.stdout == b"so far\n"


def test_a_conversation_that_blocks(connection: Connection) -> None:
    with connection.start(ECHO, encoding="utf-8") as process:
        process.stdin.write("eins\n")
        assert process.stdout.readline(timeout=60) == "<eins>\n"
        process.stdin.write("zwölf\ndrei\n")
        process.stdin.write_eof()
        assert process.stdin.is_closing()
        assert list(process.stdout) == ["<zwölf>\n", "<drei>\n"]
        assert process.stdout.at_eof()
        assert process.wait(60).ok
    assert process.closed
    assert process.returncode == 0
    with pytest.raises(ChannelClosed):
        process.stdin.write("more")


def test_a_pipe_between_processes_and_nowhere(connection: Connection) -> None:
    source = connection.start("head -c 3M /dev/zero")
    assert int(connection.run("wc -c", stdin=source).stdout) == 3 << 20
    last = connection.start("cat")
    connection.start("echo by its stdin", stdout=last.stdin, stderr=DEVNULL)
    assert last.wait(60).stdout == b"by its stdin\n"


def test_a_thread_that_writes_is_held_back(connection: Connection) -> None:
    process = connection.start("exec sleep 100")

    def write() -> None:
        for _ in range(200):
            process.stdin.write(bytes(1 << 20), timeout=0.5)

    with pytest.raises(DeadlineExceeded):
        write()
    process.close()


def test_an_interrupt_ends_the_process_and_the_call(connection: Connection, tmp_path: Path) -> None:
    command = f"trap 'echo said > {tmp_path}/said; exit' INT; while :; do touch {tmp_path}/ready; sleep 0.1; done"

    async def ready() -> None:
        await connection.aio.run(f"until test -e {tmp_path}/ready; do sleep 0.05; done")

    thread = interrupted(lambda: asyncio.run(ready()))
    with pytest.raises(KeyboardInterrupt):
        connection.run(command)
    thread.join()
    assert connection.run(f"cat {tmp_path}/said").stdout == b"said\n"


def test_an_interrupted_read_loses_nothing(connection: Connection) -> None:
    process = connection.start("printf begun; read line; echo ' and ended'")

    def begun() -> None:
        while process.stdout.peek() != b"begun":
            pass

    thread = interrupted(begun)
    with pytest.raises(KeyboardInterrupt):
        process.stdout.readline()
    thread.join()
    process.stdin.write("\n")
    assert process.stdout.readline() == b"begun and ended\n"


# --- awaitable --------------------------------------------------------------------------------------------------------


async def test_a_process_can_be_awaited(connection: Connection) -> None:
    process = await connection.aio.start(ECHO, encoding="utf-8")
    process.stdin.write("eins\n")  # begun at once, in order; awaited, it is held back
    await process.stdin.write("zwölf\n")
    assert await process.stdout.readline(timeout=60) == "<eins>\n"
    await process.stdin.write_eof()
    assert [line async for line in process.stdout] == ["<zwölf>\n"]
    result = await process.wait(60)
    assert (result.ok, result.stdout, process.returncode) == (True, "", 0)


async def test_several_at_once(connection: Connection) -> None:
    results = await asyncio.gather(*(connection.aio.run("read x; echo $x", input=f"{n}\n") for n in range(5)))
    assert [result.text for result in results] == [f"{n}\n" for n in range(5)]


async def test_what_was_not_awaited_is_done_all_the_same(connection: Connection) -> None:
    async with await connection.aio.start("exec sleep 100") as process:
        process.signal("TERM")
        assert (await process.wait(60)).exit_signal == "TERM"
        with pytest.raises(ChannelClosed):
            await process.stdin.write(b"x")


async def test_a_cancelled_wait_leaves_the_loop_and_the_process(connection: Connection) -> None:
    process = await connection.aio.start("read line; exit 2")
    waiting = asyncio.ensure_future(process.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await process.stdin.write_eof()
    assert (await process.wait(60)).exit_status == 2


def test_both_faces_are_of_one_process(connection: Connection) -> None:
    process = connection.start("cat")

    async def write() -> None:
        await process.aio.stdin.write(b"written there")
        await process.stdin.aio.write_eof()

    asyncio.run(write())
    assert process.stdout.read() == b"written there"


async def test_a_stream_of_the_server(connection: Connection, remote: Remote) -> None:
    reader, writer = await connection.aio.open_tcp(remote.host, remote.port)
    assert (await reader.readline()).startswith(b"SSH-2.0-")
    await writer.close()


# --- how they look ----------------------------------------------------------------------------------------------------


def test_help_shows_the_docstring_and_the_parameters_with_their_values(connection: Connection) -> None:
    assert "Raises:" in (inspect.getdoc(connection.run) or "")
    assert "timeout: float | None = 60.0" in str(inspect.signature(connection.start)).replace("'", "")
    assert repr(connection.start("true")).startswith(f"<Process 'true' on {connection.name}, ")


@pytest.mark.parametrize("face", ["blocking", "awaitable"])
def test_errors_come_without_the_frames_of_this_package(connection: Connection, face: str) -> None:
    process = connection.start("exit 1")

    async def wait() -> None:
        await process.aio.wait(check=True)

    with pytest.raises(RemoteCommandError) as caught:
        process.wait(check=True) if face == "blocking" else asyncio.run(wait())
    assert hasattr(caught.value, "_render_traceback_")
    names = [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert "work" not in names, "frames of the engine, which may hold secrets"
