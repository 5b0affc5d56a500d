"""The return type of `connect` and `listen`: something being opened, for ``await`` and ``async with``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that is closed when no longer needed."""

    async def close(self) -> None:
        """Close it; idempotent."""


T = TypeVar("T", bound=Closable)


class Opening(Generic[T]):
    """Something being opened: ``await`` it, or use it with ``async with``, which also closes it."""

    def __init__(self, open: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._open = open
        self._opened: T | None = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._open().__await__()

    async def __aenter__(self) -> T:
        self._opened = await self
        return self._opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.close()
