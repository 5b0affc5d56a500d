"""Waiting for processes: how long, what is known then, and how they are interrupted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import ChannelClosed, Connection, DeadlineExceeded, Pty, RemoteCommandError
from tests.support.embedded import EmbeddedServer
from tests.unit.client.conftest import reach

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

LOOP = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done"


async def test_a_result_says_where_and_how_long(connection: Connection) -> None:
    for result in (
        await connection.run("sleep 0.2; echo out; echo err >&2; exit 3"),
        await (await connection.start("sleep 0.2; echo out; echo err >&2; exit 3")).wait(),
    ):
        assert result.host == connection.name
        assert result.seconds >= 0.2
        assert (result.stdout, result.stdout_size, result.stderr_size, result.returncode) == (b"out\n", 4, 4, 3)


async def test_the_time_of_a_process_ends_with_it_not_with_the_wait(connection: Connection) -> None:
    process = await connection.start("true")
    await process.wait_closed()
    first = (await process.wait()).seconds
    assert (await process.wait()).seconds == first


async def test_run_gives_what_was_printed_until_its_deadline(connection: Connection) -> None:
    running = connection.run("echo out; echo err >&2; exec sleep 100", timeout=5)
    with pytest.raises(TimeoutError) as caught:
        await running
    error = caught.value
    assert isinstance(error, DeadlineExceeded)
    assert (error.stdout, error.stderr, error.seconds) == (b"out\n", b"err\n", 5)
    assert "out" not in str(error).replace("timeout", "")


async def test_wait_leaves_the_process_and_its_output_alone(connection: Connection) -> None:
    process = await connection.start("echo out; read line; echo $line", encoding="utf-8")
    assert await process.stdout.read(1) == "o"
    with pytest.raises(DeadlineExceeded) as caught:
        await process.wait(timeout=1)
    assert (caught.value.stdout, caught.value.stderr) == (b"ut\n", b"")
    process.stdin.write("more\n")
    assert (await process.wait(60)).stdout == "ut\nmore\n"


async def test_a_wait_that_fails_leaves_both_streams_to_the_next_one(connection: Connection) -> None:
    process = await connection.start("cat; echo err >&2")
    reading = asyncio.ensure_future(process.stdout.readline())
    await asyncio.sleep(0)
    with pytest.raises(ChannelClosed, match="another task"):
        await process.wait(60)
    process.stdin.write(b"a line\n")
    process.stdin.write_eof()
    assert await reading == b"a line\n"
    assert (await process.wait(60)).stderr == b"err\n"


async def test_the_return_code_is_known_when_it_ended(connection: Connection) -> None:
    process = await connection.start("read line; kill -TERM $$")
    assert process.returncode is None
    assert "running" in repr(process)
    process.stdin.write_eof()
    assert (await process.wait(60)).returncode == process.returncode == -15
    assert "ended" in repr(process)


async def test_an_interrupt_is_what_ctrl_c_is(connection: Connection) -> None:
    process = await connection.start(LOOP)
    await process.stdout.readline()
    assert await process.interrupt()
    result = await process.wait(60)
    assert (result.stdout, result.exit_status) == (b"caught\n", 5)


async def test_an_interrupt_is_typed_at_a_terminal(connection: Connection) -> None:
    process = await connection.start(LOOP, pty=Pty())
    await process.stdout.readline()
    assert await process.interrupt()
    printed = (await process.wait(60)).stdout
    assert b"^C" in printed, "the terminal shows what was typed"
    assert b"caught" in printed


async def test_who_ignores_interrupts_is_hung_up_and_left(connection: Connection) -> None:
    process = await connection.start("trap '' INT HUP; echo ready; while read line; do :; done")
    await process.stdout.readline()
    assert not await process.interrupt()
    assert not process.closed
    process.stdin.write_eof()
    assert (await process.wait(60)).ok


async def test_a_cancelled_run_is_interrupted(connection: Connection, tmp_path: object) -> None:
    command = f"trap 'echo caught > {tmp_path}/said; exit' INT; echo > {tmp_path}/ready; while :; do sleep 0.1; done"
    running = asyncio.ensure_future(connection.run(command))
    await connection.run(f"until test -e {tmp_path}/ready; do sleep 0.05; done")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await connection.run(f"cat {tmp_path}/said")).stdout == b"caught\n"


async def test_text_in_text_out(connection: Connection) -> None:
    result = await connection.run("cat; printf '\\344' >&2", input="grüße", encoding="latin-1")
    assert (result.stdout, result.stderr) == ("grüße", "ä")
    assert result.stdout_size == 5
    with pytest.raises(UnicodeDecodeError):
        await connection.run("printf '\\377'", encoding="utf-8")
    assert (await connection.run("printf '\\377'", encoding="utf-8", errors="replace")).stdout == "\ufffd"
    with pytest.raises(RemoteCommandError) as caught:
        await connection.run("echo ü; exit 1", encoding="utf-8", check=True)
    assert caught.value.stdout == "ü\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ({"input": "é", "encoding": "ascii"}, UnicodeEncodeError),
        ({"encoding": "nonsense"}, LookupError),
        ({"encoding": "hex"}, LookupError),
        ({"encoding": "utf-8", "errors": "nonsense"}, LookupError),
    ],
)
async def test_an_encoding_that_will_not_do_starts_nothing(
    connection: Connection, tmp_path: Path, text: dict[str, Any], error: type[Exception]
) -> None:
    open_channels: Any = connection.channel_host.session.connection.channels
    with pytest.raises(error):
        await connection.run("cat", stdout=tmp_path / "opened", **text)
    assert not open_channels
    assert not (tmp_path / "opened").exists()


async def test_a_conversation_in_text(connection: Connection) -> None:
    async with await connection.start('while read line; do echo "<$line>"; done', encoding="utf-8") as process:
        for word in ("eins", "zwölf", "😀"):
            process.stdin.write(f"{word}\n")
            await process.stdin.drain()
            assert await process.stdout.readline() == f"<{word}>\n"
        process.stdin.write_eof()
        assert [line async for line in process.stdout] == []


async def test_the_variables_of_the_options_are_set_unless_the_call_has_others(server: EmbeddedServer) -> None:
    async with reach(server, set_env=["LC_ONE=1", "LC_TWO=2"]) as connection:
        result = await connection.run("echo $LC_ONE $LC_TWO", env={"LC_TWO": "two"})
    assert result.stdout == b"1 two\n"
