"""`listen`, awaited and with ``async with``."""

from __future__ import annotations

import asyncio
import errno
import os
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


async def test_a_taken_port(options: dict[str, Any]) -> None:
    async with listen(HOST, **options) as server:
        with pytest.raises(ConnectError) as caught:
            await listen(HOST, server.port, **options)
    assert caught.value.next_step == "Choose another port, or 0 for any free one."


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("192.0.2.1", "any"),  # for documentation, so no machine has it
        (HOST, "inet6"),
        ("a" * 70, "any"),
        ("a..b", "any"),
        ("a\0b", "any"),
    ],
    ids=["elsewhere", "family", "long", "empty label", "NUL"],
)
async def test_an_address_that_cannot_be_listened_on(host: str, family: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConnectError, match="cannot listen on ") as caught:
        await listen(host, address_family=family, **options)
    assert caught.value.next_step == "Name an address of this machine, of a family that is allowed."
    assert caught.value.received
    assert "codec" not in caught.value.received


async def test_a_port_that_does_not_exist(options: dict[str, Any]) -> None:
    with pytest.raises(ConnectError, match="cannot listen on ") as caught:
        await listen(HOST, 65536, **options)
    assert caught.value.next_step == "Choose a port of at most 65535, or 0 for any free one."


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.EACCES, "Choose a port from 1024 on, or 0 for any free one."),
        (errno.EMFILE, None),
    ],
    ids=["EACCES", "EMFILE"],
)
async def test_what_the_system_refuses(
    number: int, step: str | None, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: object, **more: object) -> None:  # root, which may run this, is allowed any port
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refuse, raising=False)
    with pytest.raises(ConnectError, match="cannot listen on ") as caught:
        await listen(HOST, 22, **options)
    assert caught.value.next_step == step
