"""A whole session gives the same story and the same bytes, however its bytes are cut on the way."""

from __future__ import annotations

import itertools

import pytest

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from tests.pair.pairing import SUITES, Pair, algorithms, suite
from tests.pair.scenario import Recording, assert_told, settings, told_pair

KEX = ("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
COMBINATIONS = [*itertools.product(SUITES, KEX), *(("gcm", kex) for kex in names(EXCHANGES) if kex not in KEX)]


@pytest.mark.parametrize(("cipher", "kex"), COMBINATIONS)
def test_byte_by_byte(cipher: str, kex: str) -> None:
    chosen = suite(cipher, kex)
    pair, stories = told_pair(*(settings(role, chosen) for role in Role))
    pair.split = 1
    pair.run()
    assert_told(pair, stories)


def test_with_all_that_is_proposed() -> None:
    chosen = algorithms()
    pair, stories = told_pair(*(settings(role, chosen) for role in Role))
    pair.run()
    assert_told(pair, stories)
    assert pair.client.session.info.kex == "mlkem768x25519-sha256"
    assert pair.client.session.info.strict
    assert pair.server.session.info.strict


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("cipher", SUITES)
def test_each_packet_split_once(cipher: str, role: Role) -> None:
    """At one place in every packet at a time: a cut that changed anything would change the bytes that are sent."""
    recording = Recording(cipher)
    data = recording.received[role]
    # What comes before the first keys is the same for every cipher.
    first = 0 if cipher == "gcm" else recording.first_sealed[role]
    for cuts in recording.cuts(role, first):
        recording.replay(role, [data[start:end] for start, end in itertools.pairwise((0, *cuts, len(data)))])


@pytest.mark.parametrize("kex", KEX)
@pytest.mark.parametrize("end", Role)
def test_every_key_exchange_split_once(kex: str, end: Role) -> None:
    """Live, since not every exchange can be replayed; the rest of the session is not of interest here."""
    chosen = suite("gcm", kex)

    def exchange(position: int | None) -> list[int]:
        """The places in the stream where a packet ends."""
        pair = Pair(*(settings(role, chosen) for role in Role), login=False)
        subject = pair.client if end is Role.CLIENT else pair.server
        fed, ends = 0, []
        while subject.session.phase not in (Phase.NEWKEYS_STRICT, Phase.SERVICE):
            pair.collect()
            peer = pair.other(subject)
            peer.session.feed(b"".join(pair.wires[peer.role]))
            pair.wires[peer.role].clear()
            pair.collect()
            ends += [fed + size for size in itertools.accumulate(map(len, pair.wires[end]))]
            data = b"".join(pair.wires[end])
            pair.wires[end].clear()
            cut = len(data) if position is None else min(max(position - fed, 0), len(data))
            fed += len(data)
            subject.session.feed(data[:cut])
            subject.session.feed(data[cut:])
            pair.raise_failures()
        return ends

    ends = exchange(None)
    positions = set(range(1, ends[-1], 11))  # inside of long values; their ends one by one
    for edge in (0, *ends):
        positions |= set(range(max(1, edge - 30), min(edge + 30, ends[-1])))
    for position in sorted(positions):
        exchange(position)


def test_large_pieces_of_many_packets() -> None:
    chosen = suite()
    pair, stories = told_pair(*(settings(role, chosen) for role in Role))
    pair.split = 977
    pair.run()
    assert_told(pair, stories)


@pytest.mark.parametrize("cipher", SUITES)
@pytest.mark.parametrize("kex", ["curve25519-sha256", "ecdh-sha2-nistp256"])
def test_the_same_seed_gives_the_same_bytes(cipher: str, kex: str) -> None:
    first, second = Recording(cipher, kex), Recording(cipher, kex)
    assert first.received == second.received


def test_another_seed_gives_other_bytes() -> None:
    chosen = suite()
    streams = set()
    for seed in (1, 100):
        pair, _ = told_pair(*(settings(role, chosen, seed) for role in Role))
        pair.run()
        streams.add(b"".join(pair.carried[Role.CLIENT]))
    assert len(streams) == 2


def test_the_client_of_a_post_quantum_exchange_can_be_replayed() -> None:
    """The server's half of ML-KEM draws its own randomness (see `mlkem`), the client's does not."""
    recording = Recording("gcm", "mlkem768x25519-sha256")
    recording.replay(Role.CLIENT, [recording.received[Role.CLIENT]])
