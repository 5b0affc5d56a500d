"""Every algorithm of our server with the clients of others, the keys renewed in each connection."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import asyncssh
import paramiko
import pytest
from asyncssh.compression import get_compression_algs
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.wire.messages import KexInit
from tests.peers.algorithm_matrix import Combination, combinations
from tests.peers.client_support import openssh_knows
from tests.peers.server_support import TIMEOUT, asyncssh_client, client_version, offer_of, paramiko_cat, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import write_known_hosts
from tests.support.made_keys import key_of
from tests.support.processes import HOST

# cryptography is about to drop what AsyncSSH uses for groups modulo a prime.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

DATA = os.urandom(30_000) * 2
BROKEN = ",".join(name for name, row in CIPHERS.items() if row.grade is Grade.BROKEN)


@pytest.fixture
def server(embedded_server_factory: Factory) -> EmbeddedServer:
    """One that offers all there is."""
    return embedded_server_factory(legacy=True, ciphers=f"+{BROKEN}")


def offer(kex: list[str], ciphers: list[str], macs: list[str], compressions: list[str]) -> KexInit:
    """What such a client offers."""
    lists = (kex, [], ciphers, ciphers, macs, macs, compressions, compressions)
    return KexInit(bytes(16), *map(tuple, lists))


def test_everything_ssh_can_do(server: EmbeddedServer, peer_clients: PeerClients) -> None:
    kex, ciphers, macs = map(openssh_knows, ("kex", "cipher", "mac"))
    tried = combinations(offer(kex, ciphers, macs, ["none", "zlib@openssh.com"]))
    version = client_version("ssh")
    for each in tried:
        options = [f"-oKexAlgorithms={each.kex}", f"-oCiphers={each.cipher}", "-oRekeyLimit=50K", "-v"]
        options += [f"-oMACs={each.mac}"] if each.mac else []
        options += ["-C"] if each.compression != "none" else []
        done = ssh(server, peer_clients, "cat", *options).run(DATA)
        assert (done.returncode, done.stdout) == (0, DATA), (each, done.stderr.decode())
        said = done.stderr.decode()
        assert f"kex: algorithm: {each.kex}" in said
        mac = each.mac or "<implicit>"
        assert f"client->server cipher: {each.cipher} MAC: {mac} compression: {each.compression}" in said
        assert said.count("SSH2_MSG_NEWKEYS received") > 1
        each.record(version, "server")
    assert ({each.kex for each in tried}, {each.cipher for each in tried}) == (set(kex), set(ciphers))
    assert {each.mac for each in tried} - {None} == set(macs)


def as_text(names: list[bytes], table: dict[str, Any] | None = None) -> list[str]:
    return [name.decode() for name in names if table is None or name.decode() in table]


def test_everything_asyncssh_can_do(server: EmbeddedServer) -> None:
    kex, ciphers = as_text(get_kex_algs(), EXCHANGES), as_text(get_encryption_algs(), CIPHERS)
    macs, compressions = as_text(get_mac_algs(), MACS), as_text(get_compression_algs())

    async def talk() -> None:
        for each in combinations(offer(kex, ciphers, macs, compressions)):
            options = {
                "kex_algs": [each.kex],
                "encryption_algs": [each.cipher],
                "compression_algs": [each.compression],
                "rekey_bytes": 50_000,
                **({"mac_algs": [each.mac]} if each.mac else {}),
            }
            async with asyncssh_client(server, **options) as connection:
                done = await asyncio.wait_for(connection.run("cat", input=DATA, encoding=None), 30)
                assert (done.exit_status, done.stdout) == (0, DATA), each
                assert connection.get_extra_info("send_cipher") == each.cipher
                assert connection.get_extra_info("recv_compression") == each.compression
                each.record(f"AsyncSSH {asyncssh.__version__}", "server")

    asyncio.run(talk())


# PuTTY takes what stands first in its list and is offered; "WARN" at the end lets the old ones in without a question.
PUTTY_SESSION = """\
Cipher=aesgcm,aes,chacha20,3des,blowfish,arcfour,des,WARN
SSH2DES=1
KEX=ntru-curve25519,ecdh,dh-gex-sha1,dh-group18-sha512,dh-group17-sha512,dh-group16-sha512,dh-group15-sha512,\
dh-group14-sha1,dh-group1-sha1,WARN
RekeyBytes=50K
"""


def test_everything_plink_can_do(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    """plink cannot be told what to take, so each time the server offers one thing only."""
    anything = write_known_hosts(peer_clients.home / "any", HOST, 1, [key_of("ssh-ed25519").public.line()])
    sessions = peer_clients.home / ".putty" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "everything").write_text(PUTTY_SESSION)
    version = client_version("plink")
    known = offer_of(
        lambda port: peer_clients.plink(
            HOST, port, "a", "true", known_hosts=anything, options=["-load", "everything", "-C"]
        )
    )
    assert {"arcfour256", "des-cbc"} <= set(known.encryption_client_to_server)
    for each in combinations(known):
        server = one_thing_only(embedded_server_factory, each)
        options = ["-v", "-load", "everything", *(["-C"] if each.compression != "none" else [])]
        command = peer_clients.plink(
            server.host,
            server.port,
            server.user,
            "cat",
            known_hosts=server.known_hosts,
            identity=server.identity,
            options=options,
        )
        done = command.run(DATA)
        assert (done.returncode, done.stdout) == (0, DATA), (each, done.stderr.decode())
        each.record(version, "server")


def test_everything_dbclient_can_do(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    """It can be told a cipher and a MAC only, so each time the server offers one thing."""
    version = client_version("dbclient")
    known = offer_of(lambda port: peer_clients.dbclient(HOST, port, "a", "true"))
    for each in combinations(known):
        server = one_thing_only(embedded_server_factory, each)
        proof = {"known_hosts": server.known_hosts, "identity": server.identity}
        done = peer_clients.dbclient(server.host, server.port, server.user, "cat", **proof).run(DATA)
        assert (done.returncode, done.stdout) == (0, DATA), (each, done.stderr.decode())
        each.record(version, "server")


def one_thing_only(make: Factory, each: Combination) -> EmbeddedServer:
    """A server that offers nothing else, and soon wants new keys."""
    return make(
        kex_algorithms=[each.kex],
        ciphers=[each.cipher],
        compression=each.compression != "none",
        legacy=each.compression == "zlib",  # else it would be taken before zlib@openssh.com
        rekey_limit=50_000,
        **({"macs": [each.mac]} if each.mac else {}),
    )


def test_everything_paramiko_can_do(embedded_server_factory: Factory) -> None:
    transport = paramiko.Transport
    # There is no public list of all that it can do.
    kex, ciphers, macs = transport._preferred_kex, transport._preferred_ciphers, transport._preferred_macs
    for each in combinations(offer(list(kex), list(ciphers), list(macs), ["none", "zlib@openssh.com"])):
        server = one_thing_only(embedded_server_factory, each)
        connection = transport((server.host, server.port))
        try:
            connection.use_compression(each.compression != "none")
            connection.start_client(timeout=TIMEOUT)
            connection.auth_publickey(server.user, paramiko.Ed25519Key(filename=str(server.client_key)))
            assert paramiko_cat(connection, DATA) == DATA, each
            assert (connection.local_cipher, connection.local_compression) == (each.cipher, each.compression)
            each.record(f"paramiko {paramiko.__version__}", "server")
        finally:
            connection.close()
