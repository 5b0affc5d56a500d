"""Peers as fixtures, for every test folder.

Of each server there is a running one (``openssh_server``) and a factory (``openssh_server_factory``) that takes the
options of its ``start_…`` function or class; both end with the test.  For a wider scope use the functions themselves
and `watch`, which shows the log of a server when a test fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.asyncssh_peer import AsyncSSHPeer
from tests.support.clients import PeerClients
from tests.support.identities import Identity, make_identity
from tests.support.paramiko_peer import ParamikoPeer
from tests.support.servers import PeerServer, start_dropbear, start_openssh, start_tinyssh

METHODS = ("publickey", "password", "keyboard-interactive")
LOG_TAIL = 8000  # characters shown of a log
WATCHED: pytest.StashKey[list[PeerServer]] = pytest.StashKey()

ServerFactory = Callable[..., PeerServer]


def watch(node: pytest.Item | pytest.Collector, server: PeerServer) -> PeerServer:
    """Show the server's log with every failure of a test below ``node`` (a fixture's ``request.node``)."""
    node.stash.setdefault(WATCHED, []).append(server)
    return server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.failed:
        for node in item.listchain():
            for server in node.stash.get(WATCHED, []):
                report.sections.append((f"log of {server.name}", server.log()[-LOG_TAIL:]))
    return report


def _factory(
    request: pytest.FixtureRequest, tmp_path: Path, start: Callable[..., PeerServer], stack: ExitStack
) -> ServerFactory:
    def make(*lines: str, **options: Any) -> PeerServer:
        folder = _new_folder(tmp_path, start.__name__)
        server = watch(request.node, start(folder, *lines, **options))
        stack.callback(server.stop)
        return server

    return make


def _new_folder(parent: Path, name: str) -> Path:
    folder = parent / f"{name}{len(list(parent.glob(f'{name}*')))}"
    folder.mkdir()
    return folder


@pytest.fixture
def openssh_server_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerFactory]:
    """``make(*sshd_config_lines, user=None, host_key_types=…)``."""
    with ExitStack() as stack:
        yield _factory(request, tmp_path, start_openssh, stack)


@pytest.fixture
def openssh_server(openssh_server_factory: ServerFactory) -> PeerServer:
    return openssh_server_factory()


@pytest.fixture
def dropbear_server_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerFactory]:
    """``make(*command_line_options, user=None, host_key_types=…)``."""
    with ExitStack() as stack:
        yield _factory(request, tmp_path, start_dropbear, stack)


@pytest.fixture
def dropbear_server(dropbear_server_factory: ServerFactory) -> PeerServer:
    return dropbear_server_factory()


@pytest.fixture
def tinyssh_server_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerFactory]:
    """``make(*command_line_options, user=None)``."""
    with ExitStack() as stack:
        yield _factory(request, tmp_path, start_tinyssh, stack)


@pytest.fixture
def tinyssh_server(tinyssh_server_factory: ServerFactory) -> PeerServer:
    return tinyssh_server_factory()


@pytest_asyncio.fixture
async def asyncssh_server_factory(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[AsyncSSHPeer]]]:
    """``await make(user="alice", methods=METHODS, **options of asyncssh.listen)``; lives in the test's event loop."""
    async with AsyncExitStack() as stack:

        async def make(*, user: str = "alice", methods: Sequence[str] = METHODS, **options: Any) -> AsyncSSHPeer:
            peer = AsyncSSHPeer(_new_folder(tmp_path, "asyncssh"), user, methods)
            await peer.start(**options)
            stack.push_async_callback(peer.stop)
            return peer

        yield make


@pytest_asyncio.fixture
async def asyncssh_server(asyncssh_server_factory: Callable[..., Awaitable[AsyncSSHPeer]]) -> AsyncSSHPeer:
    return await asyncssh_server_factory()


@pytest.fixture
def paramiko_server_factory(tmp_path: Path) -> Iterator[Callable[..., ParamikoPeer]]:
    """``make(user="alice", methods=METHODS)``."""
    with ExitStack() as stack:

        def make(*, user: str = "alice", methods: Sequence[str] = METHODS) -> ParamikoPeer:
            peer = ParamikoPeer(_new_folder(tmp_path, "paramiko"), user, methods)
            stack.callback(peer.stop)
            return peer

        yield make


@pytest.fixture
def paramiko_server(paramiko_server_factory: Callable[..., ParamikoPeer]) -> ParamikoPeer:
    return paramiko_server_factory()


@pytest.fixture
def peer_clients(tmp_path: Path) -> PeerClients:
    """Builds commands of ssh, plink and dbclient, with a home of their own."""
    return PeerClients(_new_folder(tmp_path, "clients"))


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """A fresh Ed25519 user key in every client's format."""
    return make_identity(_new_folder(tmp_path, "identity"))
