"""The peer dies wherever its bytes end: the session ends with a typed error, and everyone who waits is told, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.errors import (
    ChannelClosed,
    ConnectionClosed,
    ConnectionLost,
    DisconnectedByPeer,
    SSHError,
    VersionError,
)
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import KeepAlive, Settings
from tests.pair.pairing import End, Pair, suite
from tests.pair.puppet import Puppet
from tests.pair.scenario import Recording, told_end


def assert_over(end: End, error: type[SSHError]) -> None:
    """The session is over, everybody knows, and nothing more can be begun."""
    session = end.session
    assert isinstance(session.failure, error)
    assert session.failure.phase
    assert session.failure.next_step or error is DisconnectedByPeer
    assert end.of(e.Closed) == [e.Closed(session.failure)]
    assert isinstance(end.events[-1], e.Closed)
    assert session.connection.channels == {}
    assert session.next_tick() is None
    for channel in end.channels:
        with pytest.raises(ChannelClosed):
            channel.write(b"x")
        with pytest.raises(ChannelClosed):
            channel.request("exec")
        channel.eof()
        channel.close()
        channel.abort()
        channel.credit(10)
    with pytest.raises(ConnectionClosed):
        session.open_channel("session", b"", lambda event: None, lambda data, code: None)
    with pytest.raises(ConnectionClosed):
        session.connection.request_global("x", on_reply=lambda details: None)
    session.data_to_send()
    session.rekey()
    session.pause()
    session.resume()
    session.tick(1e9)
    session.disconnect()
    session.feed(b"x" * 100)
    session.feed_eof()
    assert session.data_to_send() == []
    assert end.of(e.Closed) == [e.Closed(session.failure)]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("cipher", ["gcm", "ctr-eam"])
def test_the_stream_ends(cipher: str, role: Role) -> None:
    recording = Recording(cipher)
    data = recording.received[role]
    for position in recording.places[role]:
        end, _ = told_end(role, recording.settings(role))
        end.session.feed(data[:position])
        if end.session.failure is not None:
            # The client says goodbye before the server's last bytes are there.
            assert role is Role.CLIENT
            assert position > len(data) - 100
            continue
        early = end.session.phase is Phase.VERSION
        end.session.feed_eof()
        closed = [event for event in end.channel_events if isinstance(event, e.ChannelClosed)]
        assert len(closed) == len(end.channels)
        assert_over(end, VersionError if early else ConnectionLost)


@pytest.mark.parametrize("role", Role)
def test_silence_after_the_login(role: Role) -> None:
    recording = Recording("gcm")
    data = recording.received[role]
    silent = 0
    for position in recording.places[role]:
        end, _ = told_end(role, replace(recording.settings(role), keepalive=KeepAlive(10, 2)))
        end.session.feed(data[:position])
        if not end.session.logged_in or end.session.failure is not None:
            continue
        now = 0.0
        end.session.tick(now)
        while (due := end.session.next_tick()) is not None:
            assert due > now
            now = due
            end.session.tick(now)
        assert 30 <= now <= 50
        assert_over(end, ConnectionLost)
        silent += 1
    assert silent > 200


@pytest.mark.parametrize("how", ["eof", "disconnect", "bad packet", "here"])
def test_everyone_who_waits_is_told(how: str) -> None:
    pair = Pair(Settings(suite()), Settings(suite()))
    ours, _ = pair.opened()
    pair.server.react_channel = lambda channel, event: None
    told: list[object] = []
    # Nothing of this is answered: the server is not run again.
    ours.request("exec", b"", told.append)
    ours.request("signal", b"", told.append)
    pair.client.session.connection.request_global("x", on_reply=told.append)
    opening = pair.client.open()
    ours.write(bytes(10_000_000))
    assert ours.unsent
    if how == "eof":
        pair.client.session.feed_eof()
    elif how == "here":
        pair.client.session.disconnect()
    elif how == "disconnect":
        pair.server.session.disconnect(2, "enough")
        pair.client.session.feed(b"".join(pair.server.session.data_to_send()))
    else:
        pair.client.session.feed(bytes(64))
    assert told == [False, False, None]
    assert len(pair.client.of(e.ChannelClosed)) == 2
    assert ours.unsent == 0
    assert not opening.open
    expected = {"eof": ConnectionLost, "disconnect": DisconnectedByPeer, "here": ConnectionClosed}
    assert isinstance(pair.client.session.failure, expected.get(how, SSHError))
    if how == "disconnect":
        assert "'enough'" in str(pair.client.session.failure)


def test_everyone_is_told_even_if_one_of_them_raises() -> None:
    pair = Pair(Settings(suite()), Settings(suite()))
    pair.opened()
    told: list[object] = []

    def raises(*_: object) -> None:
        told.append("raised")
        raise RuntimeError("an owner's mistake")

    ours = [pair.client.open(), pair.client.open()]
    pair.run()
    for channel in ours:
        channel.request("x", b"", raises)
        channel.request("y", b"", told.append)
        channel.on_event = raises
    pair.client.session.connection.request_global("x", on_reply=raises)
    pair.client.session.connection.request_global("y", on_reply=told.append)
    with pytest.raises(RuntimeError):
        pair.client.session.feed_eof()
    assert told == ["raised", False, "raised"] * 2 + ["raised", None]
    assert len(pair.client.of(e.ChannelClosed)) == 1
    assert len(pair.client.of(e.Closed)) == 1


def test_a_channel_that_nobody_accepted_yet_ends_with_the_session() -> None:
    puppet = Puppet(Role.SERVER)
    pending = []
    puppet.subject.react = lambda event: (
        pending.append(event.channel) if isinstance(event, e.ChannelOpenRequested) else puppet.subject.accept_all(event)
    )
    puppet.to_open()
    pair_channel = b"\x5a" + b"\0\0\0\7session" + (5).to_bytes(4, "big") + (1000).to_bytes(4, "big") * 2
    puppet.say(pair_channel)
    puppet.subject.session.feed_eof()
    with pytest.raises(ChannelClosed):
        pending[0].accept()
    pending[0].refuse(1, "too late")
    assert puppet.hear() == []


def test_decisions_after_the_end_do_nothing() -> None:
    """A server's owner may look a password up for a while; the client is gone by then."""
    pair = Pair(Settings(suite()), Settings(suite()))
    pair.server.login = False
    pair.run()
    pair.server.session.feed_eof()
    auth = pair.server.auth
    auth.accept()
    auth.reject(["password"])
    auth.key_acceptable()
    auth.demand_new_password("new")
    auth.ask("", "", [("Password: ", False)])
    assert pair.server.session.phase is Phase.CLOSED
    assert not pair.server.of(e.Authenticated)
    assert pair.server.session.data_to_send() == []


def test_an_answer_about_the_host_key_after_the_end_does_nothing() -> None:
    pair = Pair(Settings(suite()), Settings(suite()), login=False).run()
    assert pair.client.of(e.HostKeyOffered)
    pair.client.session.feed_eof()
    pair.client.session.accept_host_key()
    assert pair.client.session.data_to_send() == []
    assert isinstance(pair.client.session.failure, ConnectionLost)
