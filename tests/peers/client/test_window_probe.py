"""Unknown channel requests: the servers of others that refuse them and do nothing else, and two that do worse."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest

from jupyter_ssh.ssh.errors import DisconnectedByPeer
from jupyter_ssh.ssh.protocol.probes import ANSWER_REQUESTS
from tests.peers.client_support import reach
from tests.support.asyncssh_peer import AsyncSSHPeer

SERVERS = [
    "openssh_server",
    "dropbear_server",
    "tinyssh_server",
    "asyncssh_server",
    "paramiko_server",
    "embedded_server",
]
SIZE = 6_000_000
SECONDS = 60


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_a_known_server_refuses_an_unknown_request_and_goes_on(server: Any) -> None:
    async with reach(server) as connection:
        software = connection.info.server_version.split("-", 2)[2]
        assert software.encode().startswith(ANSWER_REQUESTS)
        async with await connection.start("cat") as process:
            (channel,) = connection.channel_host.session.connection.channels.values()
            answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            channel.request("unheard-of@example.com", b"details", answer.set_result)
            assert await asyncio.wait_for(answer, SECONDS) is False
            process.stdin.write(b"hello")
            process.stdin.write_eof()
            result = await process.wait(timeout=SECONDS)
        assert (result.stdout, result.exit_status) == (b"hello", 0)
        assert connection.channel_host.session.info.ignored == 0


def writes_and_closes(channel: Any, packet: Any) -> None:
    """As Teleport's server does."""
    channel.write(b"unknown request\n")
    channel.close()


def disconnects(channel: Any, packet: Any) -> None:
    """As others do."""
    channel.get_connection().disconnect(asyncssh.DISC_PROTOCOL_ERROR, "unknown request")


@pytest.fixture(params=[writes_and_closes, disconnects])
async def touchy_server(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    asyncssh_server_factory: Callable[..., Awaitable[AsyncSSHPeer]],
) -> AsyncSSHPeer:
    """A server that cannot bear an unknown channel request."""

    def handler(self: Any, name: str) -> Any:
        # AsyncSSH looks for its handler of a request by this name; so this is reached for unknown ones only.
        if name.startswith("_process_") and name.endswith("_request"):
            return lambda packet: request.param(self, packet)
        raise AttributeError(name)

    monkeypatch.setattr(asyncssh.channel.SSHServerChannel, "__getattr__", handler, raising=False)
    return await asyncssh_server_factory(server_version="Touchy_1.0")


@pytest.mark.parametrize("options", [{}, {"window_probe": False}])
async def test_output_arrives_whole_from_a_server_that_cannot_bear_one(
    touchy_server: AsyncSSHPeer, options: dict[str, Any]
) -> None:
    async with reach(touchy_server, **options) as connection:
        assert connection.info.server_version == "SSH-2.0-Touchy_1.0"
        result = await connection.run(f"head -c {SIZE} /dev/zero; echo problem >&2", timeout=SECONDS)
        assert (len(result.stdout), result.stderr, result.exit_status) == (SIZE, b"problem\n", 0)
        again = await connection.run("cat", input=os.urandom(SIZE), timeout=SECONDS)
        assert (len(again.stdout), again.exit_status) == (SIZE, 0)


async def test_the_server_is_as_touchy_as_it_says(touchy_server: AsyncSSHPeer) -> None:
    async with reach(touchy_server) as connection:
        async with await connection.start("sleep 60") as process:
            (channel,) = connection.channel_host.session.connection.channels.values()
            channel.request("unheard-of@example.com", b"", lambda success: None)
            try:
                result = await process.wait(timeout=SECONDS)
            except DisconnectedByPeer:
                return
            assert result.exit_status is None
