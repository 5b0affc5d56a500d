"""The common part of the `ChannelHost` of a client and of a server."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from jupyter_ssh.ssh.channels.changes import Changes, Counters
from jupyter_ssh.ssh.channels.host import ANSWER_SECONDS, Parts
from jupyter_ssh.ssh.errors import ChannelClosed, ChannelError, SSHError
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.events import ChannelEvent, Closed, Event, MessageIgnored
from jupyter_ssh.ssh.protocol.session import Session
from jupyter_ssh.ssh.wire.numbers import message_name

log = logging.getLogger("jupyter_ssh.ssh")

S = TypeVar("S", bound=Session)


class BaseHost(ABC, Generic[S]):
    """A session with its driver, its tasks and its events."""

    def __init__(self, driver: SessionDriver[S]) -> None:
        self.driver = driver
        self.session = driver.session
        self.parts = Parts()
        """Other objects that belong to the connection."""
        self.changes = Changes("connection", "", count=self._counters)
        """The changes of the connection and of its channels."""
        self.closed_here = False
        """Whether this side is closing it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.handlers: dict[type[Event], Callable[..., None]] = {
            Closed: self._closed,
            MessageIgnored: self._message_ignored,
        }
        """The handlers of events, by type."""

    def on_event(self, event: Event) -> None:
        """Dispatch an event of the session."""
        handler = self.handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _closed(self, event: Closed) -> None:
        # The channels have already been told.
        if self.closed_here:
            self.changes.ended("closed here")
        else:
            self.changes.ended(event.error.message, event.error)
        for task in self._tasks:
            task.cancel()

    def _message_ignored(self, event: MessageIgnored) -> None:
        log.debug("%s sent %s %s; ignored", self.peer, message_name(event.number), event.why)

    def _counters(self) -> Counters:
        return Counters(self.driver.bytes_received, self.driver.bytes_sent, len(self.session.connection.channels))

    # --- for channels: see `ChannelHost` ------------------------------------------------------------------------------

    @property
    @abstractmethod
    def peer(self) -> str:
        """The peer, as text for logs and errors."""

    @property
    def peer_version(self) -> str:
        """The peer's identification string."""
        return self.session.info.peer_version

    @property
    def failure(self) -> SSHError | None:
        """Why the connection is over; None while it is not."""
        return self.session.failure

    def open_channel(self, kind: str, details: bytes = b"") -> Channel:
        """See `ChannelHost.open_channel`."""
        return self.session.open_channel(kind, details, _untied, _no_data)

    async def ask(self, name: str, details: bytes = b"", *, timeout: float = ANSWER_SECONDS) -> bytes | None:
        """See `ChannelHost.ask`."""
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def replied(answer: bytes | None) -> None:
            # Late answers count too, because answers are matched by their order.
            if not reply.done():
                reply.set_result(answer)

        self.session.connection.request_global(name, details, replied)
        answer = await within(reply, timeout, f"waiting for an answer to {name}")
        if answer is None and self.failure is not None:
            raise self.failure
        return answer

    def explain(self, error: SSHError) -> None:
        """See `ChannelHost.explain`: adds nothing."""

    def rest(self) -> None:
        """See `ChannelHost.rest`."""
        self.driver.rest()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """See `ChannelHost.start`."""

        async def guarded() -> None:
            with self.guard():
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda task: work.close())  # a task that is cancelled at once never starts it
        return task

    @contextmanager
    def guard(self) -> Iterator[None]:
        """See `ChannelHost.guard`."""
        try:
            yield
        except ChannelClosed:
            # The peer closed the channel; whoever writes to it will be told in a moment.
            pass
        except ChannelError as error:
            log.info("a channel to %s: %s", self.peer, error)  # it concerns only that channel
        except SSHError as error:
            self.session.transport.fail(error)
            self.driver.abandon()


def _untied(event: ChannelEvent) -> None:
    """Ignore events of a channel that is not connected to anything yet."""


def _no_data(data: bytes, code: int | None) -> None:
    """Ignore data of a channel that is not connected to anything yet."""
