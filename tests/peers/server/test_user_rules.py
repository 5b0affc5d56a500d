"""AllowUsers, PermitRootLogin and Compression with real clients: who gets in, and how, is what the rules say."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.peers.server_support import ssh
from tests.support.clients import PeerClients
from tests.support.embedded import Factory
from tests.support.identities import Identity


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == 255 and b"Permission denied" in done.stderr


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs as root, wherever the tests run."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("as_root")
def test_root_without_passwords(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(permit_root_login="prohibit-password")
    assert ssh(server, peer_clients, "echo in").run().stdout == b"in\n"
    assert refused(ssh(server, peer_clients, "echo in", identity=None, password=server.password).run())


@pytest.mark.usefixtures("as_root")
def test_root_with_forced_commands_only(
    embedded_server_factory: Factory, peer_clients: PeerClients, identity: Identity
) -> None:
    server = embedded_server_factory(permit_root_login="forced-commands-only", force_command="echo of the server")
    server.authorize(f'command="echo of the key" {identity.public_line}')
    assert refused(ssh(server, peer_clients, "true").run()), "the key's options have to force a command"
    assert ssh(server, peer_clients, "true", identity=identity).run().returncode == 0
    assert refused(ssh(server, peer_clients, "true", identity=None, password=server.password).run())


@pytest.mark.usefixtures("as_root")
def test_a_right_password_that_root_may_not_use_looks_like_a_wrong_one(
    embedded_server_factory: Factory, peer_clients: PeerClients
) -> None:
    server = embedded_server_factory(permit_root_login="prohibit-password")
    said = [
        ssh(server, peer_clients, "true", identity=None, password=password).run().stderr
        for password in (server.password, "wrong")
    ]
    assert said[0] == said[1]


def test_users_by_their_address(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(user="one", users=["one", "two"], allow_users=["one@127.0.0.0/8", "two@192.0.2.1"])
    assert ssh(server, peer_clients, "echo in").run().stdout == b"in\n"
    for proof in ({"identity": server.identity}, {"password": server.password}):
        assert refused(peer_clients.ssh(server.host, server.port, "two", "true", **proof).run())


@pytest.mark.parametrize(("allowed", "chosen"), [(True, b"zlib@openssh.com"), (False, b"none")])
def test_compression(embedded_server_factory: Factory, peer_clients: PeerClients, allowed: bool, chosen: bytes) -> None:
    server = embedded_server_factory(compression=allowed)
    done = ssh(server, peer_clients, "echo in", "-v", "-oCompression=yes").run()
    assert done.stdout == b"in\n"
    assert b"compression: " + chosen in done.stderr
