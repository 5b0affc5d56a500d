"""Writing to a process that does not read."""

from __future__ import annotations

import os

import pytest

from jupyter_ssh.ssh import ChannelClosed, Connection

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

BIG = bytes(20 << 20)
"""More than all that may be sent to a process that does not read."""


@pytest.mark.parametrize("end", ["write_eof", "close"])
async def test_a_stream_is_closing_though_what_was_written_still_waits(connection: Connection, end: str) -> None:
    process = await connection.start("sleep 100")
    process.stdin.write(BIG)
    assert not process.stdin.is_closing()
    getattr(process.stdin, end)()
    assert process.stdin.is_closing()
    with pytest.raises(ChannelClosed):
        process.stdin.write(b"more")
    process.close()
