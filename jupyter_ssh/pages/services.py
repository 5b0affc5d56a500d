"""What a service is, and what it sees of a page.

A service brings its verbs (control frames), the kinds of stream that its verbs open, and what it announces: a snapshot
to every page that says hello, changes afterwards.  It lives in one file of its own and is registered at the `Place`;
nothing of the transport changes for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from jupyter_ssh.pages.members import Members
from jupyter_ssh.pages.transport import PageTransport


class Refusal(Exception):
    """What a page asked for cannot be done; it is told so by `error` with ``code`` of docs/page-protocol.md."""

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
        """Take data of the page.  Raises `Refusal`, and `FrameError` where the connection is to end."""

    def writable_again(self) -> None:  # noqa: B027 - a stream that only receives has nothing to send
        """Go on sending: the transport takes data again."""

    @abstractmethod
    def closed(self) -> None:
        """Forget the page: it has gone, has closed the stream, or uses its number for another."""


class Page(Protocol):
    """A page's connection, as services see it."""

    transport: PageTransport
    services: frozenset[str]
    """The services that the page speaks, by name."""
    is_page: bool
    """False for the Jupyter server, which only asks what is announced."""

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""

    @property
    def full(self) -> bool:
        """Whether it has as many streams as it may."""

    def send(self, service: str, verb: str, members: dict[str, Any]) -> None:
        """Send a control frame of a service."""

    def send_error(self, refusal: Refusal, references: Mapping[str, Any], service: str | None = None) -> None:
        """Tell the page that something cannot be done; ``references`` say what."""

    def open_stream(self, number: int, stream: Stream) -> None:
        """Give ``stream`` the number, closing one that has it.  Raises `Refusal` where there are too many."""

    def stream(self, number: int) -> Stream | None:
        """Return the stream with this number."""

    def close_stream(self, number: int) -> None:
        """Close the stream with this number, if there is one."""


Handler = Callable[[Page, Members], None]
"""Answers one control frame.  Raises `MemberError`, `Refusal`, and `FrameError` where the connection is to end."""


class Service:
    """One service of a place."""

    name: ClassVar[str]
    """A short word, the first part of the types of its control frames."""
    large: ClassVar[frozenset[str]] = frozenset()
    """The verbs whose frames from a page may have `LARGE_CONTROL_BYTES`."""
    references: ClassVar[tuple[str, ...]] = ()
    """Members of its frames that an `error` about one repeats, beside ``request`` and ``stream``."""

    verbs: Mapping[str, Handler]
    """What a page may say."""

    def __init__(self) -> None:
        self.pages: set[Page] = set()
        """The pages of the place that have said hello; the place's own set."""

    def announce(self, page: Page) -> dict[str, Any]:
        """Return what ``page`` is told in `welcome`."""
        return {}

    def tell(self, verb: str, members: dict[str, Any]) -> None:
        """Send a frame to every page that speaks this service."""
        for page in list(self.pages):
            if self.name in page.services:
                page.send(self.name, verb, members)

    def gone(self, page: Page) -> None:
        """Forget the page, whose connection is over and whose streams are closed."""

    @property
    def in_use(self) -> bool:
        """Whether something lives here that a process must not end for lack of pages."""
        return False

    async def close(self) -> None:
        """End what lives here: the place is closed."""
