"""What a server says of how a command ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jupyter_ssh.ssh.client.process import Process
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire.requests import ExitSignal


class Host:
    """Opens channels that nobody answers."""

    def open_channel(self, kind: str, details: bytes, on_event: Any, on_data: Any) -> Any:
        return SimpleNamespace(number=0, credit=lambda count: None)

    def rest(self) -> None:
        """There is nothing to rest from."""


async def test_a_signal_whose_name_would_steer_a_terminal() -> None:
    host: Any = Host()
    process = Process(host, "true")
    details = ExitSignal("KILL\x1b]0;x\x07" + "!" * 1000, False, "gone\x1b[2J").encode()
    process._on_request(e.ChannelRequested("exit-signal", False, details))
    assert process.exit_signal is not None
    assert process.exit_signal.startswith("KILL?]0;x?")
    assert len(process.exit_signal) == 64
    assert process.exit_message == "gone?[2J"
