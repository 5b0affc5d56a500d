"""Unexpected messages after the login: ignored as by OpenSSH, reported, counted and bounded."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import ProtocolError, StrayMessages, UnexpectedMessage
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import MAX_LATE
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.strays import MAX_STRAYS, SPAN
from jupyter_ssh.ssh.protocol.window import INITIAL_WINDOW
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.types import string, uint32
from tests.pair.channels.loopback import client_of, loopback, until
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData, ChannelExtendedData

THEIRS = 77
"""The puppet's number of its channel; the subject's is 0."""

OTHER = 5
"""A number no channel has."""

EXIT_STATUS = m.ChannelRequest(0, "exit-status", False, uint32(3))
CLOSE = m.ChannelClose(0)

STRAYS: dict[str, list[m.Message]] = {
    "request for nobody": [m.ChannelRequest(OTHER, "x", False)],
    "request for nobody that wants an answer": [m.ChannelRequest(OTHER, "x", True)],
    "success for nobody": [m.ChannelSuccess(OTHER)],
    "failure for nobody": [m.ChannelFailure(OTHER)],
    "adjust for nobody": [m.ChannelWindowAdjust(OTHER, 5)],
    "data after eof": [m.ChannelEof(0), ChannelData(0, b"x")],
    "no data after eof": [m.ChannelEof(0), ChannelData(0, b"")],
    "stderr after eof": [m.ChannelEof(0), ChannelExtendedData(0, 1, b"x")],
    "two ends of file": [m.ChannelEof(0), m.ChannelEof(0)],
    "exit status after close": [CLOSE, EXIT_STATUS],
    "request after close": [CLOSE, m.ChannelRequest(0, "x", True)],
    "success after close": [CLOSE, m.ChannelSuccess(0)],
    "failure after close": [CLOSE, m.ChannelFailure(0)],
    "success not asked for": [m.ChannelSuccess(0)],
    "failure not asked for": [m.ChannelFailure(0)],
    "global success not asked for": [m.RequestSuccess()],
    "global success with data": [m.RequestSuccess(b"data")],
    "global failure not asked for": [m.RequestFailure()],
}
"""The last message of each is the stray one."""


def with_channel(role: Role) -> Puppet:
    """A puppet with one open channel."""
    puppet = Puppet(role).to_open()
    puppet.say(m.ChannelOpen("session", THEIRS, 1000, 1000))
    assert puppet.subject.channels[0].open
    return puppet


@pytest.mark.parametrize("case", STRAYS)
@pytest.mark.parametrize("role", Role)
def test_it_is_ignored(role: Role, case: str) -> None:
    puppet = with_channel(role)
    *before, stray = STRAYS[case]
    puppet.say(*before)
    assert puppet.subject.session.info.ignored == 0
    told = len(puppet.subject.channel_events)
    assert puppet.say(stray) == []
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == 1
    ignored = puppet.subject.of(e.MessageIgnored)
    assert [event.number for event in ignored] == [stray.number]
    assert ignored[0].why
    assert len(puppet.subject.channel_events) == told
    assert puppet.subject.data + puppet.subject.stderr == b""
    # Another channel works as if nothing had happened.
    puppet.say(m.ChannelOpen("session", THEIRS + 1, 1000, 1000))
    ours = puppet.subject.channels[-1]
    puppet.say(ChannelData(ours.number, b"hello"))
    assert puppet.subject.data == b"hello"
    ours.write(b"yes")
    assert puppet.hear() == [ChannelData(THEIRS + 1, b"yes").encode()]


@pytest.mark.parametrize("role", Role)
def test_an_adjust_may_come_after_the_close(role: Role) -> None:
    """OpenSSH sends it regularly: both cross on their way, and a forward has thousands of channels a minute."""
    puppet = with_channel(role)
    puppet.say(m.ChannelOpen("session", THEIRS + 1, 1000, 1000))
    late = [m.ChannelWindowAdjust(0, 5), m.ChannelWindowAdjust(1, 5)]
    puppet.say(m.ChannelClose(1), CLOSE)
    for _ in range(MAX_STRAYS + 1):
        assert puppet.say(*late) == []
    puppet.subject.open()  # the number is used again
    puppet.hear()
    assert puppet.say(*late) == []
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == 0
    assert puppet.subject.of(e.MessageIgnored) == []
    puppet.say(m.ChannelWindowAdjust(2, 5))  # never used
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == 1


@pytest.mark.parametrize("role", Role)
def test_what_came_late_for_a_closed_channel_is_not_the_next_ones(role: Role) -> None:
    """Its number is used again at once, and the exit status may be that of the command before."""
    puppet = with_channel(role)
    puppet.say(CLOSE)
    puppet.subject.channel_events.clear()
    channel = puppet.subject.open()
    assert channel.number == 0
    puppet.hear()
    for stray in (EXIT_STATUS, m.ChannelSuccess(0), ChannelData(0, b"old"), ChannelExtendedData(0, 1, b"old")):
        assert puppet.say(stray) == []
    assert puppet.subject.channel_events == []
    puppet.say(m.ChannelOpenConfirmation(0, THEIRS, 1000, 1000), ChannelData(0, b"new"), CLOSE)
    assert [type(event) for event in puppet.subject.channel_events] == [e.ChannelOpened, e.ChannelClosed]
    assert (puppet.subject.data, puppet.subject.stderr) == (b"new", b"")
    assert puppet.subject.session.info.ignored == 4


@pytest.mark.parametrize("role", Role)
def test_data_after_eof_leaves_the_window_as_it_was(role: Role) -> None:
    """As in OpenSSH the peer may send as much again: it would else wait for that for ever, and never close."""
    puppet = with_channel(role)
    channel = puppet.subject.channels[0]
    puppet.say(m.ChannelEof(0))
    left = 3 * INITIAL_WINDOW
    granted = 0
    while left:
        answers = puppet.say(ChannelData(0, bytes(32768)), ChannelExtendedData(0, 1, bytes(32768)))
        granted += sum(m.ChannelWindowAdjust.decode(answer, 1).count for answer in answers)
        left -= 2 * 32768
    assert puppet.failure is None
    assert 2 * INITIAL_WINDOW < granted <= 3 * INITIAL_WINDOW
    assert channel.window.size == INITIAL_WINDOW
    assert puppet.subject.data + puppet.subject.stderr == b""
    assert puppet.say(CLOSE) == [m.ChannelClose(THEIRS).encode()]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("late", [ChannelData(0, b"x"), ChannelExtendedData(0, 1, b""), m.ChannelEof(0)])
def test_a_channel_that_does_not_stop_after_eof_is_closed_alone(role: Role, late: m.Message) -> None:
    puppet = with_channel(role)
    puppet.say(m.ChannelOpen("session", THEIRS + 1, 1000, 1000))
    first, second = puppet.subject.channels
    puppet.say(m.ChannelEof(0))
    first.write(bytes(2000))  # half of it waits, and is not waited for
    puppet.hear()
    for _ in range(MAX_LATE):
        assert puppet.say(late) == []
    assert puppet.say(late) == [m.ChannelClose(THEIRS).encode()]
    assert puppet.subject.session.info.ignored == MAX_LATE + 1
    # What is under way then is nothing to count, as after any close of ours.
    for _ in range(MAX_STRAYS + 1):
        assert puppet.say(ChannelData(0, b"x")) == []
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == MAX_LATE + 1
    assert puppet.subject.data + puppet.subject.stderr == b""
    assert puppet.say(CLOSE) == []
    assert isinstance(puppet.subject.channel_events[-1], e.ChannelClosed)
    puppet.say(ChannelData(1, b"hello"))
    assert puppet.subject.data == b"hello"
    assert second.open
    assert not second.close_sent


@pytest.mark.parametrize("role", Role)
def test_data_after_eof_and_our_close_is_only_under_way(role: Role) -> None:
    puppet = with_channel(role)
    puppet.say(m.ChannelEof(0))
    puppet.subject.channels[0].close()
    puppet.hear()
    assert puppet.say(ChannelData(0, b"x"), ChannelExtendedData(0, 1, b"x")) == []
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == 0


@pytest.mark.parametrize("role", Role)
def test_data_after_eof_is_not_more_than_the_window(role: Role) -> None:
    puppet = with_channel(role)
    puppet.subject.credit = False
    left = INITIAL_WINDOW
    while left:
        puppet.say(ChannelData(0, bytes(32768)))
        left -= 32768
    puppet.say(m.ChannelEof(0), ChannelData(0, b"x"))
    assert isinstance(puppet.failure, ProtocolError)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("stray", [m.ChannelFailure(OTHER), m.RequestFailure(), b"\7" + uint32(0)])
def test_there_are_not_too_many(role: Role, stray: m.Message | bytes) -> None:
    puppet = with_channel(role)
    for _ in range(MAX_STRAYS):
        puppet.say(stray)
    assert puppet.failure is None
    puppet.say(stray)
    failure = puppet.failure
    assert isinstance(failure, StrayMessages)
    assert failure.expected
    assert str(MAX_STRAYS) in failure.expected
    assert failure.received
    assert failure.next_step
    assert isinstance(puppet.last(m.Disconnect), m.Disconnect)
    assert puppet.subject.session.info.ignored == MAX_STRAYS + 1


def test_a_connection_may_be_old() -> None:
    """A server that slips with each command is borne for as long as the kernel runs."""
    puppet = with_channel(Role.CLIENT)
    now = 0.0
    puppet.subject.session.use_clock(lambda: now)
    for _ in range(3):
        for _ in range(MAX_STRAYS):
            puppet.say(m.ChannelFailure(OTHER))
        now += SPAN
    assert puppet.failure is None
    assert puppet.subject.session.info.ignored == 3 * MAX_STRAYS
    now -= 1
    for _ in range(MAX_STRAYS + 1):
        puppet.say(m.ChannelFailure(OTHER))
    assert isinstance(puppet.failure, StrayMessages)


@pytest.mark.parametrize("role", Role)
def test_nothing_is_ignored_before_the_login_or_while_keys_change(role: Role) -> None:
    for stray in (m.ChannelFailure(OTHER), m.RequestFailure(), m.ChannelRequest(OTHER, "x", False)):
        puppet = Puppet(role, login=role is Role.CLIENT).to_auth()
        assert puppet.subject.session.phase is Phase.AUTH
        puppet.say(stray)
        assert isinstance(puppet.failure, UnexpectedMessage)
        puppet = with_channel(role)
        puppet.send_kexinit()
        puppet.say(stray)
        assert isinstance(puppet.failure, UnexpectedMessage)
        assert puppet.subject.of(e.MessageIgnored) == []


@pytest.mark.parametrize("role", Role)
def test_what_is_no_message_is_not_forgiven(role: Role) -> None:
    """It has to be well-formed to be ignored, where its contents say that it is stray."""
    for broken in (b"\x62" + uint32(OTHER), b"\x63\0", b"\x64" + uint32(OTHER) + b"x", b"\x52x"):
        puppet = with_channel(role)
        puppet.say(broken)
        assert isinstance(puppet.failure, Exception), broken
        assert puppet.subject.of(e.MessageIgnored) == []


def test_an_answer_of_the_peer_is_not_kept_for_a_later_request() -> None:
    puppet = with_channel(Role.CLIENT)
    channel = puppet.subject.channels[0]
    told: list[bool] = []
    puppet.say(m.ChannelSuccess(0), m.RequestSuccess())
    channel.request("exec", string("x"), told.append)
    puppet.hear()
    assert told == []
    puppet.say(m.ChannelFailure(0))
    assert told == [False]


async def test_both_sides_log_it_and_the_commands_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "jupyter_ssh"):
        async with loopback(tmp_path) as (connection, server):
            ends = (connection.channel_host.session, client_of(server).session)
            for end in ends:
                end.transport.send(m.RequestFailure().encode())
                end.transport.send(m.ChannelSuccess(OTHER).encode())
            assert (await connection.run("echo hello")).stdout == b"hello\n"
            await until(lambda: all(end.info.ignored == 2 for end in ends))
    told = [record for record in caplog.records if "ignored" in record.message]
    assert {record.levelno for record in told} == {logging.DEBUG}
    texts = [record.message for record in told]
    for number, why in (
        ("SSH_MSG_REQUEST_FAILURE (82)", "without a"),
        ("SSH_MSG_CHANNEL_SUCCESS (99)", "for a channel"),
    ):
        assert sum(number in text and why in text for text in texts) == 2
    assert sum(text.startswith("the server sent ") for text in texts) == 2
