"""A Jupyter server, and a kernel in which terminals are opened, for all tests here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote, embedded_server
from tests.support.jupyter import JupyterServer, ServerKernel, running_server

if os.name == "nt":
    pytest.skip("the tests use Unix processes", allow_module_level=True)

START = "import jupyter_ssh.kernel.terminals.starting as starting; starting.start_service();"
OPEN = (
    "from jupyter_ssh.kernel.connections.registry import get_connections\n"
    "import jupyter_ssh.kernel.terminals.starting as starting\n"
    "def open_terminal(command=None):\n"
    "    connection = get_connections().open('box', {}).connection\n"
    "    return starting.open_session(connection, command).session\n"
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="session")
def remote(folder: Path) -> Iterator[Remote]:
    with embedded_server(folder) as server:
        yield server


@pytest.fixture(scope="session")
def jupyter(folder: Path, remote: Remote) -> Iterator[JupyterServer]:
    env = environment(folder, write_config(folder, box=remote))
    with running_server(folder, env) as server:
        yield server


@pytest.fixture(scope="session")
def kernel(jupyter: JupyterServer) -> Iterator[ServerKernel]:
    started = jupyter.start_kernel()
    started.run(OPEN)
    yield started
    started.stop()
