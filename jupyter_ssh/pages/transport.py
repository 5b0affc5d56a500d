"""The interface for sending frames to a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class PageTransport(ABC):
    """The sending half of one page's connection; the transport passes what it receives to the `PageConnection`."""

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether more data may be sent now; if not, `PageConnection.writable_again` is called later."""

    @abstractmethod
    def control(self, message: dict[str, Any]) -> None:
        """Send a control frame."""

    @abstractmethod
    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        """Send a data frame; ``pieces`` must be copied before this returns."""

    def discard(self, stream: int) -> None:  # noqa: B027 - a transport that cannot drop anything need not
        """Drop waiting data of this stream, if possible: the page would discard it."""

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Send what is waiting, then close the connection; ``code`` is one of docs/page-protocol.md."""
