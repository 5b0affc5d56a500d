"""Connect a `Session` to an asyncio transport: data and backpressure in both directions, and timers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Final, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from jupyter_ssh.ssh.errors import ConnectionLost, KeyExchangeError
from jupyter_ssh.ssh.net.threads.workers import Workers
from jupyter_ssh.ssh.net.wake import wake_watch
from jupyter_ssh.ssh.protocol.events import Authenticated, Event
from jupyter_ssh.ssh.protocol.packets.receive_buffer import ReceiveMemory
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.protocol.session import Session

log = logging.getLogger("jupyter_ssh.ssh")

S = TypeVar("S", bound=Session)

WRITE_HIGH_WATER: Final = 512 * 1024
"""How many bytes asyncio may buffer for the socket before channels hold their data back."""

MAX_UNSENT_REPLIES: Final = 4 * 1024 * 1024
"""How many bytes of replies may wait for a peer that sends but does not read; beyond that we stop reading too."""

TCP_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
"""None if the system does not have it; Linux does."""

QUICK_ACKS: Final = 32
"""How many of the first reads are acknowledged immediately.  Until it starts a command, OpenSSH's server sends no small
packet before the last one is acknowledged (Nagle), and the system may delay the acknowledgement by up to 40 ms."""

BATCH: Final = 256 * 1024
"""How many bytes of a bulk transfer are worth waking up for; see `SessionDriver.rest`."""

REST_SECONDS: Final = 0.001

KEPT_MEMORY: Final = 4 * 1024 * 1024
"""A block of this size is allocated and freed once.  From then on glibc keeps that much freed memory for later use
(mallopt(3), M_TRIM_THRESHOLD); otherwise it keeps returning the memory of packets to the system and requesting it
again, which costs at least a tenth of a download's time."""

MAX_REFUSAL: Final = 4096
"""How many bytes are read of a server's message before it refuses the connection."""

PROBE_SECONDS = 10.0
"""How long the peer may take to answer after this machine was asleep."""

GOODBYE_SECONDS: Final = 2.0
"""How long sending the last packets may take when a connection is closed."""

_GROUP_TESTS: Final = Workers("jupyter-ssh group test", 2)
"""A test takes seconds at most, but all of a processor's time, and a server decides how often there is one."""


@cache
def _keep_memory() -> None:
    bytes(KEPT_MEMORY)


_memories: WeakKeyDictionary[asyncio.AbstractEventLoop, ReceiveMemory] = WeakKeyDictionary()


def _receive_memory(loop: asyncio.AbstractEventLoop) -> ReceiveMemory:
    """Return the receive memory of a loop; its transports request a buffer and report it filled without awaiting in
    between."""
    if loop not in _memories:
        _memories[loop] = ReceiveMemory()
    return _memories[loop]


class SessionDriver(asyncio.BufferedProtocol, Generic[S]):
    """An asyncio protocol that feeds a session.

    ``make_session`` makes the session with the event callback it is given; ``on_event`` receives the session's events.
    `lost` is done when the transport is closed.  Only this class uses the transport.
    """

    def __init__(self, make_session: Callable[[Callable[[Event], None]], S], on_event: Callable[[Event], None]) -> None:
        _keep_memory()
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._reading_paused = False
        self._flush_scheduled = False
        self._quick_acks = 0
        self._no_hurry = False
        self.bytes_sent = self.bytes_received = 0
        """Bytes on the transport: packets with their headers and tags."""
        self._timer: asyncio.TimerHandle | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._test: Future[bool] | None = None
        """The last test of a group."""
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self.session = make_session(self._event)
        self.session.on_output = self._schedule_flush
        self.session.transport.compute = self._compute
        self.session.receive_into(_receive_memory(self._loop))
        self.session.use_clock(self._loop.time)

    def _event(self, event: Event) -> None:
        if isinstance(event, Authenticated):
            self._loop.call_soon(self._tick)  # keepalive begins now
            if not self.lost.done():
                wake_watch().add(self, self._woke)
        self._on_event(event)

    # --- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin on ``transport`` (called by asyncio)."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            self._quick_acks = QUICK_ACKS
        self._tick()
        self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to receive into (called by asyncio): there is no copy on the way to the decryption."""
        return self.session.receive_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Handle ``nbytes`` received bytes (called by asyncio)."""
        self.bytes_received += nbytes
        self.session.received(nbytes)
        self._flush()
        if self._quick_acks:
            self._acknowledge()
        if self._no_hurry:
            self._no_hurry = False
            if nbytes < BATCH and self._transport is not None and not self._reading_paused:
                self._transport.pause_reading()
                self._loop.call_later(REST_SECONDS, self._rested)

    def rest(self) -> None:
        """Receive in larger pieces for a moment, because the reader is in no hurry.

        Waking up for each packet costs more than decrypting it; a short pause loses nothing while the peer keeps
        sending.
        """
        self._no_hurry = True

    def _rested(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._transport.resume_reading()

    def _acknowledge(self) -> None:
        self._quick_acks -= 1
        if self._transport is not None and TCP_QUICKACK is not None:
            with contextlib.suppress(OSError):  # the connection is lost, which is reported elsewhere
                self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)

    def eof_received(self) -> None:
        """End the session (called by asyncio): the peer sends nothing more, and SSH has no half-closed connections."""
        self.session.feed_eof()
        self._flush()

    def pause_writing(self) -> None:
        """Hold data back (called by asyncio): the socket accepts no more for now."""
        self._paused = True
        self.session.pause()

    def resume_writing(self) -> None:
        """Stop holding data back (called by asyncio): the socket accepts it again."""
        self._paused = False
        self.session.resume()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session if it has not ended yet (called by asyncio): the transport is closed."""
        wake_watch().remove(self)
        for timer in (self._timer, self._giving_up):
            if timer is not None:
                timer.cancel()
        if self._test is not None:
            self._test.cancel()
        if exc is not None and self.session.phase is Phase.VERSION:
            self._read_refusal()
        self._transport = None
        if self.session.failure is None:
            text = getattr(exc, "strerror", None) or (str(exc) if exc else "closed by the other side")
            self.session.transport.fail(
                ConnectionLost(
                    "the connection was lost",
                    phase=self.session.phase.value,
                    received=text,
                    next_step="Check the network; then connect again.",
                )
            )
        if not self.lost.done():
            self.lost.set_result(None)

    def _read_refusal(self) -> None:
        # A server that refuses us sends the reason and closes; our first bytes then cause a reset, and asyncio, whose
        # write failed, stops reading.  The reason is still in the socket, which is open until this returns.
        connected = self._transport.get_extra_info("socket") if self._transport is not None else None
        with contextlib.suppress(OSError, ValueError):
            data = os.read(connected.fileno(), MAX_REFUSAL) if connected is not None else b""
            if data:
                self.session.feed(data)
        if self.session.transport.banner_lines and self.session.phase is Phase.VERSION:
            self.session.feed_eof()

    # --- the session's side -------------------------------------------------------------------------------------------

    def _schedule_flush(self) -> None:
        # Everything sent within one turn of the loop is written together.
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._scheduled_flush)

    def _scheduled_flush(self) -> None:
        self._flush_scheduled = False
        self._flush()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        session = self.session
        if not self._paused:
            packets = session.data_to_send()
            if packets:
                self.bytes_sent += sum(map(len, packets))
                transport.writelines(packets)
        if session.failure is not None:
            if self._giving_up is None:
                self._giving_up = self._loop.call_later(GOODBYE_SECONDS, transport.abort)
                transport.close()
        elif (session.unsent > MAX_UNSENT_REPLIES) != self._reading_paused:
            self._reading_paused = not self._reading_paused
            (transport.pause_reading if self._reading_paused else transport.resume_reading)()

    def _compute(self, work: Callable[[], bool], done: Callable[[bool], None]) -> None:
        """Run ``work``, the test of a group, in a thread; see `Transport.compute`."""

        def finish(tested: Future[bool]) -> None:
            if tested.cancelled() or tested.exception() is not None:
                self.session.transport.fail(KeyExchangeError("a test of the server's group could not be made"))
            else:
                done(tested.result())

        try:
            self._test = _GROUP_TESTS.start(work, self._loop, finish)
        except RuntimeError as error:
            raise KeyExchangeError("a test of the server's group could not be made") from error

    def _tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.session.tick(self._loop.time())
        self._flush()
        due = self.session.next_tick()
        if due is not None and self._transport is not None:
            self._timer = self._loop.call_at(due, self._tick)

    def _woke(self, slept: float) -> None:
        log.debug("this machine slept for about %.0f s; checking whether the peer is still there", slept)
        self.session.woke_up(self._loop.time(), PROBE_SECONDS, slept)
        self._tick()

    # --- for the owner ------------------------------------------------------------------------------------------------

    @property
    def tcp_socket(self) -> socket.socket | None:
        """The socket of a TCP connection, for setting its options; None otherwise, and before it is connected."""
        found = self._transport.get_extra_info("socket") if self._transport is not None else None
        return found if found is not None and hasattr(found, "setsockopt") else None

    def address(self, which: str) -> tuple[str, int]:
        """Return host and port of this end ("sockname") or the other ("peername"); empty and 0 if unknown."""
        found = self._transport.get_extra_info(which) if self._transport is not None else None
        return (str(found[0]), int(found[1])) if isinstance(found, tuple) and len(found) >= 2 else ("", 0)

    def abandon(self) -> None:
        """Close the transport without waiting, after the session was ended."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    async def close(self) -> None:
        """Disconnect and wait until the transport is closed, for little more than `GOODBYE_SECONDS`."""
        self.session.disconnect()
        self._flush()
        if self._transport is not None:
            await asyncio.shield(self.lost)  # others may wait for it too
