"""New keys at any moment, begun by either side or by both: nothing is lost, doubled or out of order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from jupyter_ssh.ssh.errors import ConnectionLost, KeyExchangeError, ProtocolError, UnexpectedMessage
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.handshake.allowance import ENOUGH_BYTES, IN_ADVANCE
from jupyter_ssh.ssh.protocol.packets import key_age
from jupyter_ssh.ssh.protocol.packets.sender import MAX_HELD
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import KeepAlive, Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.requests import ExitStatus
from tests.pair.pairing import SUITES, End, Pair, seeded, suite
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData, Ignore

SETTINGS = Settings(suite())
BOTH = "both"
STARTERS = (Role.CLIENT, Role.SERVER, BOTH)


class Exchange:
    """Open, data, end of file, close, driven in single steps: an application's doing or one packet's arrival.

    `steps` yields before each of them, so that a test can do something there.
    """

    def __init__(self) -> None:
        self.pair = Pair(SETTINGS, SETTINGS).run()
        self.pair.client.react_channel = self.client_hears
        self.pair.server.react_channel = self.server_hears
        self.pair.server.known_requests = {"exec"}
        self.replies: list[bool] = []

    def client_hears(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelOpened):
            channel.request("exec", b"\0\0\0\3cat", self.replies.append)
            channel.write(b"to the server, ")
            channel.write(b"in two pieces")
            channel.eof()

    def server_hears(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested):
            channel.write(b"to the client, ")
            channel.write(b"a complaint", 1)
        elif isinstance(event, e.ChannelEofReceived):
            channel.write(b"and the rest")
            channel.request("exit-status", ExitStatus(7).encode())
            channel.eof()
            channel.close()

    def steps(self) -> Iterator[int]:
        yield 0
        self.pair.client.open()
        step, idle = 1, 0
        while idle < 2:
            # The ends take turns, so a packet may wait on one wire while the other one's moves.
            yield step
            end = self.pair.ends[step % 2]
            idle = 0 if self.pair.deliver_one(end) else idle + 1
            step += 1

    def check(self, rekeys: int) -> None:
        pair = self.pair
        pair.run()
        pair.raise_failures()
        assert self.replies == [True]
        assert (pair.server.data, pair.server.stderr) == (b"to the server, in two pieces", b"")
        assert (pair.client.data, pair.client.stderr) == (b"to the client, and the rest", b"a complaint")
        told = [type(event) for event in pair.client.channel_events if not isinstance(event, e.ChannelWritable)]
        assert told == [e.ChannelOpened, e.ChannelRequested, e.ChannelEofReceived, e.ChannelClosed]
        told = [type(event) for event in pair.server.channel_events if not isinstance(event, e.ChannelWritable)]
        assert told == [e.ChannelRequested, e.ChannelEofReceived, e.ChannelClosed]
        assert pair.client.of(e.ChannelRequested)[0].details == ExitStatus(7).encode()
        for end in pair.ends:
            assert end.session.connection.channels == {}
            assert end.session.phase is Phase.OPEN
            assert end.session.info.rekeys == rekeys
            assert not end.session.transport.sender.congested


def ends_of(pair: Pair, starter: Role | str) -> list[End]:
    return [end for end in pair.ends if starter in (end.role, BOTH)]


STEPS = len(list(Exchange().steps()))


def test_the_steps_cover_every_message() -> None:
    exchange = Exchange()
    before = {role: len(packets) for role, packets in exchange.pair.carried.items()}
    for _ in exchange.steps():
        pass
    exchange.check(rekeys=0)
    carried = {role: len(packets) - before[role] for role, packets in exchange.pair.carried.items()}
    # CHANNEL_OPEN, exec, data ×2, eof, close — confirmation, success, data ×3, exit-status, eof, close
    assert carried == {Role.SERVER: 6, Role.CLIENT: 8}
    assert STEPS >= 14


@pytest.mark.parametrize("starter", STARTERS)
def test_a_rekey_before_and_after_every_message(starter: Role | str) -> None:
    for begin in range(STEPS):
        exchange = Exchange()
        for step in exchange.steps():
            if step == begin:
                for end in ends_of(exchange.pair, starter):
                    end.session.rekey()
        exchange.check(rekeys=1)


def test_one_side_begins_at_any_step_and_the_other_at_any_other() -> None:
    for client_begins in range(STEPS):
        for server_begins in range(STEPS):
            exchange = Exchange()
            for step in exchange.steps():
                if step == client_begins:
                    exchange.pair.client.session.rekey()
                if step == server_begins:
                    exchange.pair.server.session.rekey()
            exchange.pair.run()
            rekeys = exchange.pair.client.session.info.rekeys
            assert rekeys in (1, 2)
            exchange.check(rekeys)


def test_a_rekey_within_the_whole_exchange_at_every_step() -> None:
    exchange = Exchange()
    for step in exchange.steps():
        if step < 100:
            for end in exchange.pair.ends:
                end.session.rekey()
    exchange.pair.run()
    exchange.check(exchange.pair.client.session.info.rekeys)
    assert exchange.pair.client.session.info.rekeys > 10


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize("phase", [Phase.SERVICE, Phase.AUTH])
def test_a_rekey_before_anybody_is_logged_in(phase: Phase, starter: Role | str) -> None:
    for late in (False, True):
        pair = Pair(SETTINGS, SETTINGS)
        pair.run_until(pair.server, phase)
        pair.run_until(pair.client, phase)
        if late:
            while pair.deliver_one(pair.server):
                pass
        for end in ends_of(pair, starter):
            end.rekey_anyway()
        ours, _ = pair.opened()
        pair.raise_failures()
        assert ours.open
        assert pair.client.session.info.rekeys >= 1


# A client's KEXINIT and USERAUTH_SUCCESS may cross, and with a delayed compression nothing tells whether they did.
@pytest.mark.parametrize(
    ("starter", "compression"),
    [
        (starter, compression)
        for starter in STARTERS
        for compression in ("none", "zlib", "zlib@openssh.com")
        if (starter, compression) != (Role.CLIENT, "zlib@openssh.com")
    ],
)
def test_a_login_is_decided_at_any_moment_of_a_rekey(starter: Role | str, compression: str) -> None:
    settings = Settings(replace(suite(), compression=(compression,)))
    for decided_after in range(12):
        pair = Pair(settings, settings)
        pair.server.login = False  # nobody decides
        pair.run()
        assert pair.server.of(e.AuthenticationRequested)
        for end in ends_of(pair, starter):
            end.rekey_anyway()
        for _ in range(decided_after):
            pair.deliver_one(pair.ends[_ % 2])
        pair.server.auth.accept()
        assert pair.server.of(e.Authenticated)
        pair.run()
        pair.raise_failures()
        assert (pair.client.session.phase, pair.server.session.phase) == (Phase.OPEN, Phase.OPEN)
        ours = pair.client.open()
        pair.run()
        assert ours.open
        assert pair.client.session.info.rekeys == 1


def test_no_rekey_is_begun_before_the_login() -> None:
    pair = Pair(Settings(suite(), rekey_bytes=1, rekey_seconds=1), Settings(suite(), rekey_bytes=1, rekey_seconds=1))
    pair.server.login = False
    pair.run()
    for end in pair.ends:
        end.session.rekey()
        end.session.tick(0.0)
        end.session.tick(10.0)
        assert not end.session.transport.exchanging
    pair.server.auth.accept()
    pair.run()
    assert pair.client.session.info.rekeys >= 1


class Bulk:
    """Both ends send as fast as they can, in pieces of all sizes, until they have sent ``size`` bytes each."""

    def __init__(self, pair: Pair, size: int) -> None:
        self.pair = pair
        self.size = size
        self.channels = pair.opened()
        self.random = seeded(3)
        self.sent = {channel: hashlib.sha256() for channel in self.channels}
        self.heard = {channel: hashlib.sha256() for channel in self.channels}
        self.left = dict.fromkeys(self.channels, size)
        for channel in self.channels:
            channel.on_data = self._hears(channel)

    def _hears(self, channel: Channel) -> Callable[[bytes, int | None], None]:
        def on_data(data: bytes, code: int | None) -> None:
            self.heard[channel].update(data)
            channel.credit(len(data))

        return on_data

    def run(self, between: Callable[[int], None] = lambda turn: None) -> Bulk:
        turn = 0
        while any(self.left.values()) or any(channel.unsent for channel in self.channels):
            for channel in self.channels:
                for _ in range(3):
                    count = min(self.left[channel], int.from_bytes(self.random(2), "big"))
                    if count and channel.unsent < 500_000:
                        data = self.random(count)
                        self.left[channel] -= count
                        self.sent[channel].update(data)
                        channel.write(data)
            between(turn)
            self.pair.step()
            self.pair.raise_failures()
            turn += 1
        self.pair.run()
        ours, theirs = self.channels
        assert self.sent[ours].digest() == self.heard[theirs].digest()
        assert self.sent[theirs].digest() == self.heard[ours].digest()
        return self


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("side", ["client", "server", "both"])
def test_a_rekey_by_bytes_under_traffic_both_ways(name: str, side: str) -> None:
    chosen = suite(name)
    limited, plain = Settings(chosen, rekey_bytes=200_000), Settings(chosen)
    pair = Pair(plain if side == "server" else limited, plain if side == "client" else limited)
    Bulk(pair, 3_000_000).run()
    assert pair.client.session.info.rekeys >= 5
    assert pair.client.session.info.rekeys == pair.server.session.info.rekeys


def test_the_smallest_limit_still_gets_on() -> None:
    settings = Settings(suite(), rekey_bytes=1)
    pair = Pair(settings, settings)
    Bulk(pair, 50_000).run()
    pair.run()
    assert pair.client.session.info.rekeys < 1000


def test_no_rekey_without_a_reason() -> None:
    pair = Pair(SETTINGS, SETTINGS)
    Bulk(pair, 3_000_000).run()
    assert pair.client.session.info.rekeys == 0


@pytest.mark.parametrize("starter", STARTERS)
def test_a_rekey_by_time_under_traffic_both_ways(starter: Role | str) -> None:
    pair = Pair(Settings(suite(), rekey_seconds=10), Settings(suite(), rekey_seconds=10))

    def tick(turn: int) -> None:
        for end in ends_of(pair, starter):
            end.session.tick(float(turn))

    Bulk(pair, 3_000_000).run(tick)
    assert pair.client.session.info.rekeys >= 2


@pytest.mark.parametrize("starter", STARTERS)
def test_a_rekey_in_every_turn_of_traffic(starter: Role | str) -> None:
    pair = Pair(SETTINGS, SETTINGS)

    def rekey(turn: int) -> None:
        for end in ends_of(pair, starter):
            end.session.rekey()

    Bulk(pair, 2_000_000).run(rekey)
    assert pair.client.session.info.rekeys >= 5


def test_a_hundred_rekeys_in_a_row() -> None:
    pair = Pair(SETTINGS, SETTINGS).run()
    for count in range(1, 101):
        pair.ends[count % 2].session.rekey()
        pair.run()
        assert pair.client.session.info.rekeys == count
    assert len(pair.client.of(e.KeysRenewed)) == 101
    assert pair.client.session.transport.session_id == pair.server.session.transport.session_id


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_rekey_by_packets(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 4344 §3.1; many packets come in one piece, so the limit is not met exactly."""
    monkeypatch.setattr(key_age, "REKEY_PACKETS", 50)
    pair = Pair(SETTINGS, SETTINGS)
    ours, theirs = pair.opened()
    pair.run()
    before = pair.client.session.info.rekeys
    sender, receiver = (ours, pair.server) if direction == "out" else (theirs, pair.client)
    for _ in range(60):
        sender.write(b"x" * 10)
    pair.run()
    pair.raise_failures()
    assert receiver.data == b"x" * 600
    assert pair.client.session.info.rekeys == before + 1


def test_new_keys_are_used_for_what_waits_at_once() -> None:
    """The server is done when it has sent its NEWKEYS; its data need not wait for the client's."""
    pair = Pair(SETTINGS, SETTINGS)
    _, theirs = pair.opened()
    pair.client.session.rekey()
    pair.deliver_one(pair.server)  # KEXINIT
    theirs.write(b"meanwhile")
    assert pair.server.session.transport.exchanging
    pair.deliver_one(pair.client)  # KEXINIT
    pair.deliver_one(pair.server)  # KEX_ECDH_INIT
    pair.collect()
    assert len(pair.wires[Role.CLIENT]) == 3  # reply, NEWKEYS, data
    pair.run()
    assert pair.client.data == b"meanwhile"


# --- what must be refused, and what must end --------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("strict", [True, False])
def test_sequence_numbers_begin_again_only_if_that_was_agreed(role: Role, strict: bool) -> None:
    """An unassigned message is answered with its sequence number: that is the subject's count of what it received."""
    puppet = Puppet(role, strict=strict).to_open()
    assert puppet.subject.session.info.strict is strict
    for _ in range(3):
        puppet.exchange()
        said = 0 if strict else puppet.sealer.sequence
        puppet.say(bytes([200]))
        assert puppet.last(m.Unimplemented).sequence == said
    assert puppet.subject.session.info.strict is strict
    assert (puppet.sealer.sequence < 3) is (puppet.opener.sequence < 3) is strict


def test_a_host_key_that_changes_ends_the_session() -> None:
    puppet = Puppet(Role.CLIENT).to_open()
    puppet.host_key = generate("ssh-ed25519")
    puppet.send_kexinit()
    puppet.send_exchange()
    assert isinstance(puppet.failure, KeyExchangeError)
    assert puppet.failure.expected != puppet.failure.received == puppet.host_key.public.fingerprint
    assert not puppet.heard(n.SSH_MSG_NEWKEYS)[1:]


@pytest.mark.parametrize("role", Role)
def test_a_second_kexinit_within_an_exchange(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.send_kexinit()
    puppet.say(puppet.make_kexinit())
    assert isinstance(puppet.failure, UnexpectedMessage)


def test_a_kexinit_before_our_newkeys() -> None:
    """The server is through with its half, but the client is not: nobody has accepted the host key yet."""
    puppet = Puppet(Role.CLIENT, login=False).to_service()
    puppet.say(puppet.make_kexinit())
    assert isinstance(puppet.failure, UnexpectedMessage)
    assert "during another" in puppet.failure.message


@pytest.mark.parametrize("role", Role)
def test_data_may_come_until_the_peer_answers_a_rekey(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.say(m.ChannelOpen("session", 0, 100000, 32768))
    puppet.subject.session.rekey()
    puppet.say(ChannelData(0, b"still under the old keys"))
    assert puppet.subject.data == b"still under the old keys"
    puppet.send_kexinit()
    puppet.say(ChannelData(0, b"too late"))
    assert isinstance(puppet.failure, UnexpectedMessage)
    assert puppet.subject.data == b"still under the old keys"


@pytest.mark.parametrize("role", Role)
def test_what_waits_for_a_rekey_is_bounded(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.subject.session.rekey()
    puppet.hear()
    fed = 0
    while puppet.failure is None:
        puppet.say(m.Ping(bytes(30000)))
        fed += 30000
        assert fed <= MAX_HELD + 30000
    assert isinstance(puppet.failure, ProtocolError)
    assert puppet.failure.next_step


def test_many_small_messages_wait_for_a_rekey() -> None:
    """A thousand channels that end while keys change are no flood."""
    pair = Pair(SETTINGS, SETTINGS).run()
    channels = [pair.client.open() for _ in range(1000)]
    pair.run()
    pair.client.session.rekey()
    for channel in channels:
        channel.write(b"x")
        channel.request("signal", b"\0\0\0\3INT", lambda success: None)
        channel.eof()
        channel.close()
    pair.run()
    pair.raise_failures()
    assert pair.server.data == b"x" * 1000
    assert pair.client.session.connection.channels == pair.server.session.connection.channels == {}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("stage", ["no answer", "kexinit only", "all but newkeys"])
def test_a_peer_that_dies_in_a_rekey_is_noticed(role: Role, stage: str) -> None:
    puppet = Puppet(role).to_open()
    session = puppet.subject.session
    channel = puppet.subject.open()
    session.tick(0.0)
    session.rekey()
    puppet.hear()
    if stage != "no answer":
        puppet.send_kexinit()
    if stage == "all but newkeys":
        puppet.send_exchange()
    ticks = 0
    while (due := session.next_tick()) is not None:
        session.tick(due)
        ticks += 1
        assert ticks < 10
    assert isinstance(session.failure, ConnectionLost)
    assert session.failure.next_step
    assert puppet.subject.channel_events == [e.ChannelClosed(session.failure)]
    assert channel.close_sent


def test_a_slow_peer_is_not_a_dead_one() -> None:
    """It may have a lot of data under way before it gets to its KEXINIT."""
    puppet = Puppet(Role.CLIENT).to_open()
    session = puppet.subject.session
    session.tick(0.0)
    session.rekey()
    for turn in range(1, 50):
        puppet.say(Ignore(b"x"))
        session.tick(turn * 60.0)
    assert session.failure is None


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("stage", ["no answer", "kexinit only"])
def test_keepalive_goes_on_while_keys_change(role: Role, stage: str) -> None:
    settings = Settings(suite(), keepalive=KeepAlive(1.0, 3))
    puppet = Puppet(role, settings=settings).to_open()
    session = puppet.subject.session
    session.tick(0.0)
    session.rekey()
    puppet.hear()
    if stage != "no answer":
        puppet.send_kexinit()
    now = 0.0
    while (due := session.next_tick()) is not None:
        assert due > now or now == 0.0, "a tick that is due at once, again and again, keeps a processor busy"
        now = due
        session.tick(now)
    assert isinstance(session.failure, ConnectionLost)
    assert 3.0 <= now <= 6.0


# --- how often --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_a_peer_that_renews_the_keys_all_the_time_is_sent_away(role: Role) -> None:
    puppet = Puppet(role).to_open()
    for _ in range(IN_ADVANCE[True]):
        puppet.exchange()
    assert puppet.failure is None
    puppet.send_kexinit()
    assert isinstance(puppet.failure, ProtocolError)
    assert "renews the keys too often" in str(puppet.failure)
    assert puppet.failure.next_step
    assert m.Disconnect.decode(puppet.inbox[-1], 1).reason == n.SSH_DISCONNECT_PROTOCOL_ERROR


@pytest.mark.parametrize("role", Role)
def test_before_the_login_there_is_less_reason_to(role: Role) -> None:
    puppet = Puppet(role).to_service()
    for _ in range(IN_ADVANCE[False]):
        puppet.say(*[Ignore(bytes(30000))] * (1 + ENOUGH_BYTES // 30000))  # traffic is none before the login
        puppet.exchange()
    assert puppet.failure is None
    puppet.say(*[Ignore(bytes(30000))] * (1 + ENOUGH_BYTES // 30000))
    puppet.send_kexinit()
    assert "renews the keys too often" in str(puppet.failure)


@pytest.mark.parametrize("role", Role)
def test_time_and_traffic_are_reasons_for_new_keys(role: Role) -> None:
    puppet = Puppet(role).to_open()
    now = 1000.0
    puppet.subject.session.use_clock(lambda: now)
    for _ in range(IN_ADVANCE[True]):
        puppet.exchange()
    for _ in range(300):
        puppet.say(*[Ignore(bytes(30000))] * (1 + ENOUGH_BYTES // 30000))
        puppet.exchange()
    now = 1003.0
    for _ in range(3):
        puppet.exchange()
    assert puppet.failure is None
    puppet.send_kexinit()
    assert puppet.failure is not None


def test_our_own_new_keys_are_not_counted() -> None:
    puppet = Puppet(Role.SERVER).to_open()
    for _ in range(IN_ADVANCE[True] + 1):
        puppet.subject.session.rekey()
        puppet.hear()
        puppet.exchange()
    assert puppet.failure is None
