"""`listen`, awaited and with ``async with``."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_ssh.ssh import ConnectError, listen
from jupyter_ssh.ssh.keys import generate

HOST = "127.0.0.1"


@pytest.fixture
def options() -> dict[str, Any]:
    return {"host_keys": [generate()], "passwords": lambda user, password: False}


async def test_async_with_closes_what_was_opened(options: dict[str, Any]) -> None:
    async with listen(HOST, **options) as server:
        assert server.port
    assert server.addresses == []


async def test_it_can_be_awaited_and_closed_later(options: dict[str, Any]) -> None:
    server = await listen(HOST, **options)
    assert server.port
    await server.close()
    assert server.addresses == []


async def test_nothing_is_opened_before_it_is_awaited(options: dict[str, Any]) -> None:
    async with listen(HOST, **options) as server:
        taken = listen(HOST, server.port, **options)
        with pytest.raises(ConnectError, match="cannot listen"):
            await taken
