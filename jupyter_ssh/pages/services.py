"""The interface of a service, and of a page as services see it.

A service defines its verbs (control frames), the kinds of stream that its verbs open, and what it announces: a snapshot
to every page that says hello, and changes afterwards.  It is in a file of its own and is registered with the `Place`;
the transport need not change for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from jupyter_ssh.pages.members import Members
from jupyter_ssh.pages.transport import PageTransport


class Refusal(Exception):
    """A page's request cannot be fulfilled; the page gets an `error` with this ``code`` (docs/page-protocol.md)."""

    def __init__(self, code: str, text: str, next_step: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.next_step = next_step


class Stream(ABC):
    """One numbered stream of a page's connection, opened by a verb of its service."""

    def __init__(self, service: str) -> None:
        self.service = service
        """The service's name."""

    @abstractmethod
    def receive(self, offset: int, payload: bytes) -> None:
        """Handle data from the page.  Raises `Refusal`, or `FrameError` if the connection has to end."""

    def writable_again(self) -> None:  # noqa: B027 - a stream that only receives has nothing to send
        """Resume sending: the transport accepts data again."""

    @abstractmethod
    def closed(self) -> None:
        """Forget the page: it is gone, has closed the stream, or uses its number for another."""


class Page(Protocol):
    """A page's connection, as services see it."""

    transport: PageTransport
    services: frozenset[str]
    """The names of the services that the page supports."""
    is_page: bool
    """False for the Jupyter server, which only asks what is announced."""

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""

    @property
    def full(self) -> bool:
        """Whether it has as many streams as allowed."""

    def send(self, service: str, verb: str, members: dict[str, Any]) -> None:
        """Send a control frame of a service."""

    def send_error(self, refusal: Refusal, references: Mapping[str, Any], service: str | None = None) -> None:
        """Tell the page that a request cannot be fulfilled; ``references`` say which."""

    def open_stream(self, number: int, stream: Stream) -> None:
        """Assign the number to ``stream``, closing one that has it.  Raises `Refusal` if there are too many."""

    def stream(self, number: int) -> Stream | None:
        """Return the stream with this number."""

    def close_stream(self, number: int) -> None:
        """Close the stream with this number, if there is one."""


Handler = Callable[[Page, Members], None]
"""Handles one control frame.  Raises `MemberError`, `Refusal`, or `FrameError` if the connection has to end."""


class Service:
    """One service of a place."""

    name: ClassVar[str]
    """A short word, the first part of the types of its control frames."""
    large: ClassVar[frozenset[str]] = frozenset()
    """The verbs whose frames from a page may be as large as `LARGE_CONTROL_BYTES`."""
    references: ClassVar[tuple[str, ...]] = ()
    """The members of a frame that an `error` about it repeats, besides ``request`` and ``stream``."""

    verbs: Mapping[str, Handler]
    """The handlers of the verbs that a page may send."""

    def __init__(self) -> None:
        self.pages: set[Page] = set()
        """The pages of the place that have said hello; this set is shared with the place."""

    def announce(self, page: Page) -> dict[str, Any]:
        """Return what `welcome` tells ``page``."""
        return {}

    def tell(self, verb: str, members: dict[str, Any]) -> None:
        """Send a frame to every page that supports this service."""
        for page in list(self.pages):
            if self.name in page.services:
                page.send(self.name, verb, members)

    def gone(self, page: Page) -> None:
        """Forget the page, whose connection is over and whose streams are closed."""

    @property
    def in_use(self) -> bool:
        """Whether it holds something for which the process must keep running even when no page is connected."""
        return False

    async def close(self) -> None:
        """End what the service holds: the place is being closed."""
