"""The connection layer against a peer that breaks its rules, and against one that keeps them to the edge."""

from __future__ import annotations

import itertools

import pytest

from jupyter_ssh.ssh.errors import (
    ChannelClosed,
    ChannelError,
    ChannelOpenError,
    ConnectionClosed,
    ProtocolError,
    SSHError,
    WindowError,
    WireError,
)
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import MAX_PENDING_REPLIES, Channel
from jupyter_ssh.ssh.protocol.connection import MAX_PENDING_GLOBAL
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.window import INITIAL_WINDOW, MAX_UINT32
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import string, uint32
from tests.pair.pairing import Pair, suite
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData, ChannelExtendedData

THEIRS = 77
"""The puppet's number of its channel."""


def with_channel(role: Role, *, ours: bool = False, window: int = 1000, settings: Settings | None = None) -> Puppet:
    """A puppet with one open channel, opened by it or (``ours``) by the subject; the subject's number is 0."""
    puppet = Puppet(role, settings=settings).to_open()
    if ours:
        puppet.subject.open()
        puppet.hear()
        puppet.say(m.ChannelOpenConfirmation(0, THEIRS, window, 1000))
    else:
        puppet.say(m.ChannelOpen("session", THEIRS, window, 1000))
    assert puppet.subject.channels[0].open
    return puppet


def channel_of(puppet: Puppet) -> Channel:
    return puppet.subject.channels[0]


OTHER = 5
"""A number no channel has."""

WRONG: dict[str, tuple[list[m.Message | bytes], type[SSHError]]] = {
    "data for nobody": ([ChannelData(OTHER, b"x")], ProtocolError),
    "stderr for nobody": ([ChannelExtendedData(OTHER, 1, b"x")], ProtocolError),
    "eof for nobody": ([m.ChannelEof(OTHER)], ProtocolError),
    "close for nobody": ([m.ChannelClose(OTHER)], ProtocolError),
    "its own number": ([ChannelData(THEIRS, b"x")], ProtocolError),
    "data after close": ([m.ChannelClose(0), ChannelData(0, b"x")], ProtocolError),
    "eof after close": ([m.ChannelClose(0), m.ChannelEof(0)], ProtocolError),
    "two closes": ([m.ChannelClose(0), m.ChannelClose(0)], ProtocolError),
    "confirmation not asked for": ([m.ChannelOpenConfirmation(0, 1, 1, 1)], ProtocolError),
    "confirmation for nobody": ([m.ChannelOpenConfirmation(OTHER, 1, 1, 1)], ProtocolError),
    "refusal not asked for": ([m.ChannelOpenFailure(0, 1)], ProtocolError),
    "open without room in a packet": ([m.ChannelOpen("session", 1, 100, 0)], ProtocolError),
    "window overflow at once": ([m.ChannelWindowAdjust(0, MAX_UINT32)], WindowError),
    "window overflow by one": ([m.ChannelWindowAdjust(0, MAX_UINT32 - 1000), m.ChannelWindowAdjust(0, 1)], WindowError),
    "data that says it is longer": ([b"\x5e" + uint32(0) + uint32(5) + b"1234"], ProtocolError),
    "data that says it is shorter": ([b"\x5e" + uint32(0) + uint32(3) + b"1234"], ProtocolError),
    "data without a length": ([b"\x5e" + uint32(0) + b"123"], ProtocolError),
    "data without anything": ([b"\x5e"], ProtocolError),
    "stderr that says it is longer": ([b"\x5f" + uint32(0) + uint32(1) + uint32(5) + b"1234"], ProtocolError),
    "stderr without a length": ([b"\x5f" + uint32(0) + uint32(1)], ProtocolError),
    "adjust that is short": ([b"\x5d" + uint32(0) + b"123"], ProtocolError),
    "adjust that is long": ([b"\x5d" + uint32(0) + uint32(5) + b"1"], ProtocolError),
    "eof that is long": ([b"\x60" + uint32(0) + b"1"], WireError),
    "close that is short": ([b"\x61" + b"\0\0\0"], WireError),
    "request without a name": ([b"\x62" + uint32(0)], WireError),
    "request without want_reply": ([b"\x62" + uint32(0) + string("exec")], WireError),
    "open that ends early": ([b"\x5a" + string("session") + uint32(1) + uint32(1)], WireError),
    "global request that is none": ([b"\x50" + uint32(99)], WireError),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("role", Role)
def test_what_no_peer_may_send(role: Role, case: str) -> None:
    messages, kind = WRONG[case]
    puppet = with_channel(role)
    for message in messages[:-1]:
        puppet.say(message)
        assert puppet.failure is None
    puppet.say(messages[-1])
    failure = puppet.failure
    assert isinstance(failure, kind)
    assert failure.phase
    assert failure.next_step
    assert isinstance(puppet.last(m.Disconnect), m.Disconnect)
    assert [event.error for event in puppet.subject.of(e.ChannelClosed)][-1:] in ([failure], [None])
    assert puppet.subject.session.connection.channels == {}


@pytest.mark.parametrize("role", Role)
def test_a_window_to_the_last_byte_and_one_more(role: Role) -> None:
    for stderr in (False, True):
        puppet = with_channel(role)
        puppet.subject.credit = False
        left = INITIAL_WINDOW
        while left:
            size = min(left, 200_000)
            puppet.say(ChannelExtendedData(0, 1, bytes(size)) if stderr else ChannelData(0, bytes(size)))
            left -= size
        assert puppet.failure is None
        assert len(puppet.subject.data + puppet.subject.stderr) == INITIAL_WINDOW
        puppet.say(ChannelData(0, b""))
        assert puppet.failure is None
        puppet.say(ChannelData(0, b"x"))
        assert isinstance(puppet.failure, WindowError)
        assert puppet.failure.expected == "at most 0 bytes"


@pytest.mark.parametrize("role", Role)
def test_a_window_up_to_the_largest_number(role: Role) -> None:
    puppet = with_channel(role)
    puppet.say(m.ChannelWindowAdjust(0, MAX_UINT32 - 1000))
    assert puppet.failure is None
    assert channel_of(puppet).peer_window == MAX_UINT32


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("ours", [True, False])
def test_a_window_of_nothing(role: Role, ours: bool) -> None:
    puppet = with_channel(role, ours=ours, window=0)
    channel = channel_of(puppet)
    channel.write(b"abc")
    channel.write(b"")
    assert puppet.hear() == []
    assert channel.unsent == 3
    assert puppet.say(m.ChannelWindowAdjust(0, 2)) == [ChannelData(THEIRS, b"ab").encode()]
    assert puppet.say(m.ChannelWindowAdjust(0, 0)) == []
    channel.eof()
    assert puppet.say(m.ChannelWindowAdjust(0, 9)) == [
        ChannelData(THEIRS, b"c").encode(),
        m.ChannelEof(THEIRS).encode(),
    ]
    assert len(puppet.subject.of(e.ChannelWritable)) == 1


@pytest.mark.parametrize("role", Role)
def test_packets_as_small_as_the_peer_wants_them(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.say(m.ChannelOpen("session", THEIRS, 100, 2))
    channel_of(puppet).write(b"abcde")
    channel_of(puppet).write(b"fgh", 1)
    data = [payload for payload in puppet.hear() if payload[0] in (94, 95)]
    assert [payload[5:] for payload in data[:3]] == [string("ab"), string("cd"), string("e")]
    assert [payload[5:] for payload in data[3:]] == [uint32(1) + string("fg"), uint32(1) + string("h")]


@pytest.mark.parametrize("role", Role)
def test_a_confirmation_without_room_in_a_packet(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.subject.open()
    puppet.hear()
    puppet.say(m.ChannelOpenConfirmation(0, THEIRS, 1000, 0))
    assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
def test_messages_for_a_channel_that_is_still_opening(role: Role) -> None:
    for message in (m.ChannelEof(0), m.ChannelClose(0)):
        puppet = Puppet(role).to_open()
        puppet.subject.open()
        puppet.hear()
        puppet.say(message)
        assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
def test_messages_for_a_channel_that_nobody_accepted_yet(role: Role) -> None:
    for message in (m.ChannelEof(0), m.ChannelOpenConfirmation(0, 1, 1, 1), m.ChannelOpenFailure(0, 1)):
        puppet = Puppet(role).to_open()
        puppet.subject.react = lambda event: None
        puppet.say(m.ChannelOpen("session", THEIRS, 1000, 1000))
        puppet.say(message)
        assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
def test_extended_data_of_unknown_kinds_is_handed_on(role: Role) -> None:
    puppet = with_channel(role)
    heard: list[tuple[bytes, int | None]] = []
    channel_of(puppet).on_data = lambda data, code: heard.append((data, code))
    for code in (0, 1, 2, 0xFFFFFFFF):
        puppet.say(ChannelExtendedData(0, code, b"x"))
    assert heard == [(b"x", code) for code in (0, 1, 2, 0xFFFFFFFF)]


# --- open, refuse, close ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_numbers_are_used_again(role: Role) -> None:
    puppet = Puppet(role).to_open()
    for turn in range(20):
        # The puppet's number may be the same or another; ours is free again each time.
        puppet.say(m.ChannelOpen("session", turn % 3, 1000, 1000))
        confirmation = puppet.last(m.ChannelOpenConfirmation)
        assert isinstance(confirmation, m.ChannelOpenConfirmation)
        assert (confirmation.recipient, confirmation.sender) == (turn % 3, 0)
        puppet.say(ChannelData(0, bytes([turn])))
        assert puppet.say(m.ChannelClose(0)) == [m.ChannelClose(turn % 3).encode()]
    assert puppet.subject.data == bytes(range(20))
    assert puppet.failure is None


@pytest.mark.parametrize("role", Role)
def test_more_channels_than_allowed_are_refused(role: Role) -> None:
    puppet = Puppet(role, settings=Settings(suite(), max_channels=3)).to_open()
    for number in range(5):
        puppet.say(m.ChannelOpen("session", number, 1000, 1000))
    refusals = [m.ChannelOpenFailure.decode(payload, 1) for payload in puppet.heard(92)]
    assert [(refusal.recipient, refusal.reason) for refusal in refusals] == [(3, 4), (4, 4)]
    with pytest.raises(ChannelOpenError) as caught:
        puppet.subject.open()
    assert caught.value.reason == n.SSH_OPEN_RESOURCE_SHORTAGE
    puppet.say(m.ChannelClose(1))
    puppet.say(m.ChannelOpen("session", 9, 1000, 1000))
    assert puppet.failure is None
    assert sorted(puppet.subject.session.connection.channels) == [0, 1, 2]


@pytest.mark.parametrize("role", Role)
def test_a_refused_channel_is_forgotten(role: Role) -> None:
    puppet = Puppet(role).to_open()
    channel = puppet.subject.open("direct-tcpip", b"details")
    assert puppet.hear() == [m.ChannelOpen("direct-tcpip", 0, INITIAL_WINDOW, 32768, b"details").encode()]
    puppet.say(m.ChannelOpenFailure(0, 2, "nobody home"))
    assert puppet.subject.channel_events == [e.ChannelRefused(2, "nobody home")]
    assert puppet.subject.session.connection.channels == {}
    with pytest.raises(ChannelClosed):
        channel.write(b"x")


@pytest.mark.parametrize("role", Role)
def test_we_refuse_a_channel(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.subject.react = lambda event: event.channel.refuse(1, "not here")
    assert puppet.say(m.ChannelOpen("x11", THEIRS, 1, 1)) == [m.ChannelOpenFailure(THEIRS, 1, "not here").encode()]
    assert puppet.subject.session.connection.channels == {}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("how", ["close", "abort"])
def test_whoever_asked_leaves_before_the_channel_is_open(role: Role, how: str) -> None:
    puppet = Puppet(role).to_open()
    channel = puppet.subject.open()
    getattr(channel, how)()
    getattr(channel, how)()
    puppet.hear()
    assert puppet.say(m.ChannelOpenConfirmation(0, THEIRS, 1000, 1000)) == [m.ChannelClose(THEIRS).encode()]
    puppet.say(ChannelData(0, b"too late"), m.ChannelClose(0))
    assert puppet.subject.channel_events == [e.ChannelClosed(None)]
    assert puppet.subject.data == b""
    assert puppet.subject.session.connection.channels == {}


PEER_STEPS: dict[str, m.Message] = {
    "data": ChannelData(0, b"x"),
    "eof": m.ChannelEof(0),
    "close": m.ChannelClose(0),
    "request": m.ChannelRequest(0, "x", True),
    "adjust": m.ChannelWindowAdjust(0, 5),
}
OUR_STEPS = ("our eof", "our close", "our abort")


def valid(steps: tuple[str, ...]) -> bool:
    """Whether a peer may do that, or is forgiven: nothing may follow its close (RFC 4254 §5.3) that OpenSSH would end
    the connection for."""
    seen: set[str] = set()
    for step in steps:
        if step in PEER_STEPS:
            if "close" in seen and step not in ("adjust", "request"):
                return False
            seen.add(step)
    return True


@pytest.mark.parametrize("role", Role)
def test_eof_close_and_data_in_every_order_from_both_sides(role: Role) -> None:
    count = 0
    puppet = Puppet(role).to_open()
    for size in range(1, 5):
        some = ("data", "eof", "close", "our eof", "our close")
        for steps in itertools.product((*PEER_STEPS, *OUR_STEPS) if size < 4 else some, repeat=size):
            if not valid(steps[:-1]):
                continue
            count += 1
            if puppet.failure is not None:
                puppet = Puppet(role).to_open()
            puppet.subject.channels.clear()
            puppet.subject.channel_events.clear()
            puppet.inbox.clear()
            puppet.say(m.ChannelOpen("session", THEIRS, 1000, 1000))
            channel = channel_of(puppet)
            for step in steps:
                if step in PEER_STEPS:
                    puppet.say(PEER_STEPS[step])
                else:
                    getattr(channel, step.removeprefix("our "))()
                    puppet.hear()
            assert (puppet.failure is None) is valid(steps), steps
            # Whatever happened, we say eof and close at most once, and nothing behind our close.
            said = [payload[0] for payload in puppet.inbox if payload[0] in range(93, 101)]
            assert said.count(n.SSH_MSG_CHANNEL_CLOSE) == int(not {"close", "our close", "our abort"}.isdisjoint(steps))
            assert said.count(n.SSH_MSG_CHANNEL_EOF) <= 1
            if n.SSH_MSG_CHANNEL_CLOSE in said:
                assert said[-1] == n.SSH_MSG_CHANNEL_CLOSE, steps
            if puppet.failure is None:
                if "close" not in steps:
                    channel.abort()
                    puppet.say(m.ChannelClose(0))
                assert puppet.subject.channel_events[-1] == e.ChannelClosed(None)
                assert puppet.subject.session.connection.channels == {}
            assert len(puppet.subject.of(e.ChannelClosed)) == 1
    assert count > 600


def test_an_adjust_behind_our_close_is_never_sent() -> None:
    """A peer that has seen our close has forgotten the channel, and would end the connection over it."""
    pair = Pair(Settings(suite()), Settings(suite()))
    ours, theirs = pair.opened()
    other = pair.client.open()
    pair.run()
    theirs.write(bytes(INITIAL_WINDOW))
    pair.collect()
    ours.abort()  # like a command that is interrupted while it floods
    pair.run()
    pair.raise_failures()
    assert list(pair.client.session.connection.channels.values()) == [other]
    ours.credit(INITIAL_WINDOW)  # bytes that were read late
    pair.run()
    pair.raise_failures()


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_replies_belong_to_requests_in_order(role: Role) -> None:
    puppet = with_channel(role)
    told: list[tuple[int, bool]] = []
    for number in range(4):
        channel_of(puppet).request(f"r{number}", b"", lambda success, number=number: told.append((number, success)))
    channel_of(puppet).request("no-answer-wanted")
    puppet.hear()
    puppet.say(m.ChannelSuccess(0), m.ChannelFailure(0), m.ChannelSuccess(0))
    assert told == [(0, True), (1, False), (2, True)]
    puppet.say(m.ChannelClose(0))
    assert told[3:] == [(3, False)]


@pytest.mark.parametrize("role", Role)
def test_requests_that_nobody_answers_are_bounded(role: Role) -> None:
    """On both sides: those the peer makes, and those we make."""
    puppet = with_channel(role)
    channel = channel_of(puppet)
    for _ in range(MAX_PENDING_REPLIES):
        channel.request("x", b"", lambda success: None)
    with pytest.raises(ChannelError):
        channel.request("x", b"", lambda success: None)
    puppet.hear()
    channel.on_event = lambda event: None
    for _ in range(MAX_PENDING_REPLIES):
        puppet.say(m.ChannelRequest(0, "x", True))
    assert puppet.failure is None
    puppet.say(m.ChannelRequest(0, "x", True))
    assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
def test_answers_to_requests_that_were_not_made_are_not_sent(role: Role) -> None:
    puppet = with_channel(role)
    channel_of(puppet).reply(True)
    assert puppet.hear() == []


@pytest.mark.parametrize("role", Role)
def test_a_signal_passes_a_full_window(role: Role) -> None:
    puppet = with_channel(role, window=0)
    channel = channel_of(puppet)
    channel.write(b"stuck")
    channel.request("signal", string("INT"))
    channel.eof()
    assert puppet.hear() == [m.ChannelRequest(THEIRS, "signal", False, string("INT")).encode()]


@pytest.mark.parametrize("role", Role)
def test_requests_and_writes_after_the_end(role: Role) -> None:
    puppet = with_channel(role)
    channel = channel_of(puppet)
    channel.eof()
    with pytest.raises(ChannelClosed):
        channel.write(b"x")
    channel.request("still-allowed")
    channel.close()
    for action in (lambda: channel.write(b"x"), lambda: channel.request("x")):
        with pytest.raises(ChannelClosed):
            action()


@pytest.mark.parametrize("role", Role)
def test_global_requests_both_ways(role: Role) -> None:
    puppet = Puppet(role).to_open()
    connection = puppet.subject.session.connection
    told: list[bytes | None] = []
    connection.request_global("first", b"1", told.append)
    connection.request_global("second", b"2")
    connection.request_global("third", b"", told.append)
    assert puppet.hear() == [
        m.GlobalRequest("first", True, b"1").encode(),
        m.GlobalRequest("second", False, b"2").encode(),
        m.GlobalRequest("third", True).encode(),
    ]
    puppet.say(m.RequestSuccess(b"port"), m.RequestFailure())
    assert told == [b"port", None]
    asked: list[e.GlobalRequested] = []
    puppet.subject.react = asked.append  # type: ignore[assignment]
    assert puppet.say(m.GlobalRequest("a", True, b"x"), m.GlobalRequest("b", False)) == []
    assert asked == [e.GlobalRequested("a", True, b"x"), e.GlobalRequested("b", False, b"")]
    asked[0].answer(b"yes")
    asked[0].answer(b"twice")
    asked[1].answer(b"nobody asked")
    assert puppet.hear() == [m.RequestSuccess(b"yes").encode()]


@pytest.mark.parametrize("role", Role)
def test_answers_to_global_requests_keep_the_order_of_the_requests(role: Role) -> None:
    puppet = Puppet(role).to_open()
    asked: list[e.GlobalRequested] = []
    puppet.subject.react = asked.append  # type: ignore[assignment]
    puppet.say(*(m.GlobalRequest(name, True) for name in ("slow", "quick", "slower", "last")))
    slow, quick, slower, last = asked
    quick.answer(b"2")
    last.answer(b"4")
    assert puppet.hear() == []
    slow.answer(None)
    assert puppet.hear() == [m.RequestFailure().encode(), m.RequestSuccess(b"2").encode()]
    slower.answer(b"3")
    assert puppet.hear() == [m.RequestSuccess(b"3").encode(), m.RequestSuccess(b"4").encode()]


@pytest.mark.parametrize("role", Role)
def test_global_requests_that_nobody_answers_are_bounded(role: Role) -> None:
    puppet = Puppet(role).to_open()
    connection = puppet.subject.session.connection
    for _ in range(MAX_PENDING_GLOBAL):
        connection.request_global("x", on_reply=lambda details: None)
    with pytest.raises(ProtocolError):
        connection.request_global("x", on_reply=lambda details: None)
    puppet.hear()
    puppet.subject.react = lambda event: None
    for _ in range(MAX_PENDING_GLOBAL):
        puppet.say(m.GlobalRequest("x", True))
    assert puppet.failure is None
    puppet.say(m.GlobalRequest("x", True))
    assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
def test_no_channels_before_the_login(role: Role) -> None:
    """At any moment before it, those of the first key exchange included."""
    puppet = Puppet(role, login=False)
    steps = [
        lambda: None,
        puppet.greet,
        puppet.send_kexinit,
        puppet.send_exchange,
        puppet.send_newkeys,
    ]
    for step in steps:
        step()
        with pytest.raises(ConnectionClosed):
            puppet.subject.open()
    assert puppet.failure is None


def test_channels_take_turns() -> None:
    """A bulk transfer does not keep those that came after it from sending."""
    pair = Pair(Settings(suite()), Settings(suite()))
    bulk, _ = pair.opened()
    others = [pair.client.open() for _ in range(5)]
    pair.run()
    session = pair.client.session
    session.pause()
    bulk.write(bytes(1_900_000))
    for channel in others:
        channel.write(b"key" * 1000)
    session.resume()
    first = session.data_to_send()
    assert sum(map(len, first)) < 1_200_000
    pair.server.session.feed(b"".join(first))
    keys = pair.server.data.count(b"key")
    assert keys == 5000


def test_the_last_in_line_comes_first_the_next_time() -> None:
    """So many bulk transfers that one turn of the network does not serve them all."""
    pair = Pair(Settings(suite()), Settings(suite()))
    pair.opened()
    channels = [pair.client.open() for _ in range(20)]
    pair.run()
    session = pair.client.session
    session.pause()
    for channel in channels:
        channel.write(bytes(1_000_000))
    session.resume()
    served = []
    for _ in range(3):
        before = [channel.unsent for channel in channels]
        pair.server.session.feed(b"".join(session.data_to_send()))
        served.append({number for number, channel in enumerate(channels) if channel.unsent < before[number]})
    assert {number for number, channel in enumerate(channels) if channel.unsent < 1_000_000} == set(range(20))
    pair.run()
    pair.raise_failures()
    assert len(pair.server.data) == 20_000_000
