"""Compression within a session: from the first keys on, or from the login on; through rekeys; bombs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.crypto.zlib_streams import ZlibCompressor
from jupyter_ssh.ssh.errors import PacketError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from tests.pair.pairing import SUITES, Pair, suite
from tests.pair.puppet import Puppet

ZLIB, DELAYED = "zlib", "zlib@openssh.com"
TEXT = b"the same words, over and over; " * 2000
CLIENT, SERVER = Role.CLIENT, Role.SERVER


def settings(*names: str, cipher: str = "gcm") -> Settings:
    return Settings(replace(suite(cipher), compression=names))


def pair_of(*names: str, cipher: str = "gcm") -> Pair:
    return Pair(settings(*names, cipher=cipher), settings(*names, cipher=cipher))


def carried(pair: Pair, role: Role) -> int:
    return sum(map(len, pair.carried[role]))


@pytest.mark.parametrize("cipher", SUITES)
@pytest.mark.parametrize("name", [ZLIB, DELAYED])
def test_data_is_compressed_both_ways(name: str, cipher: str) -> None:
    pair = pair_of(name, cipher=cipher)
    ours, theirs = pair.opened()
    before = [carried(pair, role) for role in Role]
    ours.write(TEXT)
    theirs.write(TEXT[::-1])
    pair.run()
    pair.raise_failures()
    assert (pair.server.data, pair.client.data) == (TEXT, TEXT[::-1])
    assert all(carried(pair, role) - was < len(TEXT) / 20 for role, was in zip(Role, before, strict=True))
    info = pair.client.session.info
    assert (info.sending.compression, info.receiving.compression) == (name, name)


def test_without_it_nothing_is_compressed() -> None:
    pair = pair_of("none")
    ours, _ = pair.opened()
    ours.write(TEXT)
    pair.run()
    assert carried(pair, SERVER) > len(TEXT)
    assert "Compressed" not in type(pair.client.session.transport.sender.sealer).__name__


@pytest.mark.parametrize(("name", "compressed"), [(ZLIB, True), (DELAYED, False)])
def test_delayed_means_after_the_login(name: str, compressed: bool) -> None:
    def first_request(*names: str) -> int:
        """Bytes of the packet that carries a long user name."""
        pair = pair_of(*names)
        pair.client.react = lambda event: None
        pair.run()
        session = pair.client.session
        session.accept_host_key()
        pair.run()
        session.authentication.start("a" * 5000)
        pair.run()
        before = carried(pair, SERVER)
        session.authentication.none()
        pair.run()
        pair.raise_failures()
        return carried(pair, SERVER) - before

    assert (first_request(name) < first_request("none") / 10) is compressed


@pytest.mark.parametrize("name", [ZLIB, DELAYED])
@pytest.mark.parametrize("starter", Role)
def test_it_goes_on_under_new_keys(name: str, starter: Role) -> None:
    pair = pair_of(name)
    ours, theirs = pair.opened()
    end = pair.client if starter is CLIENT else pair.server
    for number in range(3):
        ours.write(TEXT)
        end.session.rekey()
        theirs.write(TEXT)
        pair.run()
        pair.raise_failures()
        assert len(pair.server.data) == len(pair.client.data) == (number + 1) * len(TEXT)
    assert end.session.info.rekeys == 3
    assert carried(pair, SERVER) < len(TEXT)


@pytest.mark.parametrize("name", [ZLIB, DELAYED])
def test_a_login_during_a_rekey(name: str) -> None:
    """USERAUTH_SUCCESS waits for the new keys: what comes after it is compressed, and nothing before."""
    pair = pair_of(name)
    pair.server.react = lambda event: None
    pair.run()
    server = pair.server.session
    assert server.phase is Phase.AUTH
    pair.server.rekey_anyway()
    server.authentication.accept()
    pair.run()
    pair.raise_failures()
    assert pair.client.of(e.Authenticated)
    pair.server.react = pair.server.accept_all
    ours, _ = pair.opened()
    before = carried(pair, SERVER)
    ours.write(TEXT)
    pair.run()
    pair.raise_failures()
    assert pair.server.data == TEXT
    assert carried(pair, SERVER) - before < len(TEXT) / 20


def test_the_clients_order_decides() -> None:
    pair = Pair(settings("none", DELAYED), settings(DELAYED, "none")).run()
    assert pair.client.session.info.sending.compression == "none"
    pair = Pair(settings(DELAYED, "none"), settings("none", DELAYED)).run()
    assert pair.client.session.info.sending.compression == DELAYED


def test_byte_by_byte() -> None:
    pair = pair_of(DELAYED)
    pair.split = 1
    ours, _ = pair.opened()
    ours.write(TEXT)
    pair.run(100_000)
    pair.raise_failures()
    assert pair.server.data == TEXT


@pytest.mark.parametrize("role", Role)
def test_a_bomb_ends_the_session(role: Role) -> None:
    puppet = Puppet(role, algorithms=replace(suite(), compression=(ZLIB,))).to_open()
    assert puppet.failure is None
    # The packet itself is as it should be: only what it holds is too much.
    bomb = puppet.sealer._sealer.seal(ZlibCompressor().compress(bytes([2]) + bytes(50_000_000)))
    assert len(bomb) < 262_144
    puppet.feed(bomb)
    puppet.hear()
    assert isinstance(puppet.failure, PacketError)
    assert m.Disconnect.decode(puppet.inbox[-1], 1).reason == 6


@pytest.mark.parametrize("garbage", [b"not compressed", b"\0"])
def test_garbage_ends_the_session(garbage: bytes) -> None:
    puppet = Puppet(CLIENT, algorithms=replace(suite(), compression=(ZLIB,))).to_open()
    puppet.feed(puppet.sealer._sealer.seal(garbage))  # sealed, but not compressed first
    puppet.hear()
    assert isinstance(puppet.failure, PacketError)
    assert puppet.failure.next_step == "Connect without compression"
