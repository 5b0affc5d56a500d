"""Writing to a process that does not read."""

from __future__ import annotations

import asyncio
import os

import pytest

from jupyter_ssh.ssh import ChannelClosed, Connection, SSHError
from jupyter_ssh.ssh.client.session_channel import SessionChannel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")

BIG = bytes(20 << 20)
"""More than all that may be sent to a process that does not read."""


class Unconfirmed(SessionChannel):
    """A channel whose closing the server never confirms."""

    def on_over(self, error: SSHError | None) -> None:
        """Ignore the confirmation."""


async def test_closing_wakes_a_task_that_waits_until_its_input_has_been_sent(connection: Connection) -> None:
    session = Unconfirmed(connection.channel_host, "sleep 100")
    await session.begin(None, {}, None)
    session.stdin.write(BIG)
    draining = asyncio.ensure_future(session.stdin.drain())
    await asyncio.sleep(0)
    session.abort()
    with pytest.raises(ChannelClosed, match="on this side"):
        await asyncio.wait_for(draining, 60)


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
