"""Every algorithm of our server with the clients of others, the keys renewed in each connection."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Any

import asyncssh
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
from tests.peers.algorithm_matrix import combinations
from tests.peers.server_support import asyncssh_client, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.peers import require_tool

# cryptography is about to drop what AsyncSSH uses for groups modulo a prime.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

DATA = os.urandom(30_000) * 2
BROKEN = ",".join(name for name, row in CIPHERS.items() if row.grade is Grade.BROKEN)


@pytest.fixture
def server(embedded_server_factory: Factory) -> EmbeddedServer:
    """One that offers all there is."""
    return embedded_server_factory(legacy=True, ciphers=f"+{BROKEN}")


def known_to_ssh(kind: str) -> list[str]:
    argv = [require_tool("ssh", "openssh-client"), "-Q", kind]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def version_of(client: str, package: str) -> list[str]:
    """The words of what ``-V`` says."""
    done = subprocess.run([require_tool(client, package), "-V"], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split()


def offer(kex: list[str], ciphers: list[str], macs: list[str], compressions: list[str]) -> KexInit:
    """What such a client offers."""
    lists = (kex, [], ciphers, ciphers, macs, macs, compressions, compressions)
    return KexInit(bytes(16), *map(tuple, lists))


def test_everything_ssh_can_do(server: EmbeddedServer, peer_clients: PeerClients) -> None:
    kex, ciphers, macs = map(known_to_ssh, ("kex", "cipher", "mac"))
    tried = combinations(offer(kex, ciphers, macs, ["none", "zlib@openssh.com"]))
    version = version_of("ssh", "openssh-client")[0].rstrip(",").replace("_", " ")
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

PUTTY_CIPHERS = [
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
    "aes256-cbc",
    "rijndael-cbc@lysator.liu.se",
    "aes192-cbc",
    "aes128-cbc",
    "3des-ctr",
    "3des-cbc",
    "blowfish-ctr",
    "blowfish-cbc",
    "arcfour256",
    "arcfour128",
    "des-cbc",
]
PUTTY_MACS = [
    "hmac-sha2-256",
    "hmac-sha1",
    "hmac-sha1-96",
    "hmac-md5",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha1-etm@openssh.com",
    "hmac-sha1-96-etm@openssh.com",
]
PUTTY_EXCHANGES = [
    "sntrup761x25519-sha512@openssh.com",
    "curve448-sha512",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1",
]


def test_everything_plink_can_do(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    """plink cannot be told what to take, so each time the server offers one thing only."""
    sessions = peer_clients.home / ".putty" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "everything").write_text(PUTTY_SESSION)
    version = f"PuTTY {version_of('plink', 'putty-tools')[2]}"
    for each in combinations(offer(PUTTY_EXCHANGES, PUTTY_CIPHERS, PUTTY_MACS, ["none", "zlib", "zlib@openssh.com"])):
        server = embedded_server_factory(
            kex_algorithms=[each.kex],
            ciphers=[each.cipher],
            legacy=each.compression == "zlib",  # else PuTTY would take it before zlib@openssh.com
            **({"macs": [each.mac]} if each.mac else {}),
        )
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
