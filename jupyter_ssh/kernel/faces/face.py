"""The base classes of the generated faces.

Objects of `jupyter_ssh.ssh`, the stack, live on the engine's event loop and are used nowhere else.  A face calls their
methods there, through the engine; only plain values are read directly, from the calling thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from jupyter_ssh.kernel.cells.tracebacks import hides_own_frames
from jupyter_ssh.kernel.pending import Pending

if TYPE_CHECKING:
    from jupyter_ssh.kernel.engine import Engine, Factory

Inner = TypeVar("Inner")
T = TypeVar("T")
U = TypeVar("U")

_END: Final = object()


class Face(Generic[Inner]):
    """A wrapper of an object of the stack, for code that does not run on the engine's event loop."""

    def __init__(self, engine: Engine, inner: Inner) -> None:
        self._engine = engine
        self._held = inner

    @property
    def _inner(self) -> Inner:
        """The object of the stack."""
        return self._held

    async def _ready(self) -> Inner:
        """Return the object of the stack, ready for use.  Called on the engine."""
        return self._inner

    def _work(self, use: Callable[[Inner], Awaitable[T]], ready: bool) -> Factory[T]:
        async def work() -> T:
            return await use(await self._ready() if ready else self._inner)

        return work

    def _action(self, act: Callable[[Inner], T]) -> Factory[T]:
        async def work() -> T:
            return act(await self._ready())

        return work

    def __repr__(self) -> str:
        return repr(self._inner)


class BlockingFace(Face[Inner]):
    """A face whose methods return when the work is done; a KeyboardInterrupt ends them (`Engine.call`)."""

    @hides_own_frames
    def _call(self, use: Callable[[Inner], Awaitable[T]], *, ready: bool = True) -> T:
        return self._engine.call(self._work(use, ready))

    @hides_own_frames
    def _act(self, act: Callable[[Inner], T]) -> T:
        return self._engine.call(self._action(act))

    @overload
    def _iterate(self, start: Callable[[Inner], AsyncIterator[T]]) -> Iterator[T]: ...

    @overload
    def _iterate(self, start: Callable[[Inner], AsyncIterator[T]], face: Callable[[T], U]) -> Iterator[U]: ...

    def _iterate(
        self, start: Callable[[Inner], AsyncIterator[Any]], face: Callable[[Any], Any] | None = None
    ) -> Iterator[Any]:
        iterator = self._act(start)
        try:
            while (value := self._call(lambda _: _next(iterator))) is not _END:
                yield value if face is None else face(value)
        finally:
            self._engine.submit(lambda: _close(iterator))


class AwaitableFace(Face[Inner]):
    """A face whose methods are awaited in any event loop but the engine's.

    Plain functions of the stack start immediately, in the order of the calls, and may be awaited until they are done.
    """

    async def _wait(self, use: Callable[[Inner], Awaitable[T]], *, ready: bool = True) -> T:
        return await self._engine.wait(self._work(use, ready))

    def _begin(self, use: Callable[[Inner], Awaitable[T]]) -> Pending[T]:
        return Pending(self._engine, self._work(use, True))

    def _act(self, act: Callable[[Inner], T]) -> Pending[T]:
        return Pending(self._engine, self._action(act))

    @overload
    def _iterate(self, start: Callable[[Inner], AsyncIterator[T]]) -> AsyncIterator[T]: ...

    @overload
    def _iterate(self, start: Callable[[Inner], AsyncIterator[T]], face: Callable[[T], U]) -> AsyncIterator[U]: ...

    async def _iterate(
        self, start: Callable[[Inner], AsyncIterator[Any]], face: Callable[[Any], Any] | None = None
    ) -> AsyncIterator[Any]:
        iterator = await self._act(start)
        try:
            while (value := await self._wait(lambda _: _next(iterator))) is not _END:
                yield value if face is None else face(value)
        finally:
            self._engine.submit(lambda: _close(iterator))


def behind(value: Any) -> Any:
    """Return the object of the stack behind a face, to be used on the engine only; return other values as they are."""
    return value._inner if isinstance(value, Face) else value


def untyped(value: Any) -> Any:
    """Return ``value``, typed as Any, where a type checker could not choose among overloads."""
    return value


def afterwards(value: T, wait: Awaitable[object]) -> Coroutine[Any, Any, T]:
    """Return a coroutine that awaits ``wait`` and returns ``value``."""

    async def work() -> T:
        await wait
        return value

    return work()


async def _next(iterator: AsyncIterator[Any]) -> Any:
    return await anext(iterator, _END)


async def _close(iterator: AsyncIterator[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
