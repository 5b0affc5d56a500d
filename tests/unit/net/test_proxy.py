"""What a proxy may say: `tests/peers/route/test_proxies.py` has those that say what they should."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from jupyter_ssh.ssh.config.proxy_address import parse_proxy
from jupyter_ssh.ssh.errors import ProxyError
from jupyter_ssh.ssh.net.proxy import ask_proxy
from jupyter_ssh.ssh.net.proxy_command import ProxyCommand


@pytest.mark.parametrize("status", [b"403", b"407"])
async def test_a_reason_that_would_steer_a_terminal(status: bytes) -> None:
    proxy = parse_proxy("http://proxy.example:3128")
    assert proxy is not None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(b"HTTP/1.1 " + status + b" No\x1b]0;x\x07\x9b2J\r\n\r\n")
        with pytest.raises(ProxyError) as caught:
            await ask_proxy(ours, proxy, "host.example", 22)
    assert str(caught.value).isprintable()
    assert "No" in str(caught.value)


async def test_a_command_that_no_system_starts() -> None:
    with pytest.raises(ProxyError, match="cannot start"):
        await ProxyCommand.start("nc \0 22")


async def test_a_start_that_is_broken_off_leaves_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    make, ends = os.pipe, list[int]()

    def pipe() -> tuple[int, int]:
        ends.extend(made := make())
        return made

    async def broken_off(*arguments: object, **options: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(os, "pipe", pipe)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", broken_off)
    with pytest.raises(asyncio.CancelledError):
        await ProxyCommand.start("nc host.example 22")
    assert len(ends) == 4
    for end in ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)
