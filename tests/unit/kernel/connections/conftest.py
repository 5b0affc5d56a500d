"""A registry of its own for each test, and a server for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_ssh.kernel.connections.registry import Connections
from tests.notebook.remotes import Remote, embedded_server


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture
def connections() -> Iterator[Connections]:
    registry = Connections()
    yield registry
    registry.close(list(registry.entries().values()), for_all=True)


@pytest.fixture
def login(remote: Remote) -> dict[str, Any]:
    """What logs in to the server, by a relay too."""
    return {
        "config": "none",
        "user": remote.user,
        "port": remote.port,
        "host_key_alias": f"[{remote.host}]:{remote.port}",
        "known_hosts": remote.known_hosts,
        "identity_file": remote.client_key,
    }
