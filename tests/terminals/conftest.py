"""A service in the test's loop, and a server for all tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.notebook.remotes import Remote, embedded_server
from tests.support.pages import Terminals, terminals


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Terminals]:
    async with terminals() as service:
        yield service


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded")) as remote:
        yield remote
