"""What the peer may open and request: rows of name → handler, one registry per role.  Anything else is refused here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.errors import ProtocolError, SSHError
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested, GlobalRequested
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.wire.numbers import SSH_OPEN_UNKNOWN_CHANNEL_TYPE

log = logging.getLogger("jupyter_ssh.ssh")

H = TypeVar("H", bound=ChannelHost)

OpenHandler = Callable[[H, ChannelOpenRequested], None]
"""Accepts or refuses the channel of the event, at once or later; until then no data arrives on it."""

Answer = bytes | None
"""The payload of REQUEST_SUCCESS, or None for REQUEST_FAILURE."""

RequestHandler = Callable[[H, GlobalRequested], Answer | Awaitable[Answer]]
"""Handles a request and returns the answer, or an awaitable of it; it is sent if the peer wants one."""

MAX_LOGGED: Final = 64
"""Maximum characters of a peer's names in the log."""


class Registry(Generic[H]):
    """The channel types and global requests that one role accepts from its peer."""

    def __init__(self, channels: Mapping[str, OpenHandler[H]], requests: Mapping[str, RequestHandler[H]]) -> None:
        self.channels = dict(channels)
        """By channel type (RFC 4254 §5.1)."""
        self.requests = dict(requests)
        """By the name of a global request (RFC 4254 §4)."""

    def open_requested(self, host: H, event: ChannelOpenRequested) -> None:
        """Dispatch the peer's request for a channel."""
        handler = self.channels.get(event.kind)
        if handler is None:
            log.debug("%s wants a channel of an unknown type: %s", host.peer, printable(event.kind)[:MAX_LOGGED])
            event.channel.refuse(SSH_OPEN_UNKNOWN_CHANNEL_TYPE, "unknown channel type")
        else:
            handler(host, event)

    def global_requested(self, host: H, event: GlobalRequested) -> None:
        """Dispatch the peer's global request, and answer it."""
        handler = self.requests.get(event.name)
        answer = None if handler is None else handler(host, event)
        if answer is None or isinstance(answer, bytes):
            event.answer(answer)
        else:
            host.start(_answer_later(host, event, answer))


async def _answer_later(host: ChannelHost, event: GlobalRequested, coming: Awaitable[Answer]) -> None:
    answer = None
    try:
        answer = await coming
    except ProtocolError:
        raise
    except SSHError as error:
        log.info("%s of %s is refused: %s", printable(event.name)[:MAX_LOGGED], host.peer, error)
    finally:
        event.answer(answer)
