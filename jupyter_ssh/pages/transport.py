"""What a transport is to those who use it: somewhere to send frames to a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class PageTransport(ABC):
    """The sending half of one page's connection; what comes the transport hands to the `PageConnection`."""

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether more data may be sent now; the connection is told when it may be again."""

    @abstractmethod
    def control(self, message: dict[str, Any]) -> None:
        """Send a control frame."""

    @abstractmethod
    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        """Send a data frame; ``pieces`` are to be copied before this returns."""

    def discard(self, stream: int) -> None:  # noqa: B027 - where nothing can be taken back, nothing is
        """Drop data of this stream that waits, where possible: the page would throw it away."""

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close the connection; ``code`` is one of docs/page-protocol.md."""
