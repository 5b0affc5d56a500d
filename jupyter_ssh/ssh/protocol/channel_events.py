"""What a channel tells its owner."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.errors import SSHError


class ChannelEvent:
    """Base of what a `Channel` tells."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ChannelOpened(ChannelEvent):
    """The peer confirmed the channel."""

    details: bytes


@dataclass(frozen=True, slots=True)
class ChannelRefused(ChannelEvent):
    """The peer refused the channel (RFC 4254 §5.1)."""

    reason: int
    description: str


@dataclass(frozen=True, slots=True)
class ChannelRequested(ChannelEvent):
    """A channel request; answer with `Channel.reply`, in order, when ``want_reply`` is set."""

    name: str
    want_reply: bool
    details: bytes


@dataclass(frozen=True, slots=True)
class ChannelEofReceived(ChannelEvent):
    """The peer sends no more data."""


@dataclass(frozen=True, slots=True)
class ChannelWritable(ChannelEvent):
    """All that was waiting to be sent has been sent."""


@dataclass(frozen=True, slots=True)
class ChannelClosed(ChannelEvent):
    """Both sides closed the channel, or the session ended with ``error``."""

    error: SSHError | None
