"""What a channel needs of the connection that it belongs to, in either role."""

from __future__ import annotations

from typing import Protocol

from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.errors import ChannelOpenError, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel, DataHandler, EventHandler
from jupyter_ssh.ssh.wire.numbers import OPEN_FAILURE_NAMES


class ChannelHost(Protocol):
    """A connection, as its channels see it."""

    @property
    def changes(self) -> Changes:
        """What the connection tells of itself, and what its channels tell too."""

    @property
    def peer_version(self) -> str:
        """The peer's identification string (RFC 4253 §4.2)."""

    def open_channel(self, kind: str, details: bytes, on_event: EventHandler, on_data: DataHandler) -> Channel:
        """Ask the peer for a channel; `ChannelOpened` or `ChannelRefused` follows.

        Raises:
            ConnectionClosed: The connection is over.
            ChannelOpenError: Too many channels are open.
        """

    def explain(self, error: SSHError) -> None:
        """Give an error what is known of the connection: for a client, the advice on what to do."""

    def rest(self) -> None:
        """Say that nobody is in a hurry for what is being received: see `SessionDriver.rest`."""


def refusal(host: ChannelHost, kind: str, event: e.ChannelRefused) -> ChannelOpenError:
    """Make the error for a channel that the peer refused (RFC 4254 §5.1)."""
    error = ChannelOpenError(
        f"the server refused a {kind} channel",
        phase="opening a channel",
        received=f"{OPEN_FAILURE_NAMES.get(event.reason, 'unknown reason')}: {event.description[:300]!r}",
    )
    error.kind, error.reason = kind, event.reason
    host.explain(error)
    return error
