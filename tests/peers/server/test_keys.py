"""Every type of host key and of user key that a client knows, with our server, the keys renewed in each connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from jupyter_ssh.ssh.keys import generate, save_private_key
from jupyter_ssh.ssh.keys.certificates.certificate import CERTIFICATE_ALGORITHMS, PLAIN_ALGORITHM, CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.server.connection import ServerConnection
from tests.peers.algorithm_matrix import record
from tests.peers.client_support import openssh_knows
from tests.peers.key_matrix import all_keys, key_for, key_of, ours, pairs
from tests.peers.server_support import TIMEOUT, asyncssh_client, client_version, offer_of, paramiko_cat, ssh
from tests.support.agents import OwnAgent
from tests.support.clients import ClientCommand, PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import Identity, run_quietly, write_known_hosts
from tests.support.made_keys import PLAIN_TYPE
from tests.support.peers import require_tool
from tests.support.processes import HOST, wait_until

# cryptography is about to drop what AsyncSSH uses for groups modulo a prime.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

DATA = os.urandom(250_000)  # not to be compressed: dbclient would
REKEY_BYTES = 50_000
CURVE = "+curve25519-sha256"  # for Debian's dbclient


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[e.Event]:
    """What the sessions of all servers tell."""
    events: list[e.Event] = []
    on_event = ServerConnection.on_event

    def listen(connection: ServerConnection, event: e.Event) -> None:
        events.append(event)
        on_event(connection, event)

    monkeypatch.setattr(ServerConnection, "on_event", listen)
    return events


Talk = Callable[[EmbeddedServer, str, str], bytes]
"""(server, host key algorithm, user key algorithm) -> what came back of `DATA`."""


def prove(
    make: Factory, told: list[e.Event], peer: str, hosts: list[str], users: list[str], talk: Talk, **options: Any
) -> None:
    """Each algorithm in some connection; the server takes nothing else."""
    assert hosts
    for host, user in pairs(hosts, users):
        server = make(
            host_keys=[key_for(host)],
            host_key_algorithms=[host],
            pubkey_accepted_algorithms=[user],
            rekey_limit=REKEY_BYTES,
            **options,
        )
        server.authorize(key_for(user).public.line())
        told.clear()
        assert talk(server, host, user) == DATA, (host, user)
        wait_until(lambda: any(isinstance(event, e.Closed) for event in told), "the session ends")
        signed = [event for event in told if isinstance(event, e.AuthenticationRequested) and event.verified]
        assert [(event.algorithm, event.key) for event in signed] == [(user, key_for(user).public)]
        assert sum(isinstance(event, e.KeysRenewed) for event in told) > 1
        record(peer, "server", **{"host key": host, "user key": user})


def identity(folder: Path, algorithm: str) -> Identity:
    """The user's key in the formats of all clients; of a security key the public half alone."""
    key = key_for(algorithm)
    path = folder / key.public.key_type.partition("@")[0]
    if not path.with_suffix(".pub").exists():
        if key.public.key_type in PLAIN_TYPE:
            path.with_suffix(".pub").write_text(key.public.line() + "\n")
        else:
            save_private_key(path, key)
    return Identity(path)


def run(command: ClientCommand) -> bytes:
    done = command.run(DATA)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_every_key_of_ssh(
    embedded_server_factory: Factory,
    peer_clients: PeerClients,
    own_agent: OwnAgent,
    told: list[e.Event],
    tmp_path: Path,
) -> None:
    """Security keys through an agent of ours, whose device is a few lines of Python."""
    hosts, users = ours(openssh_knows("HostKeyAlgorithms")), ours(openssh_knows("PubkeyAcceptedAlgorithms"))
    for key_type in PLAIN_TYPE:
        own_agent.server.keyring.add(key_of(key_type))

    def talk(server: EmbeddedServer, host: str, user: str) -> bytes:
        options = [f"-oHostKeyAlgorithms={host}", f"-oPubkeyAcceptedAlgorithms={user}"]
        if key_for(user).public.key_type in PLAIN_TYPE:
            options.append(f"-oIdentityAgent={own_agent.socket}")
        proof = {"identity": identity(tmp_path, user), "known_hosts": server.known_hosts}
        return run(peer_clients.ssh(server.host, server.port, server.user, "cat", options=options, **proof))

    prove(embedded_server_factory, told, client_version("ssh"), hosts, users, talk)


def test_every_key_of_plink(
    embedded_server_factory: Factory, peer_clients: PeerClients, told: list[e.Event], tmp_path: Path
) -> None:
    anything = write_known_hosts(tmp_path / "known_hosts", HOST, 1, [key.public.line() for key in all_keys()])
    offer = offer_of(lambda port: peer_clients.plink(HOST, port, "a", "true", known_hosts=anything))
    hosts = ours(offer.server_host_key_algorithms)

    def talk(server: EmbeddedServer, host: str, user: str) -> bytes:
        own = identity(tmp_path, user)
        if not own.openssh.with_suffix(".ppk").exists():
            # puttygen does not read all of OpenSSH's files.
            save_private_key(own.openssh.with_suffix(".ppk"), key_for(user), file_format="ppk3")
        # ssh-keygen, which tells the others' fingerprints, does not know all types that PuTTY does.
        proof = {"identity": own, "known_hosts": anything, "options": ["-hostkey", key_for(host).public.fingerprint]}
        return run(peer_clients.plink(server.host, server.port, server.user, "cat", **proof))

    prove(embedded_server_factory, told, client_version("plink"), hosts, hosts, talk)


def test_every_key_of_dbclient(
    embedded_server_factory: Factory, peer_clients: PeerClients, told: list[e.Event], tmp_path: Path
) -> None:
    offer = offer_of(lambda port: peer_clients.dbclient(HOST, port, "a", "true"))
    # It names security keys, and then does not understand them as host keys.
    hosts = ours(name for name in offer.server_host_key_algorithms if not name.startswith("sk-"))
    convert = require_tool("dropbearconvert", "dropbear-bin")
    users = []
    for name in hosts:
        path = identity(tmp_path, name).openssh
        try:
            run_quietly([convert, "openssh", "dropbear", str(path), str(path.with_suffix(".dropbear"))])
        except (AssertionError, FileNotFoundError):
            assert name == "ssh-dss"  # where it was built without
        else:
            users.append(name)

    def talk(server: EmbeddedServer, host: str, user: str) -> bytes:
        proof = {"identity": identity(tmp_path, user), "known_hosts": server.known_hosts}
        return run(peer_clients.dbclient(server.host, server.port, server.user, "cat", **proof))

    version = client_version("dbclient")
    # It signs with RSA in one way only.
    users = [name for name in users if name not in ("ssh-rsa", "rsa-sha2-512")]
    prove(embedded_server_factory, told, version, hosts, users, talk, kex_algorithms=CURVE)


def test_every_key_of_asyncssh(embedded_server_factory: Factory, told: list[e.Event], tmp_path: Path) -> None:
    hosts = ours(name.decode() for name in asyncssh.public_key.get_public_key_algs())
    users = [name for name in hosts if not name.startswith("sk-")]  # for those it wants a device

    def talk(server: EmbeddedServer, host: str, user: str) -> bytes:
        async def cat() -> bytes:
            proof = {"client_keys": [str(identity(tmp_path, user).openssh)], "signature_algs": [user]}
            async with asyncssh_client(server, server_host_key_algs=[host], **proof) as connection:
                done = await asyncio.wait_for(connection.run("cat", input=DATA, encoding=None), TIMEOUT)
                return bytes(done.stdout)

        return asyncio.run(cat())

    prove(embedded_server_factory, told, f"AsyncSSH {asyncssh.__version__}", hosts, users, talk)


def test_every_key_of_paramiko(embedded_server_factory: Factory, told: list[e.Event], tmp_path: Path) -> None:
    known = paramiko.Transport._preferred_keys  # there is no public list of all

    def talk(server: EmbeddedServer, host: str, user: str) -> bytes:
        key = paramiko.PKey.from_path(identity(tmp_path, user).openssh)
        others = {kind: [name for name in known if name != one] for kind, one in (("keys", host), ("pubkeys", user))}
        transport = paramiko.Transport((server.host, server.port), disabled_algorithms=others)
        try:
            transport.start_client(timeout=TIMEOUT)
            assert transport.get_remote_server_key().asbytes() == key_for(host).public.blob
            transport.auth_publickey(server.user, key)
            return paramiko_cat(transport, DATA)
        finally:
            transport.close()

    prove(embedded_server_factory, told, f"paramiko {paramiko.__version__}", ours(known), ours(known), talk)


@pytest.mark.parametrize("client", ["ssh", "asyncssh"])
def test_every_certificate_of_hosts(
    embedded_server_factory: Factory, peer_clients: PeerClients, told: list[e.Event], tmp_path: Path, client: str
) -> None:
    authority = generate()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@cert-authority * {authority.public.line()}\n")
    if client == "ssh":
        peer, known = client_version("ssh"), set(openssh_knows("HostKeyAlgorithms"))
    else:
        peer = f"AsyncSSH {asyncssh.__version__}"
        known = {name.decode() for name in asyncssh.public_key.get_certificate_algs()}

    async def cat(server: EmbeddedServer, name: str) -> bytes:
        options = {"known_hosts": str(known_hosts), "server_host_key_algs": [name]}
        async with asyncssh_client(server, **options) as connection:
            done = await asyncio.wait_for(connection.run("cat", input=DATA, encoding=None), TIMEOUT)
            return bytes(done.stdout)

    for name in [name for name in CERTIFICATE_ALGORITHMS if name in known]:
        key = key_for(PLAIN_ALGORITHM[name])
        certificate = sign_certificate(authority, key.public, kind=CertificateKind.HOST, principals=[HOST])
        server = embedded_server_factory(
            host_keys=[key], host_certificates=[certificate], host_key_algorithms=[name], rekey_limit=REKEY_BYTES
        )
        told.clear()
        if client == "ssh":
            options = [f"-oHostKeyAlgorithms={name}"]
            back = run(ssh(server, peer_clients, "cat", *options, known_hosts=known_hosts))
        else:
            back = asyncio.run(cat(server, name))
        assert back == DATA, name
        wait_until(lambda: any(isinstance(event, e.Closed) for event in told), "the session ends")
        assert sum(isinstance(event, e.KeysRenewed) for event in told) > 1
        record(peer, "server", **{"host key": name})
