"""The events of a channel."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.errors import SSHError


class ChannelEvent:
    """Base class of the events of a `Channel`."""

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
    """The peer will send no more data."""


@dataclass(frozen=True, slots=True)
class ChannelWritable(ChannelEvent):
    """All queued data has been sent."""


@dataclass(frozen=True, slots=True)
class ChannelClosed(ChannelEvent):
    """Both sides closed the channel, or the session ended with ``error``."""

    error: SSHError | None
