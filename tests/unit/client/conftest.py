"""A connection to our own server, in the test's loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh import Connection, connect
from tests.support.embedded import EmbeddedServer, embedded_in_loop


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    async with embedded_in_loop(tmp_path / "server") as made:
        yield made


@pytest.fixture
async def connection(server: EmbeddedServer) -> AsyncIterator[Connection]:
    async with reach(server) as made:
        yield made


def reach(server: EmbeddedServer, **options: object):  # type: ignore[no-untyped-def]
    """`connect` to the server with all that it takes."""
    settings = {"port": server.port, "config": "none", "known_hosts": server.known_hosts}
    return connect(f"{server.user}@{server.host}", **{**settings, "identity_file": server.client_key, **options})
