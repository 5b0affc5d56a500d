"""Windows and congestion: every byte is granted again once, windows grow on demand, and what cannot go out waits."""

from __future__ import annotations

import random

import pytest

from jupyter_ssh.ssh.errors import ConnectionLost
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import MAX_PENDING_REPLIES, Channel
from jupyter_ssh.ssh.protocol.connection import MAX_PENDING_GLOBAL
from jupyter_ssh.ssh.protocol.packets.sender import MAX_OUTPUT
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import KeepAlive, Settings
from jupyter_ssh.ssh.protocol.window import INITIAL_WINDOW
from jupyter_ssh.ssh.wire import messages as m
from tests.pair.pairing import Pair, suite
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData

SETTINGS = Settings(suite())
MEGABYTE = 1024 * 1024


def pair_of(max_window: int = 64 * MEGABYTE) -> tuple[Pair, Channel, Channel]:
    """A pair whose client receives from the server: pair, the client's channel, the server's."""
    pair = Pair(Settings(suite(), max_window=max_window), SETTINGS)
    ours, theirs = pair.opened()
    return pair, ours, theirs


def assert_even(receiver: Channel, sender: Channel) -> None:
    """With nothing under way, both ends think the same of the window."""
    assert sender.peer_window == receiver.window.available
    assert receiver.window.available + receiver.window.consumed <= receiver.window.size


def test_whatever_is_written_arrives_once_and_the_window_comes_back() -> None:
    pair, ours, theirs = pair_of()
    random_sizes = random.Random(5)
    sent = {None: bytearray(), 1: bytearray()}
    for _ in range(400):
        code = random_sizes.choice([None, None, 1])
        data = random_sizes.randbytes(random_sizes.choice([0, 1, 100, 32768, 32769, 100_000]))
        theirs.write(data, code)
        sent[code] += data
        if random_sizes.random() < 0.3:
            pair.run()
            assert_even(ours, theirs)
    pair.run()
    assert (pair.client.data, pair.client.stderr) == (sent[None], sent[1])
    assert theirs.unsent == 0
    assert_even(ours, theirs)
    assert ours.window.available + ours.window.consumed == ours.window.size


def test_bytes_that_are_thrown_away_are_granted_again() -> None:
    pair, ours, theirs = pair_of(INITIAL_WINDOW)
    ours.on_data = lambda data, code: ours.credit(len(data))
    theirs.write(bytes(5 * INITIAL_WINDOW))
    theirs.write(bytes(5 * INITIAL_WINDOW), 1)
    pair.run()
    assert theirs.unsent == 0
    assert pair.client.data == b""


def test_nothing_is_granted_for_bytes_that_nobody_has_read() -> None:
    pair, ours, theirs = pair_of()
    pair.client.credit = False
    theirs.write(bytes(3 * INITIAL_WINDOW))
    pair.run()
    assert len(pair.client.data) == INITIAL_WINDOW
    assert theirs.unsent == 2 * INITIAL_WINDOW
    assert (ours.window.size, ours.window.available, theirs.peer_window) == (INITIAL_WINDOW, 0, 0)
    # Read in small pieces, the window opens in large ones.
    for _ in range(100):
        ours.credit(INITIAL_WINDOW // 100)
    adjusts = sum(len(packet) < 100 for packet in pair.client.session.data_to_send())
    assert 1 <= adjusts <= 6


def test_the_window_grows_while_it_is_what_limits() -> None:
    pair, ours, theirs = pair_of(16 * MEGABYTE)
    pair.client.data = _Counter()
    theirs.write(bytes(200 * MEGABYTE))
    sizes = [ours.window.size]
    while theirs.unsent:
        pair.step()
        sizes.append(ours.window.size)
    pair.run()
    pair.raise_failures()
    assert sizes[0] == INITIAL_WINDOW
    assert sizes == sorted(sizes)
    assert sizes[-1] == 16 * MEGABYTE
    assert_even(ours, theirs)


class _Counter(bytearray):
    """Data that nobody keeps."""

    def extend(self, data: bytes) -> None:
        """Counts nothing, keeps nothing."""


def test_the_window_stays_while_little_comes() -> None:
    pair, ours, theirs = pair_of()
    for _ in range(60):
        theirs.write(bytes(100_000))
        pair.run()
    assert len(pair.client.data) == 6_000_000
    assert ours.window.size == INITIAL_WINDOW


def test_the_window_stays_while_the_reader_is_slow() -> None:
    pair, ours, theirs = pair_of()
    pair.client.credit = False
    theirs.write(bytes(20 * MEGABYTE))
    read = 0
    while read < 20 * MEGABYTE:
        pair.run()
        piece = min(100_000, len(pair.client.data) - read)
        read += piece
        ours.credit(piece)
    assert ours.window.size == INITIAL_WINDOW


def test_a_small_limit_is_kept() -> None:
    pair, ours, theirs = pair_of(10_000)
    assert ours.window.size == theirs.peer_window == 10_000
    theirs.write(bytes(100_000))
    pair.run()
    assert len(pair.client.data) == 100_000
    assert ours.window.size == 10_000


@pytest.mark.parametrize("answer", [m.ChannelSuccess(0), m.ChannelFailure(0)])
def test_a_probe_is_a_request_like_others(answer: m.Message) -> None:
    """Its answer comes in the order of the requests, whatever it says."""
    puppet = Puppet(Role.CLIENT, greeting=b"SSH-2.0-OpenSSH_9.2p1").to_open()
    channel = puppet.subject.open()
    puppet.hear()
    puppet.say(m.ChannelOpenConfirmation(0, 9, 1000, 1000))
    told: list[bool] = []
    channel.request("before", b"", told.append)
    for _ in range(6):
        puppet.say(ChannelData(0, bytes(100_000)))
    channel.request("after", b"", told.append)
    puppet.hear()
    names = [m.ChannelRequest.decode(payload, 1).name for payload in puppet.heard(98)]
    assert names == ["before", "window-probe@jupyter-ssh", "after"]
    puppet.say(m.ChannelSuccess(0), answer)
    assert told == [True]
    puppet.say(m.ChannelFailure(0))
    assert told == [True, False]
    assert puppet.failure is None


def test_no_probe_is_sent_where_too_many_answers_are_due() -> None:
    puppet = Puppet(Role.CLIENT, greeting=b"SSH-2.0-OpenSSH_9.2p1").to_open()
    channel = puppet.subject.open()
    puppet.hear()
    puppet.say(m.ChannelOpenConfirmation(0, 9, 1000, 1000))
    for _ in range(MAX_PENDING_REPLIES):
        channel.request("x", b"", lambda success: None)
    for _ in range(6):
        puppet.say(ChannelData(0, bytes(100_000)))
    assert puppet.failure is None
    assert len(puppet.heard(98)) == MAX_PENDING_REPLIES


# --- congestion -------------------------------------------------------------------------------------------------------


def test_a_paused_network_keeps_data_in_its_channels() -> None:
    pair, ours, _ = pair_of()
    session = pair.client.session
    session.pause()
    ours.write(b"waits")
    ours.request("signal", b"\0\0\0\3INT")
    assert session.transport.sender.congested
    assert ours.unsent == 5
    (request,) = session.data_to_send()
    pair.server.session.feed(request)
    assert session.transport.sender.congested
    assert pair.client.of(e.ChannelWritable) == []
    session.resume()
    assert not session.transport.sender.congested
    assert ours.unsent == 0
    assert len(pair.client.of(e.ChannelWritable)) == 1
    pair.run()
    assert pair.server.data == b"waits"


def test_only_so_much_is_sealed_before_the_network_takes_it() -> None:
    pair, ours, _ = pair_of()
    session = pair.client.session
    for _ in range(20):
        ours.write(bytes(100_000))
    assert MAX_OUTPUT <= session.unsent <= MAX_OUTPUT + 40_000
    assert ours.unsent > 900_000
    for _ in range(10):
        assert session.unsent <= MAX_OUTPUT + 40_000
        pair.step()
    pair.run()
    assert len(pair.server.data) == 2_000_000
    assert len(pair.client.of(e.ChannelWritable)) >= 1


def test_output_is_told_once_until_it_is_taken() -> None:
    pair, ours, _ = pair_of()
    told: list[int] = []
    pair.client.session.on_output = lambda: told.append(1)
    for _ in range(3):
        ours.write(b"x")
    assert len(told) == 1
    pair.client.session.data_to_send()
    assert pair.client.session.data_to_send() == []
    ours.write(b"x")
    assert len(told) == 2
    pair.client.session.data_to_send()
    pair.client.session.rekey()
    assert len(told) == 3


def test_eof_and_close_wait_behind_data_and_abort_does_not() -> None:
    for how in ("close", "abort"):
        puppet = Puppet(Role.CLIENT).to_open()
        channel = puppet.subject.open()
        puppet.hear()
        puppet.say(m.ChannelOpenConfirmation(0, 9, 3, 1000))
        channel.write(b"abcdef")
        channel.eof()
        getattr(channel, how)()
        said = [*puppet.hear(), *puppet.say(m.ChannelWindowAdjust(0, 100))]
        data = [ChannelData(9, b"abc").encode(), ChannelData(9, b"def").encode(), m.ChannelEof(9).encode()]
        close = m.ChannelClose(9).encode()
        assert said == ([*data, close] if how == "close" else [data[0], close])
        assert channel.unsent == 0


def test_an_owner_may_write_more_when_told_that_all_is_sent() -> None:
    pair, ours, _ = pair_of()
    pieces = [b"second", b"third", None]

    def react(channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelWritable) and pieces:
            piece = pieces.pop(0)
            if piece is None:
                channel.close()
            else:
                channel.write(piece, 1)

    pair.client.react_channel = react
    ours.write(b"first", 1)
    pair.run()
    assert pair.server.stderr == b"firstsecondthird"
    assert pair.client.session.connection.channels == pair.server.session.connection.channels == {}


# --- keepalive --------------------------------------------------------------------------------------------------------


def run_ticks(pair: Pair, until: float, *, alive: bool) -> float:
    """Ticks whenever the client wants it; carries bytes only while the server is ``alive``.  When it ended."""
    session = pair.client.session
    session.tick(0.0)
    now = 0.0
    while (due := session.next_tick()) is not None and due <= until:
        assert due > now
        now = due
        session.tick(now)
        if alive:
            pair.run()
    return now


def test_a_live_peer_is_asked_now_and_then() -> None:
    pair = Pair(Settings(suite(), keepalive=KeepAlive(15, 3)), SETTINGS).run()
    run_ticks(pair, 600, alive=True)
    pair.raise_failures()
    asked = [event for event in pair.server.of(e.GlobalRequested) if event.name == "keepalive@openssh.com"]
    assert 10 <= len(asked) <= 40
    assert all(event.want_reply for event in asked)


def test_a_silent_peer_is_given_up() -> None:
    pair = Pair(Settings(suite(), keepalive=KeepAlive(15, 3)), SETTINGS)
    pair.opened()
    ended = run_ticks(pair, 600, alive=False)
    assert isinstance(pair.client.session.failure, ConnectionLost)
    assert pair.client.session.failure.phase == "keepalive"
    assert 60 <= ended <= 90


def test_a_silent_peer_is_never_given_up_without_a_count() -> None:
    pair = Pair(Settings(suite(), keepalive=KeepAlive(2, None)), SETTINGS)
    pair.opened()
    run_ticks(pair, 3000, alive=False)
    assert pair.client.session.failure is None
    pair.run()
    asked = [event for event in pair.server.of(e.GlobalRequested) if event.name == "keepalive@openssh.com"]
    assert len(asked) == MAX_PENDING_GLOBAL


def test_a_peer_that_talks_is_not_asked() -> None:
    pair = Pair(Settings(suite(), keepalive=KeepAlive(15, 3)), SETTINGS)
    _, theirs = pair.opened()
    session = pair.client.session
    session.tick(0.0)
    for second in range(1, 600):
        theirs.write(b".")
        pair.run()
        session.tick(float(second))
    assert pair.server.of(e.GlobalRequested) == []


def test_without_an_interval_nobody_is_asked() -> None:
    pair = Pair(SETTINGS, SETTINGS)
    pair.opened()
    run_ticks(pair, 3000, alive=False)
    assert pair.client.session.failure is None
    assert pair.client.session.data_to_send() == []


def test_nobody_is_asked_before_the_login() -> None:
    """A person may take their time over the host key."""
    pair = Pair(Settings(suite(), keepalive=KeepAlive(1, 1)), SETTINGS, login=False).run()
    run_ticks(pair, 3000, alive=False)
    assert pair.client.session.failure is None


def test_a_peer_that_talks_but_never_answers_is_asked_as_long_as_it_makes_sense() -> None:
    """It is alive.  Its answers to so many requests can no longer be waited for, which is no reason to end anything."""
    puppet = Puppet(Role.CLIENT, settings=Settings(suite(), keepalive=KeepAlive(15, 3), rekey_seconds=1e9)).to_open()
    session = puppet.subject.session
    now = 0.0
    for _ in range(MAX_PENDING_GLOBAL + 5):
        session.tick(now)
        now += 16  # silent for so long that it is asked
        session.tick(now)
        puppet.say(m.GlobalRequest("still-here@example.com", False))
    assert puppet.failure is None
    assert len(puppet.heard(80)) == MAX_PENDING_GLOBAL
    for _ in range(MAX_PENDING_GLOBAL):
        puppet.say(m.RequestFailure())
    assert session.info.ignored == 0
