"""What the generated faces are built on: an object of the stack, and the engine that does what is asked of it.

Objects of `jupyter_ssh.ssh` live on the engine's event loop and are touched nowhere else.  A face has the engine call
them there; what only looks at a value looks from where it is.
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
    """An object of the stack, for those who are not on its event loop."""

    def __init__(self, engine: Engine, inner: Inner) -> None:
        self._engine = engine
        self._held = inner

    @property
    def _inner(self) -> Inner:
        """The object of the stack."""
        return self._held

    async def _ready(self) -> Inner:
        """Return what is to be used now; on the engine."""
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
    """A face whose methods return when the work is done; a KeyboardInterrupt breaks them (`Engine.call`)."""

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

    What is a plain function in the stack is begun at once, in the order of the calls, and may be awaited for its end.
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
    """Return the object of the stack behind a face, to be touched on the engine only; anything else as it is."""
    return value._inner if isinstance(value, Face) else value


def untyped(value: Any) -> Any:
    """Return ``value``, of whose type nothing is said: where a type checker cannot choose among overloads."""
    return value


def afterwards(value: T, wait: Awaitable[object]) -> Coroutine[Any, Any, T]:
    """Return ``value`` once ``wait`` is over."""

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
