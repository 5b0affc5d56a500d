"""What a server tells of its clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh.channels.changes import Change, Counted, Ended, Opened
from jupyter_ssh.ssh.errors import AuthenticationError
from tests.pair.channels.loopback import reach, until
from tests.support.embedded import embedded_in_loop


async def test_a_client_from_its_login_to_its_end(tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path) as embedded:
        assert embedded.server is not None
        told: list[Change] = []
        embedded.server.changes.listen(told.append)
        async with reach(embedded) as connection:
            await connection.run("true")
        await until(lambda: any(isinstance(change, Ended) for change in told))
        first, *_, counted, end = told
        assert isinstance(first, Opened)
        assert first.subject.kind == "connection"
        assert first.subject.name.startswith(f"{embedded.user} at 127.0.0.1 port ")
        assert isinstance(counted, Counted)
        assert counted.counters.received > 1000
        assert isinstance(end, Ended)
        assert end.error is not None  # the client said goodbye
        assert {change.subject for change in told} == {first.subject}


async def test_one_that_the_server_closes_has_no_error(tmp_path: Path) -> None:
    told: list[Change] = []
    async with embedded_in_loop(tmp_path) as embedded:
        assert embedded.server is not None
        embedded.server.changes.listen(told.append)
        connection = await reach(embedded)
    assert isinstance(told[-1], Ended)
    assert (told[-1].text, told[-1].error) == ("closed here", None)
    await connection.close()


async def test_who_is_not_logged_in_is_not_told_of(tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path) as embedded:
        assert embedded.server is not None
        told: list[Change] = []
        embedded.server.changes.listen(told.append)
        embedded.client_key.unlink()
        with pytest.raises(AuthenticationError):
            await reach(embedded)
        assert told == []
