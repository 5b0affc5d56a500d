"""Streams of processes that lead to files, to nowhere and to other processes."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import DEVNULL, PIPE, STDOUT, ChannelClosed, ConfigError, Connection, SSHError
from jupyter_ssh.ssh.channels import streams
from tests.support.embedded import EmbeddedServer
from tests.unit.client.conftest import reach

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

BIG = os.urandom(1 << 20) * 24
"""More than a window, more than all that may wait for it."""


# --- files ------------------------------------------------------------------------------------------------------------


async def test_from_a_path_to_a_path(connection: Connection, tmp_path: Path) -> None:
    source, target, complaints = tmp_path / "in", tmp_path / "out", tmp_path / "err"
    source.write_bytes(BIG)
    result = await connection.run("cat; echo done >&2", stdin=source, stdout=str(target), stderr=complaints)
    assert (result.stdout, result.stderr, result.exit_status) == (b"", b"", 0)
    assert (result.stdout_size, result.stderr_size) == (len(BIG), 5)
    assert target.read_bytes() == BIG
    assert complaints.read_bytes() == b"done\n"


async def test_open_files_are_used_from_where_they_are_and_stay_open(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"skipped\nread\n")
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as target:
        source.readline()
        target.write(b"before\n")
        await connection.run("cat", stdin=source, stdout=target)
        assert (tmp_path / "out").read_bytes() == b"before\nread\n"  # flushed
        target.write(b"after\n")
    assert (tmp_path / "out").read_bytes() == b"before\nread\nafter\n"


async def test_what_is_no_file_of_the_system_will_do(connection: Connection) -> None:
    target = io.BytesIO()
    await connection.run("cat", stdin=io.BytesIO(b"from memory"), stdout=target)
    assert target.getvalue() == b"from memory"


async def test_descriptors(connection: Connection, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        with (tmp_path / "out").open("wb") as target:
            process = await connection.start("cat", stdin=reading, stdout=target.fileno())
            os.write(writing, b"through a pipe")
            os.close(writing)
            writing = -1
            assert (await process.wait(60)).ok
        assert (tmp_path / "out").read_bytes() == b"through a pipe"
        os.fstat(reading)  # it is not ours, and is open still
    finally:
        for descriptor in {reading, writing} - {-1}:
            os.close(descriptor)


async def test_a_pipe_that_nobody_writes_to_holds_up_nothing(connection: Connection) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb"):
        result = await connection.run("echo over", stdin=source, timeout=60)
        assert result.stdout == b"over\n"


async def test_files_are_read_and_written_off_the_loop(connection: Connection) -> None:
    class Noting(io.BytesIO):
        threads: set[int]

        def read1(self, size: int | None = -1) -> bytes:
            self.threads = {threading.get_ident()}
            return super().read1(size)

        def write(self, data: Any) -> int:
            self.threads = {threading.get_ident()}
            return super().write(data)

    source, target = Noting(b"data"), Noting()
    await connection.run("cat", stdin=source, stdout=target)
    assert threading.get_ident() not in source.threads | target.threads


async def test_a_file_that_cannot_be_opened_starts_nothing(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await connection.run(f"touch {tmp_path}/started", stdin=tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        await connection.run(f"touch {tmp_path}/started", stdout=tmp_path)
    assert not (tmp_path / "started").exists()
    assert (await connection.run("echo fine")).stdout == b"fine\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
async def test_a_full_disk_is_told_and_ends_the_process(connection: Connection) -> None:
    process = await connection.start("yes", stdout="/dev/full")
    with pytest.raises(OSError, match="No space"):
        await process.wait(60)
    assert process.exit_signal == "PIPE" or process.exit_status


async def test_a_source_that_breaks_is_told(connection: Connection) -> None:
    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        await connection.run("cat", stdin=Broken())


async def test_a_file_that_was_closed_too_early_is_told_and_ends_the_process(
    connection: Connection, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as target:
        process = await connection.start("read go; exec cat /dev/zero", stdout=target)
    process.stdin.write(b"go\n")
    with pytest.raises(ValueError, match="closed file"):
        await process.wait(60)
    assert process.exit_signal == "PIPE" or process.exit_status


async def test_a_source_that_is_cut_off_is_told_and_ends_the_input(connection: Connection) -> None:
    whole = gzip.compress(os.urandom(100_000))
    with gzip.open(io.BytesIO(whole[:-50])) as source:
        process = await connection.start("cat > /dev/null; echo over", stdin=source)
        with pytest.raises(EOFError):
            await process.wait(60)
    assert process.exit_status == 0


@pytest.mark.parametrize("error", [OSError("the disk is full"), ValueError("not now")], ids=["OSError", "ValueError"])
async def test_a_file_that_fails_at_its_end_is_told_and_its_thread_ends(
    connection: Connection, error: Exception
) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise error

    before = set(threading.enumerate())
    process = await connection.start("echo x", stdout=Full())
    of_the_file = [thread for thread in set(threading.enumerate()) - before if thread.name == "jupyter-ssh file"]
    with pytest.raises(type(error), match=str(error)):
        await process.wait(60)
    assert of_the_file
    for thread in of_the_file:
        thread.join(60)
        assert not thread.is_alive()


async def test_nothing_and_nowhere(connection: Connection) -> None:
    result = await connection.run("cat; head -c 3M /dev/zero; echo kept >&2", stdin=DEVNULL, stdout=subprocess.DEVNULL)
    assert (result.stdout, result.stderr, result.stdout_size) == (b"", b"kept\n", 3 << 20)


async def test_stderr_goes_where_stdout_goes(connection: Connection, tmp_path: Path) -> None:
    result = await connection.run("echo one; echo two >&2; echo three", stderr=STDOUT)
    assert sorted(result.stdout.split()) == [b"one", b"three", b"two"]
    assert result.stderr == b""
    await connection.run("echo one; echo two >&2", stdout=tmp_path / "both", stderr=STDOUT)
    assert sorted((tmp_path / "both").read_bytes().split()) == [b"one", b"two"]


async def test_pipe_is_what_there_is_anyway(connection: Connection) -> None:
    result = await connection.run("cat; echo e >&2", input=b"i", stdin=None, stdout=PIPE, stderr=PIPE)
    assert (result.stdout, result.stderr) == (b"i", b"e\n")


@pytest.mark.parametrize(
    "wrong", [{"stdout": io.StringIO()}, {"stdin": 3.5}, {"stdout": STDOUT}, {"stdin": STDOUT}, {"stderr": b"path"}]
)
async def test_what_cannot_be_redirected_to_is_an_error_at_once(connection: Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="redirected"):
        await connection.run("true", **wrong)


async def test_input_and_stdin_exclude_each_other(connection: Connection) -> None:
    with pytest.raises(ConfigError, match="both given"):
        await connection.run("cat", input=b"a", stdin=DEVNULL)


# --- between processes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("two", [False, True], ids=["one connection", "two connections"])
async def test_a_pipe_between_processes(server: EmbeddedServer, connection: Connection, two: bool) -> None:
    async with reach(server) as other:
        source = await connection.start("head -c 30M /dev/zero")
        target = await (other if two else connection).start("wc -c", stdin=source)
        # Both are waited for while everything goes from the one to the other.
        beginning, end = await asyncio.gather(source.wait(120), target.wait(120))
        assert int(end.stdout) == 30 << 20
        assert (beginning.exit_status, beginning.stdout, beginning.stdout_size) == (0, b"", 30 << 20)


async def test_a_pipe_of_three_given_by_their_outputs(connection: Connection) -> None:
    last = await connection.start("sort -r")
    middle = await connection.start("tr a-c A-C", stdout=last)
    await connection.start("printf 'a\\nb\\nc\\n'", stdout=middle.stdin)
    assert (await last.wait(60)).stdout == b"C\nB\nA\n"


async def test_who_reads_no_more_ends_who_writes(connection: Connection) -> None:
    source = await connection.start("yes")
    result = await connection.run("head -n 2", stdin=source, timeout=60)
    assert result.stdout == b"y\ny\n"
    assert (await source.wait(60)).exit_signal == "PIPE"


async def test_a_slow_reader_holds_the_other_process_back(connection: Connection) -> None:
    source = await connection.start("head -c 200M /dev/zero")
    slow = await connection.start("head -c 1 >&2; read go < /dev/tty || sleep 100", stdin=source)
    assert await slow.stderr.readexactly(1) == b"\0"
    received = -1
    while received != source._session.stdout.received:  # counted below the process only
        received = source._session.stdout.received
        await connection.run("sleep 0.3")
    assert received < 100 << 20
    # What waits for the slow one is bounded too, wherever it waits.
    assert slow._session.stdin._channel.unsent <= streams.LOW_WATER + (1 << 20)
    slow.close()
    source.close()


async def test_a_source_whose_connection_is_lost_is_no_end_of_file(
    server: EmbeddedServer, connection: Connection
) -> None:
    async with reach(server) as other:
        source = await other.start("echo begun; sleep 100")
        process = await connection.start("cat", stdin=source)
        assert await process.stdout.readline() == b"begun\n"
        other.channel_host.driver.abandon()
        with pytest.raises(SSHError):
            await process.wait(60)
        assert process.exit_status == 0  # it has read an end of file; that is no reason to trust what it made


async def test_text_that_was_decoded_ahead_goes_on_to_the_next(connection: Connection) -> None:
    source = await connection.start("printf 'eins\\nzwei ä\\n'", encoding="utf-8")
    assert await source.stdout.readline() == "eins\n"
    result = await connection.run("cat", stdin=source.stdout, encoding="utf-8", timeout=60)
    assert result.stdout == "zwei ä\n"


async def test_a_stream_that_is_carried_is_nobody_elses(connection: Connection) -> None:
    process = await connection.start("sleep 0.2; echo x", stdout=DEVNULL)
    await asyncio.sleep(0)
    with pytest.raises(ChannelClosed, match="another task"):
        await process.stdout.read()
    assert (await process.wait(60)).ok
