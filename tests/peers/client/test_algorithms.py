"""Every algorithm that we and a peer both know, with a rekey in each connection."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import paramiko
import pytest
from asyncssh.compression import get_compression_algs
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.errors import NegotiationError
from tests.peers.algorithm_matrix import Combination, combinations, offered, record
from tests.peers.client_support import exchange_data, openssh_knows, reach, software

# cryptography is about to drop what AsyncSSH and Paramiko use for groups modulo a prime.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


async def try_all(server: Any) -> list[Combination]:
    """Each algorithm the server offers, in some connection."""
    tried = combinations(await asyncio.to_thread(offered, server.host, server.port))
    for combination in tried:
        info = await exchange_data(server, **combination.options())
        assert info.kex == combination.kex
        assert info.sending == info.receiving
        assert info.sending.cipher == combination.cipher
        assert combination.mac in (None, info.sending.mac)
        # Which one is taken depends on what else the server offers.
        assert (info.sending.compression == "none") == (combination.compression == "none")
        replace(combination, compression=info.sending.compression).record(software(info), "client")
    return tried


async def test_everything_openssh_can_do(openssh_server_factory: Any) -> None:
    lines = (("Ciphers", "cipher"), ("KexAlgorithms", "kex"), ("MACs", "mac"))
    server = openssh_server_factory(*(f"{keyword} {','.join(openssh_knows(kind))}" for keyword, kind in lines))
    tried = await try_all(server)
    assert {each.kex for each in tried} == set(openssh_knows("kex"))
    assert {each.cipher for each in tried} == set(openssh_knows("cipher"))
    assert {each.mac for each in tried} - {None} == set(openssh_knows("mac"))


async def test_everything_asyncssh_can_do(asyncssh_server_factory: Any) -> None:
    kex = [name.decode() for name in get_kex_algs() if not name.startswith(b"gss")]
    server = await asyncssh_server_factory(
        kex_algs=kex,
        encryption_algs=[name.decode() for name in get_encryption_algs()],
        mac_algs=[name.decode() for name in get_mac_algs()],
        compression_algs=[name.decode() for name in get_compression_algs()],
    )
    tried = await try_all(server)
    assert {each.kex for each in tried} == set(kex) & set(EXCHANGES)
    assert {each.cipher for each in tried} == {name.decode() for name in get_encryption_algs()} & set(CIPHERS)
    assert {each.mac for each in tried} - {None} == {name.decode() for name in get_mac_algs()} & set(MACS)


async def test_everything_paramiko_can_do(paramiko_server_factory: Any) -> None:
    paramiko.Transport.load_server_moduli()
    tried = await try_all(paramiko_server_factory())
    # Paramiko has no public list of all that it can do.
    assert {each.cipher for each in tried} == set(paramiko.Transport._cipher_info)
    assert {each.mac for each in tried} - {None} == set(paramiko.Transport._mac_info)  # nor of these


async def test_everything_dropbear_can_do(dropbear_server: Any) -> None:
    assert len(await try_all(dropbear_server)) >= 6


async def test_everything_tinyssh_can_do(tinyssh_server: Any) -> None:
    assert "sntrup761x25519-sha512@openssh.com" in {each.kex for each in await try_all(tinyssh_server)}


@pytest.mark.parametrize(("name", "legacy"), [("zlib@openssh.com", False), ("zlib", True)])
async def test_compressions(asyncssh_server_factory: Any, openssh_server: Any, name: str, legacy: bool) -> None:
    server = await asyncssh_server_factory(compression_algs=[name])
    info = await exchange_data(server, compression=True, legacy=legacy)
    assert info.sending.compression == info.receiving.compression == name
    record(software(info), "client", compression=name)
    if not legacy:
        for wanted, expected in ((True, name), (False, "none")):
            info = await exchange_data(openssh_server, compression=wanted)
            assert info.sending.compression == info.receiving.compression == expected


async def test_one_word_reaches_an_old_server(asyncssh_server_factory: Any) -> None:
    """What a switch of 2005 has: SHA-1 and triple DES in CBC, and no more."""
    server = await asyncssh_server_factory(
        kex_algs=["diffie-hellman-group1-sha1"], encryption_algs=["3des-cbc"], mac_algs=["hmac-sha1-96"]
    )
    with pytest.raises(NegotiationError, match="Legacy=yes") as caught:
        await exchange_data(server)
    assert caught.value.kind == "key exchange method"
    info = await exchange_data(server, legacy=True)
    assert info.kex == "diffie-hellman-group1-sha1"
    assert (info.receiving.cipher, info.receiving.mac) == ("3des-cbc", "hmac-sha1-96")
    # Broken ones are not in that word.
    server = await asyncssh_server_factory(encryption_algs=["arcfour"])
    with pytest.raises(NegotiationError, match=r"broken.*Ciphers=\+arcfour"):
        await exchange_data(server, legacy=True)
    assert (await exchange_data(server, ciphers="+arcfour")).sending.cipher == "arcfour"


async def test_rekey_by_bytes_from_both_sides(openssh_server_factory: Any) -> None:
    server = openssh_server_factory("RekeyLimit 1M")
    data = os.urandom(12_000_000)
    async with reach(server, rekey_limit="768K") as connection:
        assert (await connection.run("cat", input=data, timeout=60)).stdout == data
        assert connection.channel_host.session.info.rekeys > 10


async def test_rekey_demanded_by_asyncssh(asyncssh_server_factory: Any) -> None:
    server = await asyncssh_server_factory(rekey_bytes=300_000)
    data = os.urandom(4_000_000)
    async with reach(server) as connection:
        assert (await connection.run("cat", input=data, timeout=60)).stdout == data
        assert connection.channel_host.session.info.rekeys > 5
