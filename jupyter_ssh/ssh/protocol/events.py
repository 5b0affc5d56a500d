"""The events of a session and its channels for the layer above; the data of channels goes to `Channel.on_data`
instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.channel_events import ChannelClosed as ChannelClosed
from jupyter_ssh.ssh.protocol.channel_events import ChannelEofReceived as ChannelEofReceived
from jupyter_ssh.ssh.protocol.channel_events import ChannelEvent as ChannelEvent
from jupyter_ssh.ssh.protocol.channel_events import ChannelOpened as ChannelOpened
from jupyter_ssh.ssh.protocol.channel_events import ChannelRefused as ChannelRefused
from jupyter_ssh.ssh.protocol.channel_events import ChannelRequested as ChannelRequested
from jupyter_ssh.ssh.protocol.channel_events import ChannelWritable as ChannelWritable


def _unheard(details: bytes | None) -> None:
    """Ignore an answer."""


class Event:
    """Base class of the events of a `Session`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class HostKeyOffered(Event):
    """Client: the server proved that it has this key; answer with accept_host_key or reject_host_key."""

    key: PublicKey


@dataclass(frozen=True, slots=True)
class AuthenticationStarted(Event):
    """Client: the server now accepts authentication requests."""


@dataclass(frozen=True, slots=True)
class Authenticated(Event):
    """Either: a user is logged in, so that channels may be opened."""


@dataclass(frozen=True, slots=True)
class AuthenticationFailed(Event):
    """Client: the last request failed or was only a partial success (RFC 4252 §5.1)."""

    methods: Sequence[str]
    partial_success: bool


@dataclass(frozen=True, slots=True)
class KeyAcceptable(Event):
    """Client: the server would accept a signature with this key (RFC 4252 §7)."""

    algorithm: str
    key: bytes


@dataclass(frozen=True, slots=True)
class PasswordChangeDemanded(Event):
    """Client: the password is right but has to be changed (RFC 4252 §8)."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Questions(Event):
    """Client: keyboard-interactive prompts, each with whether the answer may be shown (RFC 4256 §3.2)."""

    name: str
    instruction: str
    prompts: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Banner(Event):
    """Client: text to be shown before authentication; it may contain escape sequences (RFC 4252 §5.4)."""

    text: str


@dataclass(frozen=True, slots=True)
class AuthenticationRequested(Event):
    """Server: a client wants to log in; answer through `ServerAuthentication`.

    ``verified`` means that there is a valid signature; ``touched`` and ``user_verified`` are what a security key
    asserts with it.  If a key cannot be used, ``key`` is None and ``problem`` is the reason.  The repr contains no
    secrets.
    """

    user: str
    method: str
    key: PublicKey | None = None
    algorithm: str | None = None
    signed: bool = False
    verified: bool = False
    touched: bool = True
    user_verified: bool = False
    host_bound: bool = False
    """The request names our host key (OpenSSH PROTOCOL §3.1)."""
    problem: str | None = None
    password: str | None = field(default=None, repr=False)
    new_password: str | None = field(default=None, repr=False)
    submethods: str = ""


@dataclass(frozen=True, slots=True)
class QuestionsAnswered(Event):
    """Server: the answers to `ServerAuthentication.ask`."""

    answers: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChannelOpenRequested(Event):
    """Either: the peer requests a channel; answer with `Channel.accept` or `Channel.refuse`."""

    channel: Channel
    kind: str
    details: bytes


@dataclass(frozen=True, slots=True)
class GlobalRequested(Event):
    """Either: a global request (RFC 4254 §4)."""

    name: str
    want_reply: bool
    details: bytes
    answer: Callable[[bytes | None], None] = field(default=_unheard, compare=False, repr=False)
    """Call it at any time with the type-specific data of the reply, or None to refuse; replies are sent in the order of
    the requests.

    Only the first call counts, and none unless ``want_reply`` is set.
    """


@dataclass(frozen=True, slots=True)
class KeysRenewed(Event):
    """Either: new keys are in use in both directions."""


@dataclass(frozen=True, slots=True)
class DebugMessage(Event):
    """Either: SSH_MSG_DEBUG from the peer (RFC 4253 §11.3)."""

    text: str
    always_display: bool


@dataclass(frozen=True, slots=True)
class MessageIgnored(Event):
    """Either: an unexpected message of the peer was ignored; ``why`` says in a few words what is wrong with it."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """Either: the session is over; sent once, after every channel was notified."""

    error: SSHError
