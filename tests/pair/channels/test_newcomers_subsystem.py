"""A newcomer adds a subsystem to the server: all that is needed stands in this one file."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_ssh.ssh.server import InProcess, in_process
from tests.pair.channels.loopback import loopback, nothing_left

DATA = os.urandom(3_000_000)


async def echo(process: InProcess) -> int:
    """Sends back what it reads, and says how much it was."""
    count = 0
    while data := await process.stdin.read(65536):
        count += len(data)
        process.stdout.write(data)
        await process.stdout.drain()
    process.stderr.write(b"%d bytes\n" % count)
    return 7


async def test_an_echo(tmp_path: Path) -> None:
    async with loopback(tmp_path, subsystems={"echo": in_process(echo)}) as (connection, server):
        process = await connection.start(subsystem="echo")
        process.stdin.write(DATA)
        process.stdin.write_eof()
        result = await process.wait()
        assert result.stdout == DATA
        assert result.stderr == b"%d bytes\n" % len(DATA)
        assert result.exit_status == 7
        await nothing_left(connection, server)
