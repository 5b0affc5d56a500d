"""The connection layer: channels by number, global requests and pings (RFC 4254; numbers 80 to 100; PROTOCOL §1.9)."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

from jupyter_ssh.ssh.errors import ChannelOpenError, ConnectionClosed, ProtocolError, SSHError
from jupyter_ssh.ssh.protocol.channel import Channel, DataHandler, EventHandler
from jupyter_ssh.ssh.protocol.events import ChannelOpenRequested, Event, GlobalRequested
from jupyter_ssh.ssh.protocol.layers import Handler, MessageSender, payload_end
from jupyter_ssh.ssh.protocol.probes import Probes
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.strays import Strays
from jupyter_ssh.ssh.protocol.window import MAX_PACKET_DATA, RoundTrips
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n

MAX_PENDING_GLOBAL: Final = 1024

SHARE: Final = 128 * 1024
"""How many bytes a channel may send before it is the next one's turn."""

GlobalReplyHandler = Callable[[bytes | None], None]
"""Receives the payload of REQUEST_SUCCESS, or None for REQUEST_FAILURE and at the end of the session."""

# Offsets in a packet's body: padding length, message number, then the fields.
_RECIPIENT_SIZE = struct.Struct(">II").unpack_from
_RECIPIENT_CODE_SIZE = struct.Struct(">III").unpack_from
_DATA_START: Final = 10
_EXTENDED_DATA_START: Final = 14

# OpenSSH's choice: what it ignores is ignored, what it ends the connection for is an error.
_IGNORED_WITHOUT_CHANNEL: Final = frozenset(
    {n.SSH_MSG_CHANNEL_WINDOW_ADJUST, n.SSH_MSG_CHANNEL_REQUEST, n.SSH_MSG_CHANNEL_SUCCESS, n.SSH_MSG_CHANNEL_FAILURE}
)
"""Messages that may be for a channel that is closed or never was."""

_IGNORED_BEFORE_OPEN: Final = _IGNORED_WITHOUT_CHANNEL | {n.SSH_MSG_CHANNEL_DATA, n.SSH_MSG_CHANNEL_EXTENDED_DATA}
"""Messages that may come while a channel is being opened: they are for the one that had its number before."""


class _Owed:
    """The answer owed for a global request of the peer; ``answer`` is None until there is one."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: bytes | None = None


class Connection:
    """All channels and global requests of one session."""

    def __init__(
        self,
        transport: MessageSender,
        strays: Strays,
        probes: Probes,
        settings: Settings,
        on_event: Callable[[Event], None],
    ) -> None:
        self.transport = transport
        self.strays = strays
        self.probes = probes
        self.max_window = settings.max_window
        self.on_event = on_event
        self.channels: dict[int, Channel] = {}
        self.round_trips = RoundTrips()
        self._max_channels = settings.max_channels
        self._highest_used = -1
        """The highest number that a channel ever had; all below it were used too."""
        self._global_replies: deque[GlobalReplyHandler] = deque()
        self._owed: deque[_Owed] = deque()

    def handlers(self) -> dict[int, Handler]:
        """Return the handlers by message number, for `Transport.register`."""
        return {
            n.SSH_MSG_GLOBAL_REQUEST: self._on_global_request,
            n.SSH_MSG_REQUEST_SUCCESS: self._on_request_success,
            n.SSH_MSG_REQUEST_FAILURE: self._on_request_failure,
            n.SSH_MSG_CHANNEL_OPEN: self._on_open,
            n.SSH_MSG_CHANNEL_OPEN_CONFIRMATION: self._on_open_confirmation,
            n.SSH_MSG_CHANNEL_OPEN_FAILURE: self._on_open_failure,
            n.SSH_MSG_CHANNEL_WINDOW_ADJUST: self._on_window_adjust,
            n.SSH_MSG_CHANNEL_DATA: self._on_data,
            n.SSH_MSG_CHANNEL_EXTENDED_DATA: self._on_extended_data,
            n.SSH_MSG_CHANNEL_EOF: self._on_eof,
            n.SSH_MSG_CHANNEL_CLOSE: self._on_close,
            n.SSH_MSG_CHANNEL_REQUEST: self._on_request,
            n.SSH_MSG_CHANNEL_SUCCESS: self._on_success,
            n.SSH_MSG_CHANNEL_FAILURE: self._on_failure,
            n.SSH2_MSG_PONG: self.probes.on_pong,
        }

    # --- for the layer above ------------------------------------------------------------------------------------------

    def open_channel(self, kind: str, details: bytes, on_event: EventHandler, on_data: DataHandler) -> Channel:
        """Request a channel from the peer; `ChannelOpened` or `ChannelRefused` follows.  Raises `ChannelOpenError`."""
        channel = Channel(self, self._free_number(), kind, on_event, on_data)
        self.channels[channel.number] = channel
        self.transport.send(m.ChannelOpen(kind, channel.number, channel.window.size, MAX_PACKET_DATA, details).encode())
        return channel

    def request_global(self, name: str, details: bytes = b"", on_reply: GlobalReplyHandler | None = None) -> None:
        """Send a global request; ``on_reply`` gets the answer (RFC 4254 §4).  Raises `ConnectionClosed`."""
        if self.transport.closed:
            raise ConnectionClosed("the connection is closed", phase="connection")
        if on_reply is not None:
            if len(self._global_replies) >= MAX_PENDING_GLOBAL:
                raise ProtocolError(f"{MAX_PENDING_GLOBAL} global requests are unanswered", phase="connection")
            self._global_replies.append(on_reply)
        self.transport.send(m.GlobalRequest(name, on_reply is not None, details).encode())

    @property
    def unanswered(self) -> int:
        """How many of our global requests await their answers; at most `MAX_PENDING_GLOBAL`."""
        return len(self._global_replies)

    def pump(self) -> None:
        """Let the channels send waiting data in turns, so that a bulk transfer does not delay a terminal."""
        waiting = deque([channel for channel in self.channels.values() if channel.unsent])
        while waiting and not self.transport.congested:
            channel = waiting.popleft()
            if self.channels.pop(channel.number, None) is None:
                continue  # another channel's owner ended it in the meantime
            self.channels[channel.number] = channel  # move it to the end of the line
            if channel.pump(SHARE):
                waiting.append(channel)

    def forget(self, channel: Channel) -> None:
        """Remove a channel that is over; its number may be reused."""
        self.channels.pop(channel.number, None)

    def session_ended(self, error: SSHError) -> None:
        """Tell every channel and everyone waiting for an answer, even if one of them raises."""
        self.probes.forget()
        channels, self.channels = self.channels, {}
        replies, self._global_replies = self._global_replies, deque()
        with ExitStack() as stack:
            for on_reply in reversed(replies):
                stack.callback(on_reply, None)
            for channel in reversed(channels.values()):
                stack.callback(channel.session_ended, error)

    def _free_number(self) -> int:
        if len(self.channels) >= self._max_channels:
            error = ChannelOpenError(f"{self._max_channels} channels are already open", phase="connection")
            error.reason = n.SSH_OPEN_RESOURCE_SHORTAGE
            raise error
        number = 0
        while number in self.channels:
            number += 1
        self._highest_used = max(self._highest_used, number)
        return number

    # --- data: the hot path, decoded by hand --------------------------------------------------------------------------

    def _on_data(self, body: bytes) -> None:
        end = len(body) - body[0]
        if end < _DATA_START:
            raise _bad_size(n.SSH_MSG_CHANNEL_DATA, 8, end - 2)
        recipient, size = _RECIPIENT_SIZE(body, 2)
        if size != end - _DATA_START:
            raise _bad_size(n.SSH_MSG_CHANNEL_DATA, size, end - _DATA_START)
        channel = self.channels.get(recipient)
        if channel is None or not channel.open:
            self._stray(channel, recipient, n.SSH_MSG_CHANNEL_DATA)
            return
        channel.receive(body[_DATA_START:end], None)

    def _on_extended_data(self, body: bytes) -> None:
        end = len(body) - body[0]
        if end < _EXTENDED_DATA_START:
            raise _bad_size(n.SSH_MSG_CHANNEL_EXTENDED_DATA, 12, end - 2)
        recipient, code, size = _RECIPIENT_CODE_SIZE(body, 2)
        if size != end - _EXTENDED_DATA_START:
            raise _bad_size(n.SSH_MSG_CHANNEL_EXTENDED_DATA, size, end - _EXTENDED_DATA_START)
        channel = self._channel(recipient, n.SSH_MSG_CHANNEL_EXTENDED_DATA)
        if channel is not None:
            channel.receive(body[_EXTENDED_DATA_START:end], code)

    def _on_window_adjust(self, body: bytes) -> None:
        if len(body) - body[0] != _DATA_START:
            raise _bad_size(n.SSH_MSG_CHANNEL_WINDOW_ADJUST, 8, payload_end(body) - 2)
        recipient, count = _RECIPIENT_SIZE(body, 2)
        channel = self.channels.get(recipient)
        if channel is not None and channel.open:
            channel.adjust(count)
        elif recipient > self._highest_used:
            self._stray(channel, recipient, n.SSH_MSG_CHANNEL_WINDOW_ADJUST)
        # Otherwise it crossed our close, as those of OpenSSH often do: nothing is wrong.

    # --- channels -----------------------------------------------------------------------------------------------------

    def _channel(self, recipient: int, number: int) -> Channel | None:
        """Return the channel that a message is for, None if the message is to be ignored."""
        channel = self.channels.get(recipient)
        if channel is not None and channel.open:
            return channel
        self._stray(channel, recipient, number)
        return None

    def _stray(self, channel: Channel | None, recipient: int, number: int) -> None:
        """Ignore a message for ``channel``, which is not open, or raise the error that it is."""
        if number not in (_IGNORED_WITHOUT_CHANNEL if channel is None else _IGNORED_BEFORE_OPEN):
            raise self._unknown(recipient, number)
        self.strays.ignore(number, "for a channel that is not open")

    def _opening(self, recipient: int, number: int) -> Channel:
        channel = self.channels.get(recipient)
        # A channel opened by the peer already has the peer's number; one that we opened is waiting for it.
        if channel is None or channel.open or channel.awaits_answer:
            raise self._unknown(recipient, number)
        return channel

    def _unknown(self, recipient: int, number: int) -> ProtocolError:
        known = ", ".join(map(str, sorted(self.channels)[:20])) or "none"
        return ProtocolError(
            f"{n.message_name(number)} for a channel that is not open",
            phase="connection",
            expected=f"an open channel ({known})",
            received=f"channel {recipient}",
        )

    def _on_open(self, body: bytes) -> None:
        message = m.ChannelOpen.decode(body, 2, payload_end(body))
        if len(self.channels) >= self._max_channels:
            refusal = m.ChannelOpenFailure(message.sender, n.SSH_OPEN_RESOURCE_SHORTAGE, "too many channels")
            self.transport.send(refusal.encode())
            return
        channel = Channel(self, self._free_number(), message.kind, _no_events, _no_data)
        channel.set_peer(message.sender, message.window, message.max_packet)
        channel.awaits_answer = True
        self.channels[channel.number] = channel
        self.on_event(ChannelOpenRequested(channel, message.kind, message.details))

    def _on_open_confirmation(self, body: bytes) -> None:
        message = m.ChannelOpenConfirmation.decode(body, 2, payload_end(body))
        channel = self._opening(message.recipient, n.SSH_MSG_CHANNEL_OPEN_CONFIRMATION)
        channel.confirmed(message.sender, message.window, message.max_packet, message.details)

    def _on_open_failure(self, body: bytes) -> None:
        message = m.ChannelOpenFailure.decode(body, 2, payload_end(body))
        channel = self._opening(message.recipient, n.SSH_MSG_CHANNEL_OPEN_FAILURE)
        self.forget(channel)
        channel.refused(message.reason, message.description)

    def _on_eof(self, body: bytes) -> None:
        message = m.ChannelEof.decode(body, 2, payload_end(body))
        if (channel := self._channel(message.recipient, message.number)) is not None:
            channel.receive_eof()

    def _on_close(self, body: bytes) -> None:
        message = m.ChannelClose.decode(body, 2, payload_end(body))
        if (channel := self._channel(message.recipient, message.number)) is not None:
            channel.receive_close()

    def _on_request(self, body: bytes) -> None:
        message = m.ChannelRequest.decode(body, 2, payload_end(body))
        channel = self._channel(message.recipient, message.number)
        if channel is not None:
            channel.receive_request(message.name, message.want_reply, message.details)

    def _on_success(self, body: bytes) -> None:
        message = m.ChannelSuccess.decode(body, 2, payload_end(body))
        if (channel := self._channel(message.recipient, message.number)) is not None:
            channel.receive_reply(True)

    def _on_failure(self, body: bytes) -> None:
        message = m.ChannelFailure.decode(body, 2, payload_end(body))
        if (channel := self._channel(message.recipient, message.number)) is not None:
            channel.receive_reply(False)

    # --- global requests ----------------------------------------------------------------------------------------------

    def _on_global_request(self, body: bytes) -> None:
        message = m.GlobalRequest.decode(body, 2, payload_end(body))
        if not message.want_reply:
            self.on_event(GlobalRequested(message.name, False, message.details))
            return
        if len(self._owed) >= MAX_PENDING_GLOBAL:
            raise ProtocolError("too many unanswered global requests", phase="connection")
        owed = _Owed()
        self._owed.append(owed)
        self.on_event(GlobalRequested(message.name, True, message.details, partial(self._answer, owed)))

    def _answer(self, owed: _Owed, details: bytes | None) -> None:
        if owed.answer is not None:
            return
        owed.answer = (m.RequestFailure() if details is None else m.RequestSuccess(details)).encode()
        # Answers are not numbered; the peer matches them by their order (RFC 4254 §4).
        while self._owed and (answer := self._owed[0].answer) is not None:
            self._owed.popleft()
            self.transport.send(answer)

    def _on_request_success(self, body: bytes) -> None:
        message = m.RequestSuccess.decode(body, 2, payload_end(body))
        self._global_reply(message.number, message.details)

    def _on_request_failure(self, body: bytes) -> None:
        message = m.RequestFailure.decode(body, 2, payload_end(body))
        self._global_reply(message.number, None)

    def _global_reply(self, number: int, details: bytes | None) -> None:
        if self._global_replies:
            self._global_replies.popleft()(details)
        else:
            self.strays.ignore(number, "without a request")


def _bad_size(number: int, said: int, there: int) -> ProtocolError:
    return ProtocolError(
        f"{n.message_name(number)} has the wrong size",
        phase="connection",
        expected=f"{said} bytes",
        received=f"{there}",
    )


def _no_events(event: object) -> None:
    """Ignore a channel that has not been accepted yet."""


def _no_data(data: bytes, code: int | None) -> None:
    """Ignore a channel that has not been accepted yet."""
