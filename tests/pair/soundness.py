"""What holds of an end whatever its peer sent: it goes on, or it ended by one typed error that all were told of."""

from __future__ import annotations

from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.protocol import events as e
from tests.pair.pairing import End

LONGEST_ERROR = 4000
"""Characters: no peer fills a screen with an error's text."""


def assert_sound(end: End) -> None:
    """The session goes on, or it ended by an error that everybody was told of."""
    session = end.session
    failure = session.failure
    closed = end.of(e.Closed)
    if failure is None:
        assert closed == []
        assert all(channel.window.available >= 0 <= channel.peer_window for channel in end.channels)
        return
    assert isinstance(failure, SSHError)
    assert closed == [e.Closed(failure)]
    assert str(failure)
    assert len(str(failure)) < LONGEST_ERROR
    assert session.connection.channels == {}


def finish(end: End) -> None:
    """The stream ends."""
    assert_sound(end)
    end.session.feed_eof()
    assert end.session.failure is not None
    assert_sound(end)
    end.session.data_to_send()
