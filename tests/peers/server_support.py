"""The clients of others against our server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from tests.support.clients import ClientCommand, PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.processes import HOST

TIMEOUT = 60


def ssh(server: EmbeddedServer, clients: PeerClients, command: str | None, *options: str, **more: Any) -> ClientCommand:
    """OpenSSH's ssh, with the key that is let in unless told otherwise."""
    settings = {"identity": server.identity, "known_hosts": server.known_hosts, "options": options, **more}
    return clients.ssh(server.host, server.port, server.user, command, **settings)


def server_for(client: str, make: Factory) -> EmbeddedServer:
    """A server with the defaults, as far as such a client can do with them: Debian's dbclient has no safer exchange."""
    return make(kex_algorithms="+curve25519-sha256") if client == "dbclient" else make()


def asyncssh_client(server: EmbeddedServer, **options: Any) -> Any:
    """An AsyncSSH connection, with the key that is let in unless told otherwise."""
    settings = {
        "username": server.user,
        "config": None,
        "agent_path": None,
        "known_hosts": str(server.known_hosts),
        "client_keys": [str(server.client_key)],
        "login_timeout": TIMEOUT,
        **options,
    }
    return asyncssh.connect(server.host, server.port, **settings)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def destination(handler: Handler) -> AsyncIterator[int]:
    """A TCP server to forward to; gives its port.  All its connections are over when it is left."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionError:
                pass
            running.discard(task)

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        if running:
            await asyncio.wait(running, timeout=TIMEOUT)
