"""Gives an error what is known around it: how far the connection was, what the server said last, and the advice."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.client.report.advice import advise
from jupyter_ssh.ssh.client.report.failures import Failure
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import ConnectionLost, DeadlineExceeded, DisconnectedByPeer, SSHError
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.text import printable

MAX_SAID: Final = 1000
"""How many bytes of a server's last line an error repeats."""


def explain(error: SSHError, options: Options, session: ClientSession | None = None, said: str = "") -> None:
    """Add to an error what is known around it; ``said`` is what the server said last, printable."""
    phase = next((phase for phase in Phase if phase.value == error.phase), None)
    if session is not None:
        error.packets = session.transport.packets.lines()
    if session is not None and isinstance(error, (ConnectionLost, DisconnectedByPeer, DeadlineExceeded)):
        transport = session.transport
        if isinstance(error, DeadlineExceeded) and transport.phase is Phase.VERSION:
            error.phase = Phase.VERSION.value
        lines = [printable(line[:MAX_SAID].decode("utf-8", "replace")) for line in transport.banner_lines[-1:]]
        if said or lines:
            error.received = "; ".join(filter(None, (error.received, f"the server said last: {said or lines[-1]!r}")))
    advise(Failure(error, options, phase))
