"""The transport layer without I/O (RFC 4253), messages 1 to 49: its parts together, its timers and its end.

Bytes go in through `receive_buffer` and `received`, come out of `sender`.  `VersionExchange`, `PacketSender`,
`PacketReceiver`, `Dispatcher` and `Handshake` each do one thing.  The layers above register their handlers by message
number, and GATE decides which of them can be reached in a phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.errors import (
    ConnectionClosed,
    ConnectionLost,
    DisconnectedByPeer,
    HostKeyError,
    ProtocolError,
    SSHError,
)
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.events import DebugMessage, Event, MessageIgnored
from jupyter_ssh.ssh.protocol.extensions import take_extensions
from jupyter_ssh.ssh.protocol.gate import UNASSIGNED
from jupyter_ssh.ssh.protocol.goodbyes import goodbye_reason
from jupyter_ssh.ssh.protocol.handshake.handshake import Compute, Handshake, at_once
from jupyter_ssh.ssh.protocol.handshake.keys_in_use import KeysInUse
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed
from jupyter_ssh.ssh.protocol.layers import Handlers, payload_end
from jupyter_ssh.ssh.protocol.packets.key_age import REKEY_PATIENCE, SEQUENCE_MASK, KeyAge
from jupyter_ssh.ssh.protocol.packets.receiver import PacketReceiver
from jupyter_ssh.ssh.protocol.packets.ring import PacketRing
from jupyter_ssh.ssh.protocol.packets.sender import MAX_HELD, PacketSender
from jupyter_ssh.ssh.protocol.roles import EXCHANGE_PHASES, Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.strays import Strays
from jupyter_ssh.ssh.protocol.transitions import Trigger
from jupyter_ssh.ssh.protocol.version import VersionExchange
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.messages import Debug, Disconnect, ExtInfo, Ping, Pong, Unimplemented
from jupyter_ssh.ssh.wire.types import Reader

_ADVICE: Final = "The peer violated the protocol; update it, or report this."

_STALLED: Final = "the peer did not complete the key re-exchange"


class Transport:
    """RFC 4253 for one connection, in either role."""

    def __init__(self, role: Role, settings: Settings, on_event: Callable[[Event], None]) -> None:
        self.role = role
        self.settings = settings
        self.on_event = on_event
        self.on_failure: Callable[[SSHError], None] = lambda error: None
        self.compute: Compute = at_once
        """Runs what takes long; a driver does so in a thread, while other sessions go on."""
        self.failure: SSHError | None = None
        self.extensions: dict[str, bytes] = {}
        """What the peer announced in EXT_INFO (RFC 8308)."""
        self.packets = PacketRing()
        self.versions = VersionExchange(settings.version.encode("ascii"), allow_banner=role is Role.CLIENT)
        self._age = KeyAge(settings.rekey_bytes, settings.rekey_seconds)
        self.sender = PacketSender(PlainSealer(random=settings.random), self._age, self.packets, self.versions.line)
        self.strays = Strays(lambda number, why: on_event(MessageIgnored(number, why)))
        self.dispatcher = Dispatcher(role, self._note_received, self._on_ignored)
        self.receiver = PacketReceiver(PlainOpener(), self.dispatcher)
        keys = KeysInUse(role, settings.random, self.sender, self.receiver, self._age)
        self.handshake = Handshake(
            role, settings, self.versions, self.dispatcher, self.sender, keys, self._age, on_event, self._compute
        )
        self.sender.on_worn_out = self.handshake.rekey
        self.sender.on_overflow = self._too_much_held
        self.dispatcher.register(self._handlers)
        self.dispatcher.register(self.handshake.handlers)
        self.handshake.start()

    # --- state of the parts -------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """What the peer may send next."""
        return self.dispatcher.phase

    @property
    def peer_version(self) -> bytes:
        """The peer's identification string; empty until it was received."""
        return self.versions.theirs

    @property
    def banner_lines(self) -> list[bytes]:
        """The lines a server sent before its identification string."""
        return self.versions.banner

    @property
    def agreed(self) -> Agreed | None:
        """The outcome of the last negotiation."""
        return self.handshake.keys.agreed

    @property
    def session_id(self) -> bytes:
        """The session identifier (RFC 4253 §7.2); empty before the first key exchange."""
        return self.handshake.keys.session_id

    @property
    def strict(self) -> bool:
        """Whether strict key exchange was agreed on (OpenSSH PROTOCOL §1.10)."""
        return self.handshake.keys.strict

    @property
    def host_key(self) -> PublicKey | None:
        """See `Handshake.host_key`."""
        return self.handshake.host_key

    @property
    def host_key_signature(self) -> bytes:
        """See `Handshake.host_key_signature`."""
        return self.handshake.host_key_signature

    @property
    def exchanges(self) -> int:
        """See `Handshake.exchanges`."""
        return self.handshake.exchanges

    @property
    def exchanging(self) -> bool:
        """See `Handshake.exchanging`."""
        return self.handshake.exchanging

    @property
    def logged_in(self) -> bool:
        """Whether a user is logged in."""
        return self.handshake.keys.logged_in

    # --- for the layers above -----------------------------------------------------------------------------------------

    def register(self, layer: Callable[[], Handlers]) -> None:
        """Add an upper layer by what returns its handlers."""
        self.dispatcher.register(layer)

    def send(self, payload: bytes) -> None:
        """Queue one message of the upper layers; it waits while keys change (RFC 4253 §7.1)."""
        self.sender.send(payload)

    def grant_service(self) -> None:
        """Accept messages of the authentication service, which was granted."""
        self._advance(Trigger.SERVICE)

    def send_login(self, payload: bytes) -> None:
        """Send USERAUTH_SUCCESS, the last message before a delayed compression begins."""
        self.handshake.keys.send_login(payload, exchanging=self.phase in EXCHANGE_PHASES)
        self._advance(Trigger.LOGIN)

    def received_login(self) -> None:
        """Begin a delayed compression: USERAUTH_SUCCESS was received."""
        self.handshake.keys.received_login(exchanging=self.phase in EXCHANGE_PHASES)
        self._advance(Trigger.LOGIN)

    def _advance(self, trigger: Trigger) -> None:
        if self.failure is None:
            self.dispatcher.advance(trigger)

    def accept_host_key(self) -> None:
        """Continue after `HostKeyOffered`: the key is trusted."""
        try:
            self.handshake.accept_host_key()
        except SSHError as error:
            self.fail(error)

    def rekey(self) -> None:
        """Begin a key re-exchange, see `Handshake.rekey`."""
        self.handshake.rekey()

    # --- for the network ----------------------------------------------------------------------------------------------

    def receive_buffer(self) -> memoryview:
        """Return where to write the next received bytes."""
        return self.receiver.buffer.room()

    def received(self, count: int) -> None:
        """Handle all whole packets, after ``count`` bytes were written into `receive_buffer`.

        Never raises errors of the peer: they end the session, see `failure`.
        """
        if self.failure is not None:
            return
        age, receiver = self._age, self.receiver
        age.received(count)
        receiver.buffer.written(count)
        try:
            if self.versions.theirs or self._read_version():
                receiver.read_packets()
        except SSHError as error:
            self.fail(error)
            return
        if age.worn_in(receiver.opener.sequence):
            self.rekey()

    def _read_version(self) -> bool:
        buffer, versions = self.receiver.buffer, self.versions
        buffer.start += versions.read(buffer.view[buffer.start : buffer.end])
        if not versions.theirs:
            return False
        self.dispatcher.advance(Trigger.VERSION)
        return True

    def received_eof(self) -> None:
        """End the session: the peer sends nothing more."""
        if self.phase is Phase.VERSION:
            self.fail(self.versions.eof())
            return
        self.fail(
            ConnectionLost(
                "the connection was closed unexpectedly",
                phase=self.phase.value,
                next_step="Check the network and the log of the other side; then connect again.",
            )
        )

    def tick(self, now: float) -> None:
        """Advance the clock to ``now``, in seconds of any monotonic clock, and replace keys that are too old."""
        if self._age.tick(now):
            self.rekey()
        if self._age.stalled(self.handshake.rekeying):
            self.fail(
                ConnectionLost.silent(
                    _STALLED,
                    phase=self.phase.value,
                    received=f"silence for {REKEY_PATIENCE:g} s",
                    next_step="Check the network; then connect again.",
                )
            )

    def next_tick(self) -> float | None:
        """Return when `tick` should be called next."""
        return self._age.next_tick()

    def _compute(self, work: Callable[[], bool], done: Callable[[bool], None]) -> None:
        """See `compute`; an error of what follows ends the session."""

        def finish(result: bool) -> None:
            if self.failure is not None:
                return
            try:
                done(result)
            except SSHError as error:
                self.fail(error)

        self.compute(work, finish)

    # --- the end ------------------------------------------------------------------------------------------------------

    def fail(self, error: SSHError) -> None:
        """End the session because of ``error``; the peer is told if it violated the protocol."""
        if self.failure is not None:
            return
        error.phase = error.phase or self.phase.value
        reason = goodbye_reason(error)
        if reason is not None:
            # Our knowledge of the host is not the peer's business, and an untrusted key does not violate the protocol.
            of_key = isinstance(error, HostKeyError)
            error.next_step = error.next_step or (None if of_key else _ADVICE)
            self._say_goodbye(reason, "host key not accepted" if of_key else error.message)
        self._end(error)

    def _too_much_held(self) -> None:
        self.fail(
            ProtocolError(
                _STALLED,
                phase=self.phase.value,
                expected=f"NEWKEYS before {MAX_HELD} bytes of other messages had to wait for it",
            )
        )

    def disconnect(self, reason: int, text: str) -> None:
        """Send SSH_MSG_DISCONNECT and end the session (RFC 4253 §11.1)."""
        if self.failure is None:
            self._say_goodbye(reason, text)
            self._end(ConnectionClosed("the connection was closed here"))

    def _end(self, error: SSHError) -> None:
        self.failure = error
        self.dispatcher.advance(Trigger.END)
        self.receiver.close()
        self.sender.close()
        self.handshake.close()
        self.on_failure(error)

    def _say_goodbye(self, reason: int, text: str) -> None:
        if self.phase is not Phase.VERSION:
            self.sender.send_now(Disconnect(reason, text[:500]).encode())

    # --- messages at any time -----------------------------------------------------------------------------------------

    def _handlers(self) -> Handlers:
        return {
            **dict.fromkeys(UNASSIGNED, self._on_unassigned),
            n.SSH_MSG_DISCONNECT: self._on_disconnect,
            n.SSH_MSG_IGNORE: _ignore_body,
            n.SSH_MSG_UNIMPLEMENTED: _ignore_body,
            n.SSH_MSG_DEBUG: self._on_debug,
            n.SSH_MSG_EXT_INFO: self._on_ext_info,
            n.SSH2_MSG_PING: self._on_ping,
            n.SSH2_MSG_PONG: _ignore_body,
        }

    def _note_received(self, body: bytes) -> None:
        self.packets.note(True, body[1], payload_end(body) - 1, self.receiver.opener.sequence - 1)

    def _on_ignored(self, body: bytes) -> None:
        self.strays.ignore(body[1], "out of turn")

    def _on_disconnect(self, body: bytes) -> None:
        # Parsed by hand: some peers omit the language tag, and their reason should be shown anyway.
        reader = Reader(body, 2, payload_end(body))
        reason = reader.uint32()
        description = reader.text() if reader.remaining else ""
        error = DisconnectedByPeer(
            "the peer ended the connection",
            phase=self.phase.value,
            received=f"{n.DISCONNECT_NAMES.get(reason, 'unknown reason')}: {description[:300]!r}",
        )
        error.reason = reason
        self._end(error)

    def _on_debug(self, body: bytes) -> None:
        message = Debug.decode(body, 2, payload_end(body))
        self.on_event(DebugMessage(message.message, message.always_display))

    def _on_ext_info(self, body: bytes) -> None:
        take_extensions(ExtInfo.decode(body, 2, payload_end(body)), self.extensions)

    def _on_ping(self, body: bytes) -> None:
        self.send(Pong(Ping.decode(body, 2, payload_end(body)).data).encode())

    def _on_unassigned(self, body: bytes) -> None:
        self.send(Unimplemented((self.receiver.opener.sequence - 1) & SEQUENCE_MASK).encode())


def _ignore_body(body: bytes) -> None:
    """Ignore a message."""
