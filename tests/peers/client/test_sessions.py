"""Our client runs commands on every server there is: data both ways, both streams, statuses, terminals."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import Pty
from tests.peers.client_support import reach

SERVERS = ["openssh_server", "dropbear_server", "tinyssh_server", "asyncssh_server", "paramiko_server"]


every_server = pytest.mark.parametrize("server", SERVERS, indirect=True)
openssh = pytest.mark.parametrize("server", ["openssh_server"], indirect=True)


@every_server
async def test_a_command_runs(server: Any) -> None:
    async with reach(server) as connection:
        result = await connection.run("cat; echo problem >&2; exit 7", input=b"one\ntwo\n")
        assert (result.stdout, result.exit_status) == (b"one\ntwo\n", 7)
        assert b"problem" in result.stderr
        assert connection.info.method == "publickey"
        assert connection.info.address == server.host


@every_server
async def test_bulk_data_comes_back_unharmed(server: Any) -> None:
    data = os.urandom(3_000_000)
    async with reach(server) as connection:
        result = await connection.run("cat", input=data, timeout=60)
    assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("server", [name for name in SERVERS if name != "tinyssh_server"], indirect=True)
async def test_commands_run_side_by_side(server: Any) -> None:
    async with reach(server) as connection:
        results = await asyncio.gather(*(connection.run(f"cat; exit {n}", input=b"%d" % n) for n in range(6)))
    assert [(result.stdout, result.exit_status) for result in results] == [(b"%d" % n, n) for n in range(6)]


@pytest.mark.parametrize("server", ["tinyssh_server"], indirect=True)
async def test_a_server_may_refuse_a_second_session(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start("cat"):
            with pytest.raises(errors.ChannelOpenError, match="only one"):
                await connection.start("true")


# OpenSSH delivers no signals where it runs without privilege separation, as it does for root.
@pytest.mark.parametrize("server", ["dropbear_server", "asyncssh_server"], indirect=True)
async def test_a_signal_ends_the_process(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start("echo ready; exec sleep 100") as process:
            assert await process.stdout.readline() == b"ready\n"
            process.signal("INT")
            result = await process.wait(timeout=60)
    assert result.exit_signal == "INT"
    assert result.exit_status is None


@openssh
async def test_a_failed_command_raises_when_asked_to(server: Any) -> None:
    async with reach(server) as connection:
        with pytest.raises(errors.RemoteCommandError) as caught:
            await connection.run("echo out; echo err >&2; exit 4", check=True)
    error = caught.value
    assert (error.exit_status, error.stdout, error.stderr) == (4, b"out\n", b"err\n")


@openssh
async def test_a_terminal_has_the_size_and_modes_that_were_asked_for(server: Any) -> None:
    async with reach(server) as connection:
        pty = Pty(term="vt220", rows=33, cols=111, modes={"ECHO": 0, "ONLCR": 0})
        async with await connection.start("echo $TERM; stty size; stty -a; read x; stty size", pty=pty) as process:
            assert await process.stdout.readline() == b"vt220\n"
            assert await process.stdout.readline() == b"33 111\n"
            assert b" -echo " in await process.stdout.readuntil(b"echoke")
            process.resize(44, 55)
            process.stdin.write(b"\n")
            result = await process.wait(timeout=60)
    assert result.stdout.endswith(b"44 55\n")


@openssh
async def test_an_interactive_shell(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start(pty=Pty(term="dumb")) as process:
            process.stdin.write(b"echo ans$((40+2))wer; exit 5\n")
            result = await process.wait(timeout=60)
    assert b"ans42wer" in result.stdout
    assert result.exit_status == 5


@openssh
async def test_environment(server: Any) -> None:
    async with reach(server) as connection:
        result = await connection.run("echo $JUPYTER_SSH_X", env={"JUPYTER_SSH_X": "täst", "NOT_ACCEPTED": "1"})
    assert result.text == "täst\n"


@openssh
async def test_a_subsystem_speaks_and_an_unknown_one_is_refused(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start(subsystem="sftp") as process:
            process.stdin.write(b"\0\0\0\5\1\0\0\0\3")  # SSH_FXP_INIT, version 3
            assert await process.stdout.readexactly(9) is not None
        with pytest.raises(errors.ChannelRequestDenied, match="subsystem"):
            await connection.start(subsystem="no-such-thing")
        assert (await connection.run("true")).ok  # the connection goes on


@openssh
async def test_an_open_tcp_stream(server: Any) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.read())
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, reach(server) as connection:
        reader, writer = await connection.open_tcp("127.0.0.1", port)
        writer.write(b"world")
        writer.write_eof()
        assert await reader.read() == b"hello world"
        with pytest.raises(errors.ChannelOpenError, match="connect failed") as caught:
            await connection.open_tcp("127.0.0.1", 1)
        assert caught.value.reason == 2


@openssh
async def test_stdout_and_stderr_both_full(server: Any) -> None:
    """More than a window on each stream: neither may wait for the other."""
    async with reach(server) as connection:
        command = "head -c 6M /dev/zero >&2; head -c 6M /dev/zero"
        result = await connection.run(command, timeout=60)
        assert (len(result.stdout), len(result.stderr)) == (6 << 20, 6 << 20)
        async with await connection.start(command) as process:
            # stderr fills its window and more; who reads only stdout must get to it all the same
            assert len(await process.stdout.readexactly(6 << 20)) == 6 << 20
            assert len(await process.stderr.read()) == 6 << 20


@openssh
async def test_a_slow_reader_holds_the_server_back(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start("yes | head -c 30M") as process:
            total = 0
            while data := await process.stdout.read(100_000):
                total += len(data)
                assert process.stdout.unread <= 8 << 20
            assert total == 30 * 1000 * 1000 or total == 30 << 20


@openssh
async def test_who_is_slow_to_read_a_terminal_holds_the_server_back(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start("yes | head -c 30M", pty=Pty()) as process:
            assert await process.stderr.read() == b"", "nobody waits there, or the server would be given room"
            await process.stdout.read(1)
            async with asyncio_timeout(60):
                # The window is known below the process only.
                while process._session.channel.window.available:
                    await asyncio.sleep(0)
            assert process.stdout.unread <= 8 << 20
            assert b"\r\ny\r\n" in await process.stdout.readexactly(10 << 20), "and it goes on"


@pytest.mark.parametrize("server", ["asyncssh_server"], indirect=True)
async def test_a_terminal_is_one_stream_also_where_the_server_tells_two_apart(server: Any) -> None:
    async with reach(server) as connection:
        result = await connection.run("echo one; echo two >&2", pty=Pty())
    assert (sorted(result.stdout.split()), result.stderr) == ([b"one", b"two"], b"")


@openssh
async def test_a_deadline_ends_the_command(server: Any) -> None:
    async with reach(server) as connection:
        with pytest.raises(errors.DeadlineExceeded) as caught:
            await connection.run("trap '' HUP INT; while kill -0 $PPID; do sleep 0.2; done", timeout=2)
        assert caught.value.phase == "waiting for the command"
        assert (await connection.run("echo fine")).stdout == b"fine\n"


@openssh
async def test_a_cancelled_run_leaves_nothing_behind(server: Any) -> None:
    async with reach(server) as connection:
        running = asyncio.ensure_future(connection.run("sleep 100"))
        while not connection.channel_host.session.connection.channels:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await connection.run("true")
        async with asyncio_timeout(10):
            while connection.channel_host.session.connection.channels:
                await asyncio.sleep(0)


@openssh
async def test_a_killed_server_ends_every_wait(server: Any) -> None:
    connection = await reach(server)
    process = await connection.start("echo ready; sleep 100")
    await process.stdout.readline()
    waits = [
        asyncio.ensure_future(wait)
        for wait in (process.stdout.read(), process.stderr.readline(), process.wait_closed())
    ]
    await asyncio.sleep(0)
    server.stop()
    for outcome in await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 60):
        assert isinstance(outcome, (errors.ConnectionLost, errors.DisconnectedByPeer))
    assert connection.closed
    assert connection.closed_because is not None
    with pytest.raises(errors.SSHError):
        await connection.run("true")
    await connection.close()


def asyncio_timeout(seconds: float) -> Any:
    """asyncio.timeout for Python 3.10 as well."""

    class Timeout:
        async def __aenter__(self) -> None:
            task = asyncio.current_task()
            assert task is not None
            self.handle = asyncio.get_running_loop().call_later(seconds, task.cancel)

        async def __aexit__(self, *exc: object) -> None:
            self.handle.cancel()

    return Timeout()


@openssh
async def test_a_slow_reader_of_both_streams_loses_nothing(server: Any) -> None:
    """Somebody waits at stderr all the time while much more than the budget of unread bytes comes on stdout."""
    async with reach(server) as connection:
        async with await connection.start("head -c 150M /dev/zero; echo end >&2") as process:
            errors_read = asyncio.ensure_future(process.stderr.read(100))
            total, most = 0, 0
            while data := await process.stdout.read(1 << 20):
                total += len(data)
                if total < 4 << 20:
                    # a pause: until the server has sent all that it was given room for
                    await connection.run("sleep 0.2")
                most = max(most, process.stdout.unread)
            assert total == 150 << 20
            assert most <= 140 << 20
            assert await errors_read == b"end\n"


@openssh
async def test_nobody_reads_any_more(server: Any) -> None:
    async with reach(server) as connection:
        async with await connection.start("trap '' PIPE; yes; exit 6") as process:
            await process.stdout.read(1)
            process.stop_output()
            result = await process.wait(timeout=60)
            assert result.exit_status == 6
