"""A connection of an engine to our own server, behind its blocking face."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.faces.blocking import Connection
from jupyter_ssh.ssh import connect
from tests.notebook.remotes import Remote, embedded_server


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture
def connection(engine: Engine, remote: Remote) -> Iterator[Connection]:
    async def work():  # type: ignore[no-untyped-def]
        return await connect(
            f"{remote.user}@{remote.host}",
            port=remote.port,
            config="none",
            known_hosts=remote.known_hosts,
            identity_file=remote.client_key,
        )

    with Connection(engine, engine.call(work)) as made:
        yield made


def interrupted(until: Callable[[], object]) -> threading.Thread:
    """SIGINT to this process, as ■ sends it, once ``until`` has returned."""

    def run() -> None:
        until()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread
