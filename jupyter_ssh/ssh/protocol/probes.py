"""How a channel learns that a round trip has passed: by a message that the peer answers at once, or without one."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.protocol.layers import MessageSender, Peer, payload_end
from jupyter_ssh.ssh.wire.messages import Ping, Pong
from jupyter_ssh.ssh.wire.types import uint32

PING: Final = "ping@openssh.com"
"""OpenSSH PROTOCOL §1.9: the peer answers SSH2_MSG_PING."""

ANSWER_REQUESTS: Final = (
    b"AsyncSSH_",
    b"dropbear_",
    b"jupyter_ssh_",
    b"libssh_",
    b"OpenSSH_",
    b"paramiko_",
    b"PuTTY_",
    b"tinyssh_",
)
"""How the software of identification strings begins that refuses an unknown channel request and does nothing else, as
RFC 4254 §5.4 demands.  Others exist that write to the channel and close it, or end the connection."""

MAX_PINGS: Final = 1024
"""How many pings may be unanswered."""


class Way(enum.Enum):
    """How round trips are noticed."""

    PING = "by a ping"
    REQUEST = "by an unknown channel request"
    SILENT = "by the time in which the peer uses up a window, without a message"


class Probes:
    """Chooses the `Way` for a peer, and sends the pings; ``allowed`` is whether to send anything."""

    __slots__ = ("_allowed", "_peer", "_pings", "_sender", "_sent", "_way")

    def __init__(self, peer: Peer, sender: MessageSender, *, allowed: bool) -> None:
        self._peer = peer
        self._sender = sender
        self._allowed = allowed
        self._way: Way | None = None
        self._pings: deque[tuple[bytes, Callable[[], None]]] = deque()
        self._sent = 0

    @property
    def way(self) -> Way:
        """The way for this peer; only to be read once a user is logged in, when all is known that it depends on."""
        if self._way is None:
            self._way = self._choose()
        return self._way

    def _choose(self) -> Way:
        if not self._allowed:
            return Way.SILENT
        if self._peer.extensions.get(PING) == b"0":
            return Way.PING
        software = self._peer.peer_version.split(b"-", 2)[-1]
        return Way.REQUEST if software.startswith(ANSWER_REQUESTS) else Way.SILENT

    def ping(self, on_answer: Callable[[], None]) -> bool:
        """Send a ping, and return whether it was sent; ``on_answer`` is called when its answer comes.

        If too many are unanswered, none is sent any more, see `give_up`.
        """
        if self._way is Way.SILENT:
            return False
        if len(self._pings) >= MAX_PINGS:
            self.give_up()
            return False
        self._sent = (self._sent + 1) % (1 << 32)
        data = uint32(self._sent)
        self._pings.append((data, on_answer))
        self._sender.send(Ping(data).encode())
        return True

    def on_pong(self, body: bytes) -> None:
        """Handle SSH2_MSG_PONG: the pings before the one it answers get none; one to no ping of ours is ignored."""
        data = Pong.decode(body, 2, payload_end(body)).data
        for before, (sent, on_answer) in enumerate(self._pings):
            if sent == data:
                for _ in range(before + 1):
                    self._pings.popleft()
                on_answer()
                return

    def give_up(self) -> None:
        """Do without messages from now on: the peer does not answer its pings.

        No answer is waited for any more: a channel goes on with the probe that it has begun, and silently.
        """
        self._way = Way.SILENT
        self._pings.clear()

    def forget(self) -> None:
        """Wait for no more answers: the session is over."""
        self._pings.clear()
