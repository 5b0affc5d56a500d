"""Every algorithm that we and a peer both know, with a rekey in each connection."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.keys.key_types import SIGNATURE_ALGORITHMS
from tests.peers.client_support import reach
from tests.support.peers import require_tool

CIPHER_AND_MAC = [
    (cipher, mac) for cipher in names(CIPHERS) for mac in ([None] if CIPHERS[cipher].integrated_mac else names(MACS))
]


def openssh_knows(kind: str) -> set[str]:
    """What the OpenSSH of this machine can do (``ssh -Q``)."""
    ssh = require_tool("ssh", "openssh-client")
    return set(subprocess.run([ssh, "-Q", kind], capture_output=True, text=True, check=True).stdout.split())


async def exchange_data(server: Any, **options: Any) -> Any:
    data = os.urandom(200_000)
    async with reach(server, **options) as connection:
        assert (await connection.run("cat", input=data, timeout=30)).stdout == data
        connection.session.rekey()
        assert (await connection.run("cat", input=data, timeout=30)).stdout == data
        assert connection.session.info.rekeys >= 1
        return connection.info


async def test_ciphers_and_macs_with_openssh(openssh_server_factory: Any) -> None:
    server = openssh_server_factory()
    for cipher, mac in CIPHER_AND_MAC:
        assert cipher in openssh_knows("cipher")
        info = await exchange_data(server, ciphers=[cipher], **({"macs": [mac]} if mac else {}))
        assert info.cipher_in == info.cipher_out == cipher
        if mac:
            assert info.mac_in == info.mac_out == mac


async def test_exchanges_with_openssh(openssh_server: Any) -> None:
    common = [name for name in names(EXCHANGES) if name in openssh_knows("kex")]
    assert "curve25519-sha256" in common
    for name in common:
        assert (await exchange_data(openssh_server, kex_algorithms=[name])).exchange == name


async def test_exchanges_with_asyncssh(asyncssh_server_factory: Any) -> None:
    """Every exchange is proven against somebody: AsyncSSH has the post-quantum one that Debian's OpenSSH lacks."""
    server = await asyncssh_server_factory(kex_algs=list(names(EXCHANGES)))
    for name in names(EXCHANGES):
        info = await exchange_data(server, kex_algorithms=[name])
        assert info.exchange == name
        assert info.post_quantum == name.startswith("mlkem")


@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa", "rsa"])
async def test_host_keys_with_openssh(openssh_server_factory: Any, key_type: str) -> None:
    server = openssh_server_factory(host_key_types=[key_type])
    mine = [name for name in names(SIGNATURE_ALGORITHMS) if key_type.replace("25519", "") in name.replace("25519", "")]
    usable = [name for name in mine if name in openssh_knows("HostKeyAlgorithms")]
    if key_type == "ecdsa":
        usable = ["ecdsa-sha2-nistp256"]
    assert usable
    for name in usable:
        info = await exchange_data(server, host_key_algorithms=[name])
        assert info.host_key_algorithm == name


async def test_rekey_by_bytes_from_both_sides(openssh_server_factory: Any) -> None:
    server = openssh_server_factory("RekeyLimit 1M")
    data = os.urandom(12_000_000)
    async with reach(server, rekey_limit="768K") as connection:
        assert (await connection.run("cat", input=data, timeout=60)).stdout == data
        assert connection.session.info.rekeys > 10


async def test_rekey_demanded_by_asyncssh(asyncssh_server_factory: Any) -> None:
    server = await asyncssh_server_factory(rekey_bytes=300_000)
    data = os.urandom(4_000_000)
    async with reach(server) as connection:
        assert (await connection.run("cat", input=data, timeout=60)).stdout == data
        assert connection.session.info.rekeys > 5
