"""One channel: data in both directions within its windows, requests, end of file, close in any order (RFC 4254 §5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Protocol

from jupyter_ssh.ssh.errors import ChannelClosed as ChannelClosedError
from jupyter_ssh.ssh.errors import ChannelError, ProtocolError, SSHError, WindowError
from jupyter_ssh.ssh.protocol.channel_events import (
    ChannelClosed,
    ChannelEofReceived,
    ChannelEvent,
    ChannelOpened,
    ChannelRefused,
    ChannelRequested,
    ChannelWritable,
)
from jupyter_ssh.ssh.protocol.layers import MessageSender
from jupyter_ssh.ssh.protocol.probes import Probes, Way
from jupyter_ssh.ssh.protocol.strays import Strays
from jupyter_ssh.ssh.protocol.window import MAX_PACKET_DATA, MAX_UINT32, ReceiveWindow, RoundTrips
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.messages import (
    ChannelClose,
    ChannelEof,
    ChannelFailure,
    ChannelOpenConfirmation,
    ChannelOpenFailure,
    ChannelRequest,
    ChannelSuccess,
    ChannelWindowAdjust,
)

DataHandler = Callable[[bytes, int | None], None]
EventHandler = Callable[[ChannelEvent], None]
ReplyHandler = Callable[[bool], None]

WINDOW_PROBE: Final = "window-probe@jupyter-ssh"
"""An unknown channel request, whose refusal marks one round trip (see `ReceiveWindow`); only for peers of which it is
known that they refuse it, see `probes`."""

MAX_PENDING_REPLIES: Final = 1024

MAX_LATE: Final = 256
"""How many messages after the end of file are ignored on a channel; then it is closed, and the others go on."""


class ChannelOwner(Protocol):
    """What a channel needs of its `Connection`."""

    transport: MessageSender
    max_window: int
    strays: Strays
    probes: Probes
    round_trips: RoundTrips

    def forget(self, channel: Channel) -> None:
        """Note that the channel is over."""


class Channel:
    """One channel of a `Connection`; made by `Connection.open_channel` or by a peer's CHANNEL_OPEN.

    ``on_data(data, code)`` receives data, with ``code`` None for CHANNEL_DATA and 1 for stderr; call `credit` when the
    bytes have been processed.  ``on_event`` receives `ChannelEvent`s in the order of arrival.
    """

    __slots__ = (
        "_accepted_at",
        "_asked_at",
        "_close_when_sent",
        "_connection",
        "_eof_when_sent",
        "_header",
        "_late",
        "_peer_granted",
        "_pending_replies",
        "_special",
        "_to_answer",
        "_unsent",
        "awaits_answer",
        "close_sent",
        "eof_received",
        "eof_sent",
        "kind",
        "number",
        "on_data",
        "on_event",
        "open",
        "peer_close",
        "peer_max_packet",
        "peer_number",
        "peer_window",
        "unsent",
        "window",
    )

    def __init__(self, connection: ChannelOwner, number: int, kind: str, on_event: EventHandler, on_data: DataHandler):
        self._connection = connection
        self.number = number
        self.kind = kind
        self.on_event = on_event
        self.on_data = on_data
        self.window = ReceiveWindow(connection.max_window)
        self.open = False
        self.awaits_answer = False
        """Whether the peer opened it, and neither `accept` nor `refuse` has been called yet."""
        self.eof_sent = self.eof_received = False
        self.close_sent = self.peer_close = False
        self.peer_number = 0
        self.peer_window = self._peer_granted = 0
        self.peer_max_packet = MAX_PACKET_DATA
        self.unsent = 0
        """Written bytes that the peer's window or the network has not accepted yet."""
        self._unsent: deque[tuple[memoryview | bytes, int | None]] = deque()
        self._eof_when_sent = self._close_when_sent = False
        self._header = b""
        self._pending_replies: deque[ReplyHandler] = deque()
        self._to_answer = 0
        self._asked_at = connection.round_trips.clock()
        """When the opening of the channel was sent, later when the last probe began."""
        self._late = 0
        """How many messages came after the end of file."""
        self._accepted_at: float | None = None
        """When we accepted the channel; None once the peer has said something on it, and if it accepted ours."""
        self._special = False
        """Whether the next data is the first on a channel that we accepted, or comes after the end of file."""

    # --- how much ---------------------------------------------------------------------------------------------------

    @property
    def bytes_received(self) -> int:
        """Bytes of data received, of all kinds."""
        return self.window.arrived

    @property
    def bytes_sent(self) -> int:
        """Bytes of data sent, of all kinds, without what is waiting."""
        return self._peer_granted - self.peer_window

    # --- sending ------------------------------------------------------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Whether `eof` or `close` has been called, even if data is still waiting to be sent before it."""
        return self.eof_sent or self._eof_when_sent or self.close_sent or self._close_when_sent

    def write(self, data: bytes | bytearray | memoryview, code: int | None = None) -> None:
        """Send data, with ``code`` 1 as stderr; what exceeds the window waits, see `unsent` and `ChannelWritable`.

        ``data`` must not change afterwards.  Raises `ChannelClosed` after `eof` or `close`.
        """
        if self.ending or not self.open:
            raise ChannelClosedError("nothing more can be sent on this channel", phase="connection")
        size = len(data)
        if (
            code is None
            and 0 < size <= self.peer_max_packet
            and size <= self.peer_window
            and not self.unsent
            and not self._connection.transport.congested
        ):
            self.peer_window -= size
            self._connection.transport.send_data(b"".join((self._header, size.to_bytes(4, "big"), data)))
            return
        if size:
            self._unsent.append((memoryview(data), code))
            self.unsent += size
            self.pump()

    def pump(self, share: int = MAX_UINT32) -> bool:
        """Send waiting data as far as the peer's window and the network allow, and not much more than ``share`` bytes.

        Returns whether more could be sent.
        """
        transport = self._connection.transport
        waiting = self._unsent
        while waiting and self.peer_window and share > 0 and not transport.congested:
            data, code = waiting[0]
            size = min(len(data), self.peer_window, self.peer_max_packet)
            if size == len(data):
                waiting.popleft()
            else:
                waiting[0] = (data[size:], code)
            share -= size
            self.peer_window -= size
            self.unsent -= size
            if code is None:
                header = self._header
            else:
                header = b"%c%b%b" % (n.SSH_MSG_CHANNEL_EXTENDED_DATA, self._header[1:], code.to_bytes(4, "big"))
            transport.send_data(b"".join((header, size.to_bytes(4, "big"), data[:size])))
            if not waiting:
                self.on_event(ChannelWritable())
        if not waiting:
            self._finish_sending()
        return bool(waiting and self.peer_window)

    def _finish_sending(self) -> None:
        if self._eof_when_sent:
            self._eof_when_sent = False
            self.eof_sent = True
            self._connection.transport.send(ChannelEof(self.peer_number).encode())
        if self._close_when_sent:
            self._close_when_sent = False
            self._send_close()

    def eof(self) -> None:
        """Send an end of file once everything written has been sent; idempotent."""
        if self.open and not self.ending:
            self._eof_when_sent = True
            self.pump()

    def close(self) -> None:
        """Close the channel once everything written has been sent, or as soon as it is open; idempotent."""
        if not self.close_sent:
            self._close_when_sent = True
            if self.open:
                self.pump()

    def abort(self) -> None:
        """Close the channel now, or as soon as it is open, dropping unsent data."""
        self._drop_unsent()
        if self.close_sent:
            return
        if self.open:
            self._send_close()
        else:
            self._close_when_sent = True

    def _drop_unsent(self) -> None:
        self._unsent.clear()
        self.unsent = 0
        self._eof_when_sent = self._close_when_sent = False

    def _send_close(self) -> None:
        self.close_sent = True
        self._connection.transport.send(ChannelClose(self.peer_number).encode())
        if self.peer_close:
            self._connection.forget(self)
            self._tell_closed(None)

    # --- requests -----------------------------------------------------------------------------------------------------

    def request(self, name: str, details: bytes = b"", on_reply: ReplyHandler | None = None) -> None:
        """Send a channel request; ``on_reply`` gets the answer, True for success (RFC 4254 §5.4).

        It is not queued after unsent data, because a signal must get past a full window.
        """
        if self.close_sent or not self.open:
            raise ChannelClosedError("the channel is closed", phase="connection")
        if on_reply is not None:
            if len(self._pending_replies) >= MAX_PENDING_REPLIES:
                raise ChannelError(f"{MAX_PENDING_REPLIES} requests on this channel are unanswered")
            self._pending_replies.append(on_reply)
        self._connection.transport.send(ChannelRequest(self.peer_number, name, on_reply is not None, details).encode())

    def reply(self, success: bool) -> None:
        """Answer the oldest unanswered request."""
        if self._to_answer and not self.close_sent:
            self._to_answer -= 1
            message = ChannelSuccess if success else ChannelFailure
            self._connection.transport.send(message(self.peer_number).encode())

    # --- opening ------------------------------------------------------------------------------------------------------

    def accept(self, details: bytes = b"") -> None:
        """Confirm a channel that the peer opened.  Raises `ChannelClosed` if the session is over."""
        if self.close_sent:
            raise ChannelClosedError("the session ended before the channel was open", phase="connection")
        self.open = self._special = True
        self.awaits_answer = False
        self._accepted_at = self._connection.round_trips.clock()
        self._connection.transport.send(
            ChannelOpenConfirmation(self.peer_number, self.number, self.window.size, MAX_PACKET_DATA, details).encode()
        )
        self._finish_sending()

    def refuse(self, reason: int, description: str) -> None:
        """Refuse a channel that the peer opened; ``reason`` as in RFC 4254 §5.1."""
        self._connection.forget(self)
        self._connection.transport.send(ChannelOpenFailure(self.peer_number, reason, description).encode())

    def set_peer(self, number: int, window: int, max_packet: int) -> None:
        """Set the peer's number, window and packet size, from opening or confirmation."""
        if max_packet == 0:
            raise ProtocolError(
                "the peer's maximum channel packet size is zero", phase="connection", received="0 bytes"
            )
        self.peer_number = number
        self.peer_window = self._peer_granted = window
        self.peer_max_packet = min(max_packet, MAX_PACKET_DATA)
        self._header = b"%c%b" % (n.SSH_MSG_CHANNEL_DATA, number.to_bytes(4, "big"))

    # --- receiving: called by the connection --------------------------------------------------------------------------

    def receive(self, data: bytes, code: int | None) -> None:
        """Handle data from the peer.  Raises `WindowError`."""
        window = self.window
        size = len(data)
        window.available -= size
        if window.available < 0:
            raise window.overrun(size)
        if self.close_sent:
            return  # data in transit when we closed is ignored, and needs no credit
        if self._special:
            self._receive_special(data, code)
        else:
            self.on_data(data, code)

    def _receive_special(self, data: bytes, code: int | None) -> None:
        if self.eof_received:
            self._receive_late(len(data), code)
            return
        self._special = False
        self._note_round_trip()
        self.on_data(data, code)

    def _note_round_trip(self) -> None:
        """Note that the peer has received our acceptance of the channel, since it uses it."""
        if self._accepted_at is not None:
            self._connection.round_trips.note(self._accepted_at)
            self._accepted_at = None

    def _receive_late(self, size: int, code: int | None) -> None:
        self._ignore_late(n.SSH_MSG_CHANNEL_DATA if code is None else n.SSH_MSG_CHANNEL_EXTENDED_DATA)
        # As OpenSSH: without more credit the peer could wait for it forever, and never close the channel.
        self.window.consumed += size
        if self.window.consumed * 4 >= self.window.size and not self.close_sent:
            self._send_adjust(self.window.grant())

    def _ignore_late(self, number: int) -> None:
        self._late += 1
        if self._late > MAX_LATE:
            self.abort()
        self._connection.strays.ignore(number, "after the end of file")

    def credit(self, count: int) -> None:
        """Give credit for ``count`` received bytes that have been processed, so that the peer may send as many more."""
        window = self.window
        window.consumed += count
        if window.consumed * 4 >= window.size:
            self._grant(window.grant())
            self._probe()

    def _probe(self) -> None:
        if self.close_sent or self.eof_received:
            return
        probes = self._connection.probes
        if probes.way is Way.PING and self.window.overdue:
            probes.give_up()
        if probes.way is Way.SILENT:
            self._probe_silently()
        elif probes.way is Way.PING:
            if self.window.begin_probe():
                self._asked_at = self._connection.round_trips.clock()
                probes.ping(self._probe_returned)
        elif len(self._pending_replies) < MAX_PENDING_REPLIES and self.window.begin_probe():
            self._asked_at = self._connection.round_trips.clock()
            self.request(WINDOW_PROBE, on_reply=lambda success: self._probe_returned())

    def _probe_returned(self) -> None:
        if not self.peer_close:  # otherwise it is because of the channel's end, not an answer
            self._grow(self._connection.round_trips.share(self._asked_at))

    def _probe_silently(self) -> None:
        trips = self._connection.round_trips
        if self.window.used_up:
            self._grow(trips.share_at_most(self._asked_at))
        if self.window.begin_probe():
            self._asked_at = trips.clock()

    def _grow(self, share: float) -> None:
        growth = self.window.end_probe(share)
        if growth:
            self._grant(growth)

    def _grant(self, count: int) -> None:
        # A peer that has received our close has forgotten the channel; another message for it would end the connection.
        if not self.close_sent and not self.eof_received:
            self._send_adjust(count)

    def _send_adjust(self, count: int) -> None:
        self._connection.transport.send_data(ChannelWindowAdjust(self.peer_number, count).encode())

    def adjust(self, count: int) -> None:
        """Handle a grant of ``count`` more bytes.  Raises `WindowError` if the peer's window overflows."""
        if self.peer_window + count > MAX_UINT32:
            raise WindowError(
                "the peer's window overflows", phase="connection", expected="at most 4294967295 bytes in all"
            )
        self.peer_window += count
        self._peer_granted += count
        if self._unsent:
            self.pump()

    def confirmed(self, peer_number: int, window: int, max_packet: int, details: bytes) -> None:
        """Handle the peer's confirmation of the channel."""
        self._connection.round_trips.share(self._asked_at)
        self.set_peer(peer_number, window, max_packet)
        self.open = True
        if self._close_when_sent:
            self._finish_sending()  # it was closed in the meantime
        else:
            self.on_event(ChannelOpened(details))

    def refused(self, reason: int, description: str) -> None:
        """Handle the peer's refusal of the channel."""
        self.on_event(ChannelRefused(reason, description))

    def receive_eof(self) -> None:
        """Handle the peer's end of file."""
        if self.eof_received:
            self._ignore_late(n.SSH_MSG_CHANNEL_EOF)
            return
        self.eof_received = self._special = True
        self.on_event(ChannelEofReceived())

    def receive_close(self) -> None:
        """Handle the peer's close: close too, and the channel is over."""
        self.peer_close = True
        self._drop_unsent()
        if self.close_sent:
            self._connection.forget(self)
            self._tell_closed(None)
        else:
            self._send_close()

    def receive_request(self, name: str, want_reply: bool, details: bytes) -> None:
        """Handle a request from the peer."""
        self._note_round_trip()
        if self.close_sent:
            return
        if want_reply:
            self._to_answer += 1
            if self._to_answer > MAX_PENDING_REPLIES:
                raise ProtocolError("too many unanswered channel requests", phase="connection")
        self.on_event(ChannelRequested(name, want_reply, details))

    def receive_reply(self, success: bool) -> None:
        """Handle the answer to our oldest request."""
        if not self._pending_replies:
            number = n.SSH_MSG_CHANNEL_SUCCESS if success else n.SSH_MSG_CHANNEL_FAILURE
            self._connection.strays.ignore(number, "without a request")
            return
        self._pending_replies.popleft()(success)

    def session_ended(self, error: SSHError) -> None:
        """Handle the end of the session."""
        self._drop_unsent()
        self.close_sent = self.peer_close = True
        self._tell_closed(error)

    def _tell_closed(self, error: SSHError | None) -> None:
        pending, self._pending_replies = self._pending_replies, deque()
        with ExitStack() as stack:  # all are notified, even if one of them raises
            stack.callback(self.on_event, ChannelClosed(error))
            for on_reply in reversed(pending):
                stack.callback(on_reply, False)
