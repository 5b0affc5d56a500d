"""A task that waits for one stream of a process while the other one fills up."""

from __future__ import annotations

import asyncio
import os

import pytest

from jupyter_ssh.ssh import Connection, MemoryBudgetExceeded
from jupyter_ssh.ssh.client import session_channel
from jupyter_ssh.ssh.client.session_channel import SessionChannel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are Unix's")


@pytest.mark.parametrize("way", ["readline", "read"])
async def test_what_is_unread_is_bounded_even_if_the_reader_already_holds_some_bytes(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(session_channel, "UNREAD_BUDGET", 4 << 20)
    process = await connection.start("printf 'prompt> '; head -c 30M /dev/zero >&2; read go")
    with pytest.raises(MemoryBudgetExceeded):
        await getattr(process.stdout, way)(timeout=60)
    assert await process.stdout.read(100) == b"prompt> "
    process.close()


async def test_a_reader_that_is_about_to_run_gets_what_has_arrived(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_channel, "UNREAD_BUDGET", 4)
    session = SessionChannel(connection.channel_host, "cat")
    await session.begin(None, {}, None)
    for line in (b"a line\n", b"another\n"):
        reading = asyncio.ensure_future(session.stdout.readline())
        await asyncio.sleep(0)
        assert session.stdout.waiting
        session.on_data(line, None)
        session.on_data(b"a complaint", 1)
        assert await reading == line
        assert await session.stderr.read(100) == b"a complaint"
    session.abort()
