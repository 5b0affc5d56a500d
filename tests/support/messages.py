"""Messages that the stack itself reads and writes by hand, or passes over: here they are made."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.codec import Message, Rest, String, Uint32


@dataclass(frozen=True, slots=True)
class Ignore(Message, number=n.SSH_MSG_IGNORE):
    """RFC 4253 §11.2; whatever follows is of no interest."""

    data: Rest = b""


@dataclass(frozen=True, slots=True)
class NewKeys(Message, number=n.SSH_MSG_NEWKEYS):
    """RFC 4253 §7.3."""


@dataclass(frozen=True, slots=True)
class ChannelData(Message, number=n.SSH_MSG_CHANNEL_DATA):
    """RFC 4254 §5.2."""

    recipient: Uint32
    data: String


@dataclass(frozen=True, slots=True)
class ChannelExtendedData(Message, number=n.SSH_MSG_CHANNEL_EXTENDED_DATA):
    """RFC 4254 §5.2."""

    recipient: Uint32
    code: Uint32
    data: String
