"""How round trips are noticed: by a ping or an unknown request where the peer is known to answer it, else silently."""

from __future__ import annotations

import enum

import pytest

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.probes import MAX_PINGS, Way
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.window import INITIAL_WINDOW, LONGEST
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.types import string
from tests.pair.pairing import Pair, suite
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData

MEGABYTE = 1024 * 1024
THEIRS = 9
ADJUST, REQUEST, PING = 93, 98, 192

PING_OFFERED = m.ExtInfo(1, string("ping@openssh.com") + string("0"))


def puppet_of(role: Role, greeting: str, *extensions: m.ExtInfo, probe: bool = True) -> tuple[Puppet, Channel]:
    """A puppet with this identification string, and the subject's open channel of the number 0."""
    settings = Settings(suite(), window_probe=probe)
    puppet = Puppet(role, settings=settings, greeting=greeting.encode()).to_service()
    puppet.say(*extensions)
    if role is Role.CLIENT:
        puppet.say(m.ServiceAccept("ssh-userauth"), m.UserauthSuccess())
        puppet.subject.open()
        puppet.hear()
        puppet.say(m.ChannelOpenConfirmation(0, THEIRS, 1000, 1000))
    else:
        puppet.say(m.ServiceRequest("ssh-userauth"), m.UserauthRequest("alice", "ssh-connection", "none"))
        puppet.say(m.ChannelOpen("session", THEIRS, 1000, 1000))
    return puppet, puppet.subject.channels[0]


def numbers_heard(puppet: Puppet, size: int = 6 * MEGABYTE) -> set[int]:
    """The numbers of what the subject answers to so much data."""
    numbers: set[int] = set()
    for _ in range(size // 32768):
        numbers |= {payload[0] for payload in puppet.say(ChannelData(0, bytes(32768)))}
    assert puppet.failure is None
    assert len(puppet.subject.data) == size
    return numbers


SAFE = [
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
    "SSH-1.99-OpenSSH_3.9p1",
    "SSH-2.0-OpenSSH_for_Windows_9.5",
    "SSH-2.0-dropbear_2022.83",
    "SSH-2.0-jupyter_ssh_0.1",
    "SSH-2.0-libssh_0.10.6",
    "SSH-2.0-AsyncSSH_2.24.1",
    "SSH-2.0-paramiko_3.4.0",
    "SSH-2.0-PuTTY_Release_0.78",
    "SSH-2.0-tinyssh_20230101-1 V8CR6Fuo",
]
UNKNOWN = ["SSH-2.0-Teleport", "SSH-2.0-Go", "SSH-2.0-Cisco-1.25", "SSH-2.0-x OpenSSH_9.2", "SSH-2.0-openssh_9.2"]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("greeting", SAFE)
def test_those_that_refuse_an_unknown_request_get_one(role: Role, greeting: str) -> None:
    puppet, _ = puppet_of(role, greeting)
    assert numbers_heard(puppet) == {ADJUST, REQUEST}
    assert [m.ChannelRequest.decode(payload, 1).name for payload in puppet.heard(REQUEST)] == [
        "window-probe@jupyter-ssh"
    ]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("greeting", UNKNOWN)
def test_all_others_get_no_message(role: Role, greeting: str) -> None:
    puppet, channel = puppet_of(role, greeting)
    assert numbers_heard(puppet) == {ADJUST}
    assert channel.window.size > INITIAL_WINDOW  # as after probes, while no clock runs


@pytest.mark.parametrize("greeting", UNKNOWN)
def test_a_window_stays_while_no_round_trip_is_known(greeting: str) -> None:
    """The first data after a pause says nothing about the line."""
    puppet, channel = puppet_of(Role.SERVER, greeting)
    now = 0.0
    puppet.subject.session.use_clock(lambda: now)
    for _ in range(4 * INITIAL_WINDOW // 32768):
        now += LONGEST
        puppet.say(ChannelData(0, bytes(32768)))
    assert puppet.failure is None
    assert channel.window.size == INITIAL_WINDOW


@pytest.mark.parametrize("greeting", [SAFE[0], UNKNOWN[0]])
def test_a_ping_goes_first_where_it_is_offered(greeting: str) -> None:
    puppet, channel = puppet_of(Role.CLIENT, greeting, PING_OFFERED)
    assert numbers_heard(puppet, 3 * MEGABYTE) == {ADJUST, PING}
    (payload,) = puppet.heard(PING)
    ping = m.Ping.decode(payload, 1)
    assert puppet.say(m.Pong(b"another"), m.Pong(b"")) == []
    assert channel.window.size == INITIAL_WINDOW
    (adjust,) = puppet.say(m.Pong(ping.data))
    assert m.ChannelWindowAdjust.decode(adjust, 1).count == channel.window.size - INITIAL_WINDOW > 0
    assert puppet.say(m.Pong(ping.data)) == []
    assert puppet.failure is None


def test_another_version_of_the_ping_is_not_sent() -> None:
    other = m.ExtInfo(1, string("ping@openssh.com") + string("1"))
    puppet, _ = puppet_of(Role.CLIENT, UNKNOWN[0], other)
    assert numbers_heard(puppet) == {ADJUST}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("extensions", [[], [PING_OFFERED]])
def test_it_can_be_forbidden(role: Role, extensions: list[m.ExtInfo]) -> None:
    puppet, _ = puppet_of(role, SAFE[0], *extensions, probe=False)
    assert numbers_heard(puppet) == {ADJUST}


def test_pings_of_two_channels_and_one_that_is_closed() -> None:
    puppet, first = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    second = puppet.subject.open()
    puppet.hear()
    puppet.say(m.ChannelOpenConfirmation(1, THEIRS + 1, 1000, 1000))
    for _ in range(80):
        puppet.say(ChannelData(0, bytes(32768)), ChannelData(1, bytes(32768)))
    pings = [m.Ping.decode(payload, 1).data for payload in puppet.heard(PING)]
    assert len(pings) == 2
    puppet.say(m.ChannelClose(0))
    assert puppet.say(m.Pong(pings[0])) == []
    (adjust,) = puppet.say(m.Pong(pings[1]))
    assert m.ChannelWindowAdjust.decode(adjust, 1).recipient == THEIRS + 1
    assert (first.window.size, second.window.size > INITIAL_WINDOW) == (INITIAL_WINDOW, True)


def test_unanswered_pings_are_bounded() -> None:
    puppet, _ = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    probes = puppet.subject.session.connection.probes
    told: list[int] = []
    for number in range(MAX_PINGS):
        assert probes.ping(lambda number=number: told.append(number))
    assert probes.way is Way.PING
    for number in range(5):
        assert not probes.ping(lambda number=number: told.append(number))
        assert probes.way is Way.SILENT
    puppet.hear()
    assert len(puppet.heard(PING)) == MAX_PINGS
    for payload in puppet.heard(PING):
        puppet.say(m.Pong(m.Ping.decode(payload, 1).data))
    assert told == []  # a channel may be measuring something else by now
    assert puppet.failure is None


def test_answered_pings_are_not_bounded() -> None:
    puppet, _ = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    probes = puppet.subject.session.connection.probes
    told: list[int] = []
    for number in range(MAX_PINGS + 5):
        assert probes.ping(lambda number=number: told.append(number))
        puppet.hear()
        puppet.say(m.Pong(m.Ping.decode(puppet.heard(PING)[-1], 1).data))
    assert told == list(range(MAX_PINGS + 5))
    assert probes.way is Way.PING


def test_an_answer_says_that_those_before_it_do_not_come() -> None:
    puppet, _ = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    probes = puppet.subject.session.connection.probes
    told: list[int] = []
    for number in range(4):
        probes.ping(lambda number=number: told.append(number))
    puppet.hear()
    pings = [m.Ping.decode(payload, 1).data for payload in puppet.heard(PING)]
    for number in (2, 0, 1, 2, 3):
        puppet.say(m.Pong(pings[number]))
    assert told == [2, 3]
    assert puppet.failure is None


class Answering(enum.Enum):
    """What a puppet that offers pings does with them."""

    NOTHING = enum.auto()
    WRONGLY = enum.auto()
    LATE = enum.auto()
    SECOND_ONLY = enum.auto()


@pytest.mark.parametrize("answering", Answering)
def test_windows_grow_although_pings_stay_unanswered(answering: Answering) -> None:
    """They grow as they do where none is sent: by what is used up within a round trip."""
    puppet, first = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    now = 0.0
    puppet.subject.session.use_clock(lambda: now)
    second = puppet.subject.open()
    puppet.hear()
    now += 0.1
    puppet.say(m.ChannelOpenConfirmation(1, THEIRS + 1, 1000, 1000))
    assert puppet.subject.session.connection.probes.way is Way.PING
    left = {0: INITIAL_WINDOW, 1: INITIAL_WINDOW}
    pings: list[bytes] = []
    for _ in range(8):
        said = [ChannelData(number, bytes(32768)) for number in left for _ in range(left[number] // 32768)]
        left = dict.fromkeys(left, 0)
        now += 0.1
        heard = puppet.say(*said)
        new = [m.Ping.decode(payload, 1).data for payload in heard if payload[0] == PING]
        pings += new
        pongs = {
            Answering.NOTHING: [],
            Answering.WRONGLY: [m.Pong(b"ping " + ping) for ping in new],
            Answering.LATE: [],
            Answering.SECOND_ONLY: [m.Pong(ping) for ping in new[1:]],
        }[answering]
        for payload in heard + puppet.say(*pongs):
            if payload[0] == ADJUST:
                adjust = m.ChannelWindowAdjust.decode(payload, 1)
                left[adjust.recipient - THEIRS] += adjust.count
    assert puppet.failure is None
    assert 2 <= len(pings) <= 4  # then it is given up
    assert first.window.size > 2 * INITIAL_WINDOW
    assert second.window.size > 2 * INITIAL_WINDOW
    if answering is Answering.LATE:
        now += 0.0001
        sizes = (first.window.size, second.window.size)
        shortest = puppet.subject.session.connection.round_trips.shortest
        assert puppet.say(*map(m.Pong, pings)) == []
        assert (first.window.size, second.window.size) == sizes
        assert puppet.subject.session.connection.round_trips.shortest == shortest


@pytest.mark.parametrize("greeting", [SAFE[0], UNKNOWN[0]])
def test_a_request_after_data_is_not_taken_for_the_end_of_a_short_round_trip(greeting: str) -> None:
    """A first request is held against the acceptance of its channel, not against a probe that began since."""
    puppet, _ = puppet_of(Role.SERVER, greeting)
    now = 0.0
    puppet.subject.session.use_clock(lambda: now)
    now = 0.2
    puppet.say(*[ChannelData(0, bytes(32768))] * (INITIAL_WINDOW // 32768 // 2))
    now += 0.0001
    puppet.say(m.ChannelRequest(0, "env", False, string("A") + string("1")))
    assert puppet.failure is None
    assert 0.2 <= puppet.subject.session.connection.round_trips.shortest < 1


def test_a_pong_that_is_none() -> None:
    puppet, _ = puppet_of(Role.CLIENT, SAFE[0], PING_OFFERED)
    puppet.say(b"\xc1\0\0")
    assert isinstance(puppet.failure, WireError)


@pytest.mark.parametrize(
    ("receiver", "request_first"), [(Role.CLIENT, True), (Role.SERVER, True), (Role.SERVER, False)]
)
def test_a_window_grows_without_a_message_while_it_is_what_limits(receiver: Role, request_first: bool) -> None:
    """The time of a round trip is known from the opening of the channel, or from the first message on it."""
    settings = Settings(suite(), window_probe=False)
    pair = Pair(settings, settings)
    now = 0.0
    for end in pair.ends:
        end.session.use_clock(lambda: now)
    pair.run()
    ours = pair.client.open()
    for _ in range(2):
        now += 0.05
        pair.step()
    if request_first:
        ours.request("exec", string("x"))
        for _ in range(2):
            now += 0.05
            pair.step()
    ends = (ours, pair.server.channels[-1])
    reads, writes = ends if receiver is Role.CLIENT else ends[::-1]
    writes.write(bytes(100 * MEGABYTE))
    while writes.unsent:
        now += 0.05
        pair.step()
    pair.raise_failures()
    assert reads.window.size > 4 * INITIAL_WINDOW
    pings = [packet for end in pair.ends for packet in end.session.transport.packets.packets() if packet.number == PING]
    assert pings == []
