"""Further connections to the same host, for sessions that are too many for the first one (MaxSessions)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from jupyter_ssh.ssh.client.login.handshake import described
from jupyter_ssh.ssh.client.pool.connection_pool import Lease, Poolable
from jupyter_ssh.ssh.client.session_channel import SessionChannel
from jupyter_ssh.ssh.errors import ChannelOpenError, SSHError
from jupyter_ssh.ssh.wire import numbers as n

MOST_FURTHER: Final = 16
"""How many further connections one connection has at a time."""

IDLE_SECONDS: Final = 60.0
"""How long a further connection without a session is kept for the next one."""

_FULL: Final = (n.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, n.SSH_OPEN_CONNECT_FAILED, n.SSH_OPEN_RESOURCE_SHORTAGE)
"""The reasons servers give if a connection has as many sessions as they allow."""

C = TypeVar("C", bound=Poolable)


def says_full(error: BaseException) -> bool:
    """Return whether a session was refused as servers do if there are too many on a connection."""
    return isinstance(error, ChannelOpenError) and error.kind == "session" and error.reason in _FULL


class _Kept(Generic[C]):
    """A further connection, and how many sessions it has."""

    def __init__(self, lease: Lease[C]) -> None:
        self.lease = lease
        self.sessions = 0
        self.used = False
        """Whether it has ever had a session."""
        self.timer: asyncio.TimerHandle | None = None
        """Closes it if it stays idle."""


class FurtherConnections(Generic[C]):
    """The further connections of one.  They are made one at a time, when needed, and end with it at the latest."""

    def __init__(self, lend: Callable[[], Awaitable[Lease[C]]]) -> None:
        self._lend = lend
        self._kept: list[_Kept[C]] = []
        self._turn = asyncio.Lock()
        self._making: asyncio.Future[Lease[C]] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._no_more: str | None = None
        """Why no more are made, if that is so."""

    async def begin(self, start: Callable[[C], Awaitable[SessionChannel]], refusal: ChannelOpenError) -> SessionChannel:
        """Return the session that ``start`` begins on the first of them that has room, or on a new one.

        Raises what ``start`` raises; if there is no room, ``refusal``, which is that of the first connection, with the
        reason why no further one could be made.
        """
        full: list[_Kept[C]] = []
        while True:
            for kept in list(self._kept):
                if kept not in full:
                    session = await self._begin_on(kept, start)
                    if session is not None:
                        return session
                    full.append(kept)
            async with self._turn:
                if all(kept in full for kept in self._kept):
                    await self._make(refusal)

    async def _begin_on(self, kept: _Kept[C], start: Callable[[C], Awaitable[SessionChannel]]) -> SessionChannel | None:
        """Return the new session; None if there is no room for it."""
        if kept.lease.connection.closed:
            self._drop(kept)
            return None
        self._occupy(kept)
        try:
            session = await start(kept.lease.connection)
        except BaseException as error:
            self._vacate(kept)
            if not says_full(error):
                raise
            if kept.sessions:
                return None
            self._drop(kept)
            if kept.used:  # the server still counts its last session, or allows no other one
                return None
            self._no_more = "the server refuses a session on an empty connection too"
            raise
        kept.used = True
        session.over.add_done_callback(lambda over: self._vacate(kept))
        return session

    async def _make(self, refusal: ChannelOpenError) -> None:
        """Add one, or raise ``refusal`` with the reason why there is none."""
        if self._no_more is not None:
            raise _because(self._no_more, refusal)
        if len(self._kept) >= MOST_FURTHER:
            raise _because(f"{len(self._kept)} further connections have no room either", refusal)
        self._making = asyncio.ensure_future(self._lend())
        self._making.add_done_callback(self._made)
        try:
            await self._making
        except asyncio.CancelledError:
            if self._no_more is None:
                raise
            raise _because(self._no_more, refusal) from None  # `close` was called meanwhile
        except SSHError as error:
            refusal.messages = error.messages
            raise _because(f"no further connection could be made: {described(error)}", refusal) from error
        finally:
            self._making = None

    def _made(self, making: asyncio.Future[Lease[C]]) -> None:
        """Keep a new one, also if the caller it was made for has been cancelled in this very moment."""
        if not making.cancelled() and making.exception() is None:
            kept = _Kept(making.result())
            self._kept.append(kept)
            self._rest(kept)

    def _occupy(self, kept: _Kept[C]) -> None:
        kept.sessions += 1
        if kept.timer is not None:
            kept.timer.cancel()
            kept.timer = None

    def _vacate(self, kept: _Kept[C]) -> None:
        kept.sessions -= 1
        if not kept.sessions and kept in self._kept:
            self._rest(kept)

    def _rest(self, kept: _Kept[C]) -> None:
        """Close one, unless it is needed again soon."""
        kept.timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop, kept)

    def _drop(self, kept: _Kept[C]) -> None:
        """Close one."""
        if kept not in self._kept:
            return
        self._kept.remove(kept)
        if kept.timer is not None:
            kept.timer.cancel()
        if (closing := kept.lease.release()) is not None:
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all of them, with their sessions; no more are made."""
        self._no_more = "the connection was closed"
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])
        for kept in list(self._kept):
            self._drop(kept)
        if self._closing:
            await asyncio.wait(self._closing)


def _because(reason: str, refusal: ChannelOpenError) -> ChannelOpenError:
    refusal.received = "; ".join(filter(None, (refusal.received, reason)))
    return refusal
