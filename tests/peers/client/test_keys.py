"""Every type of host key and of user key that a server knows, with our client, the keys renewed in each connection."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from jupyter_ssh.ssh.keys import CertifiedKey, PrivateKey, generate, load_private_key
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from tests.peers.algorithm_matrix import offered, record
from tests.peers.client_support import openssh_knows, software, talking
from tests.peers.key_matrix import all_keys, key_files, key_for, key_of, ours, pairs
from tests.support.agents import OwnAgent
from tests.support.identities import run_quietly, write_known_hosts
from tests.support.made_keys import PLAIN_TYPE
from tests.support.peers import require_tool

# cryptography is about to drop what AsyncSSH and Paramiko use for groups modulo a prime.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

NO_FILE = {"ssh-ed448", "ssh-mldsa44-ed25519@openssh.com"}
"""Types of which OpenSSH 9 can read no file."""


def lines(keys: list[PrivateKey]) -> list[str]:
    return [key.public.line() for key in keys]


async def try_all(server: Any, host_keys: list[PrivateKey] | None = None) -> tuple[set[str], set[str]]:
    """Each host key algorithm the server offers, and each user key algorithm it names in server-sig-algs."""
    if host_keys is not None:
        write_known_hosts(server.known_hosts, server.host, server.port, lines(host_keys))
    offer = await asyncio.to_thread(offered, server.host, server.port)
    hosts = ours(offer.server_host_key_algorithms)
    async with talking(server, host_key_algorithms=hosts) as connection:
        named = connection.channel_host.session.transport.extensions.get("server-sig-algs", b"")
        users = ours(named.decode().split(",")) or ["ssh-ed25519"]
    for host, user in pairs(hosts, users):
        identity = key_for(user) if named else load_private_key(server.client_key)
        options = {"host_key_algorithms": [host], "pubkey_accepted_algorithms": [user], "identity_file": identity}
        async with talking(server, **options) as connection:
            info = connection.channel_host.session.info
            assert info.host_key_algorithm == host
            assert connection.info.method == "publickey"
            assert connection.info.key_fingerprint == identity.public.fingerprint
            record(software(info), "client", **{"host key": host, "user key": user})
    return set(hosts), set(users)


async def test_every_key_of_openssh(openssh_server_factory: Any, own_agent: OwnAgent, tmp_path: Path) -> None:
    """Its own security keys are in an agent of ours."""
    known_hosts, known_users = map(openssh_knows, ("HostKeyAlgorithms", "PubkeyAcceptedAlgorithms"))
    files = key_files(tmp_path / "host", ours(set(known_hosts) - NO_FILE))
    for key_type in PLAIN_TYPE:
        own_agent.server.keyring.add(key_of(key_type))
        files.append(tmp_path / f"{key_type.partition('@')[0]}.pub")
        files[-1].write_text(key_of(key_type).public.line() + "\n")
    authority = generate()
    (tmp_path / "ca.pub").write_text(authority.public.line() + "\n")
    server = openssh_server_factory(
        *(f"HostKey {path}" for path in files),
        f"HostKeyAgent {own_agent.socket}",
        f"TrustedUserCAKeys {tmp_path / 'ca.pub'}",
        f"HostKeyAlgorithms {','.join(known_hosts)}",
        f"PubkeyAcceptedAlgorithms {','.join(known_users)}",
        host_key_types=(),
    )
    for line in lines(all_keys()):
        server.authorize(line)
    hosts, users = await try_all(server, all_keys())
    assert hosts == set(ours(known_hosts))
    assert users == set(ours(known_users))
    for key_type in PLAIN_TYPE:
        certificate = sign_certificate(authority, key_of(key_type).public, principals=[server.user])
        certified = CertifiedKey(key_of(key_type), certificate)
        async with talking(server, identity_file=certified) as connection:
            assert connection.info.method == "publickey"
        record(
            software(connection.channel_host.session.info),
            "client",
            **{"user key": certificate.signature_algorithms[0]},
        )


async def test_every_key_of_asyncssh(asyncssh_server_factory: Any, tmp_path: Path) -> None:
    known = [name.decode() for name in asyncssh.public_key.get_public_key_algs()]
    server = await asyncssh_server_factory(
        server_host_keys=[str(path) for path in key_files(tmp_path / "host", ours(known))], signature_algs=known
    )
    with server.authorized_keys.open("a") as file:
        file.write("".join(f"{key_for(name).public.line()}\n" for name in ours(known)))
    hosts, users = await try_all(server, all_keys())
    assert hosts == {name for name in ours(known) if not name.startswith("sk-")}
    assert users == set(ours(known))


async def test_every_key_of_paramiko(paramiko_server_factory: Any, tmp_path: Path) -> None:
    known = ours(paramiko.Transport._preferred_keys)  # there is no public list of all
    server = paramiko_server_factory()
    server.host_keys = [paramiko.PKey.from_path(path) for path in key_files(tmp_path / "host", known)]
    server.authorized |= {key_for(name).public.line().split()[1] for name in known}
    assert await try_all(server, all_keys()) == (set(known), set(known))


async def test_every_key_of_dropbear(dropbear_server_factory: Any, tmp_path: Path) -> None:
    convert = require_tool("dropbearconvert", "dropbear-bin")
    hosts, users = set(), set()
    # It takes four host keys at most, and offers an RSA key whether it has one or not.
    for names in ((*ECDSA, "rsa-sha2-256"), ("ssh-ed25519", "rsa-sha2-256", "ssh-dss")):
        options = []
        for path in key_files(tmp_path / names[0], names):
            try:
                run_quietly([convert, "openssh", "dropbear", str(path), f"{path}.dropbear"])
            except AssertionError:
                assert path.name == "ssh-dss"  # left out where it was built without
            else:
                options += ["-r", f"{path}.dropbear"]
        server = dropbear_server_factory(*options, host_key_types=())
        for line in lines(all_keys()):
            server.authorize(line)
        more_hosts, more_users = await try_all(server, all_keys())
        hosts |= more_hosts
        users |= more_users
    assert hosts >= {"ssh-ed25519", "rsa-sha2-256", *ECDSA}
    assert users >= {"ssh-ed25519", "rsa-sha2-256", "sk-ssh-ed25519@openssh.com", *ECDSA}


ECDSA = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


async def test_every_key_of_tinyssh(tinyssh_server: Any) -> None:
    assert await try_all(tinyssh_server) == ({"ssh-ed25519"}, {"ssh-ed25519"})
