"""What a server says of how a command ended."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.client.session_channel import SessionChannel
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire.requests import ExitSignal


class Host:
    """Opens channels that nobody answers."""

    def __init__(self) -> None:
        self.changes = Changes("connection", "box")

    def open_channel(self, kind: str, details: bytes = b"") -> Any:
        return SimpleNamespace(number=0, credit=lambda count: None, eof=lambda: None)

    def rest(self) -> None:
        """There is nothing to rest from."""


async def test_a_signal_whose_name_would_steer_a_terminal() -> None:
    host: Any = Host()
    session = SessionChannel(host, "true")
    details = ExitSignal("KILL\x1b]0;x\x07" + "!" * 1000, False, "gone\x1b[2J").encode()
    session.on_request(e.ChannelRequested("exit-signal", False, details))
    assert session.exit_signal is not None
    assert session.exit_signal.startswith("KILL?]0;x?")
    assert len(session.exit_signal) == 64
    assert session.exit_message == "gone?[2J"


@pytest.mark.parametrize(
    "details", [b"", b"\0\0\0\4KILL", b"\0\0\0\4KILL\0\0\0\0\0", b"KILL", b"\0\0\0\4KILL\0" + bytes(9)]
)
async def test_a_signal_that_cannot_be_read_is_passed_over(details: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """OpenSSH does not read it either: it is no reason to end the connection."""
    host: Any = Host()
    session = SessionChannel(host, "true")
    with caplog.at_level(logging.DEBUG, "jupyter_ssh"):
        assert session.on_request(e.ChannelRequested("exit-signal", True, details)) is False
    assert "an exit-signal that cannot be read is ignored" in caplog.text
    assert session.exit_signal is None
    session.on_request(e.ChannelRequested("exit-status", False, b"\0\0\0\3"))
    assert session.exit_status == 3
