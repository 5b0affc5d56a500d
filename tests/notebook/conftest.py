"""A server and a kernel, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.notebook.kernels import Kernel, running_kernel, write_config
from tests.notebook.remotes import Remote, embedded_server
from tests.support.fixtures import watch
from tests.support.servers import PeerServer, start_openssh


@pytest.fixture(scope="module")
def sshd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    """OpenSSH's server."""
    server = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd")))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Our own server."""
    with embedded_server(tmp_path_factory.mktemp("embedded")) as remote:
        yield remote


@pytest.fixture(scope="module")
def shared_kernel(sshd: PeerServer, embedded: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    with running_kernel(folder, write_config(folder, box=sshd, ours=embedded)) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Iterator[Kernel]:
    """A kernel without a connection, in which "box" is OpenSSH's server and "ours" the embedded one."""
    yield shared_kernel
    shared_kernel.run("%ssh_close --all")


@pytest.fixture
def kernel_with(tmp_path: Path) -> Iterator[Callable[[Path], Kernel]]:
    """``kernel_with(ssh_config)``: a kernel of its own."""
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(running_kernel(tmp_path, config))
