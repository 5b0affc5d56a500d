"""Our client and our server on real sockets in one loop: what flows between them, and what is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_ssh.ssh import Connection, connect
from jupyter_ssh.ssh.server.connection import ServerConnection
from tests.support.embedded import EmbeddedServer, embedded_in_loop

SECONDS = 90.0
"""What should happen at once may take so long; reached only when something is broken."""


async def until(condition: Callable[[], Any]) -> Any:
    """The first true value of the condition."""

    async def wait() -> Any:
        while not (value := condition()):
            await asyncio.sleep(0.005)
        return value

    return await asyncio.wait_for(wait(), SECONDS)


@asynccontextmanager
async def loopback(folder: Path, **options: Any) -> AsyncIterator[tuple[Connection, EmbeddedServer]]:
    """A client that is logged in to a server with these options."""
    async with embedded_in_loop(folder, **options) as server, reach(server) as connection:
        yield connection, server


def reach(server: EmbeddedServer) -> Any:
    """`connect` to the server."""
    settings = {"port": server.port, "config": "none", "known_hosts": server.known_hosts}
    return connect(f"{server.user}@{server.host}", **settings, identity_file=server.client_key)


def client_of(server: EmbeddedServer) -> ServerConnection:
    """The server's end of its only connection."""
    assert server.server is not None
    (client,) = server.server._connections  # the server tells nobody who is connected
    return client


async def nothing_left(connection: Connection, server: EmbeddedServer) -> None:
    """Waits until no channel is left on either side."""
    ends = [connection.channel_host.session, client_of(server).session]
    await until(lambda: not any(end.connection.channels for end in ends))
