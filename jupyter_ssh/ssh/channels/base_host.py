"""What the `ChannelHost` of a client and that of a server have in common."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from jupyter_ssh.ssh.channels.host import ANSWER_SECONDS, Parts
from jupyter_ssh.ssh.errors import ChannelClosed, ChannelError, SSHError
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.driver import SessionDriver
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.events import ChannelEvent, Closed, Event
from jupyter_ssh.ssh.protocol.session import Session

log = logging.getLogger("jupyter_ssh.ssh")

S = TypeVar("S", bound=Session)


class BaseHost(ABC, Generic[S]):
    """A session with its driver, the tasks that belong to it, and what it tells."""

    def __init__(self, driver: SessionDriver[S]) -> None:
        self.driver = driver
        self.session = driver.session
        self.parts = Parts()
        """What else belongs to the connection."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.handlers: dict[type[Event], Callable[..., None]] = {Closed: self._closed}
        """Who hears of which event."""

    def on_event(self, event: Event) -> None:
        """Hear what the session tells."""
        handler = self.handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _closed(self, event: Closed) -> None:
        # Every channel was told before.
        for task in self._tasks:
            task.cancel()

    # --- for channels: see `ChannelHost` ------------------------------------------------------------------------------

    @property
    @abstractmethod
    def peer(self) -> str:
        """Who is at the other end, for logs and errors."""

    @property
    def peer_version(self) -> str:
        """The peer's identification string."""
        return self.session.info.peer_version

    @property
    def failure(self) -> SSHError | None:
        """Why the connection is over; None while it is not."""
        return self.session.failure

    def open_channel(self, kind: str, details: bytes = b"") -> Channel:
        """Ask the peer for a channel."""
        return self.session.open_channel(kind, details, _untied, _no_data)

    async def ask(self, name: str, details: bytes = b"", *, timeout: float = ANSWER_SECONDS) -> bytes | None:
        """Make a global request and return the details of its answer, None where it was refused."""
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def replied(answer: bytes | None) -> None:
            # Late answers have their place in the order too.
            if not reply.done():
                reply.set_result(answer)

        self.session.connection.request_global(name, details, replied)
        answer = await within(reply, timeout, f"waiting for an answer to {name}")
        if answer is None and self.failure is not None:
            raise self.failure
        return answer

    def explain(self, error: SSHError) -> None:
        """Give an error what is known of the connection: nothing more."""

    def rest(self) -> None:
        """Say that nobody is in a hurry for what is being received."""
        self.driver.rest()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` as a task that ends with the connection at the latest."""

        async def guarded() -> None:
            with self.guard():
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda task: work.close())  # a task that is cancelled at once has not begun it
        return task

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Surround what the network did not call: an error ends the connection, unless it is a `ChannelError`."""
        try:
            yield
        except ChannelClosed:
            # The peer closed the channel; whoever writes to it hears of that in a moment.
            pass
        except ChannelError as error:
            log.info("a channel to %s: %s", self.peer, error)  # its trouble alone
        except SSHError as error:
            self.session.transport.fail(error)
            self.driver.abandon()


def _untied(event: ChannelEvent) -> None:
    """A channel that is not tied to anything yet."""


def _no_data(data: bytes, code: int | None) -> None:
    """The same."""
