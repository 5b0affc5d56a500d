"""RSA keys below 2048 bits, as old devices have them: refused unless allowed, by hosts and users, in both roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from tests.peers.client_support import reach
from tests.peers.server_support import ssh
from tests.support.clients import PeerClients
from tests.support.embedded import Factory
from tests.support.identities import make_identity, ssh_keygen, write_known_hosts

ALLOWED = [{"required_rsa_size": 1024}, {"legacy": True}]


async def test_a_host_with_a_short_key(openssh_server_factory: Any, tmp_path: Path) -> None:
    host_key = ssh_keygen(tmp_path / "host", "rsa", bits=1024)
    server = openssh_server_factory(f"HostKey {host_key}", "RequiredRSASize 1024", host_key_types=())
    lines = [host_key.with_suffix(".pub").read_text()]
    known_hosts = write_known_hosts(tmp_path / "known_hosts", server.host, server.port, lines)
    for kex in ("curve25519-sha256", "diffie-hellman-group-exchange-sha256"):
        options: dict[str, Any] = {"known_hosts": known_hosts, "kex_algorithms": kex}
        with pytest.raises(errors.KeyFormatError, match="RequiredRSASize=1024"):
            await reach(server, **options)
        for allowed in ALLOWED:
            async with reach(server, **options, **allowed) as connection:
                assert connection.info.host_key_algorithm == "rsa-sha2-512"
    with pytest.raises(errors.KeyFormatError):
        await reach(server, known_hosts=known_hosts, legacy=True, required_rsa_size=2048)


async def test_a_user_with_a_short_key(openssh_server_factory: Any, tmp_path: Path) -> None:
    server = openssh_server_factory("RequiredRSASize 1024", host_key_types=("ed25519",))
    path = ssh_keygen(tmp_path / "id", "rsa", bits=1024)
    server.authorize(path.with_suffix(".pub").read_text())
    with pytest.raises(errors.AuthenticationError, match="RequiredRSASize=1024"):
        await reach(server, identity_file=path, preferred_authentications="publickey")
    for allowed in ALLOWED:
        async with reach(server, identity_file=path, **allowed) as connection:
            assert connection.info.method == "publickey"


def test_our_server(embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path) -> None:
    identity = make_identity(tmp_path, "rsa", bits=1024)
    for options, status in (({}, 255), ({"required_rsa_size": 1024}, 0)):
        server = embedded_server_factory(**options)
        server.authorize(identity.public_line)
        option = "-oRequiredRSASize=1024"
        assert ssh(server, peer_clients, "true", option, identity=identity).run().returncode == status
