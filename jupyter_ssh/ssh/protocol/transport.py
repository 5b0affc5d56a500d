"""The transport layer without I/O: packets, key exchange, rekey, and the messages of RFC 4253 (numbers 1 to 49).

Bytes go in through `receive_buffer` and `received`, come out of `data_to_send`.  The layers above register their
handlers by message number; GATE decides, by phase, which of them may be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener, Sealer
from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.errors import (
    ConnectionClosed,
    ConnectionLost,
    DisconnectedByPeer,
    HostKeyError,
    KeyExchangeError,
    ProtocolError,
    SSHError,
    UnexpectedMessage,
    WireError,
)
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.events import DebugMessage, Event, HostKeyOffered, KeysRenewed
from jupyter_ssh.ssh.protocol.extensions import server_ext_info, take_extensions
from jupyter_ssh.ssh.protocol.gate import EXCHANGE_NUMBERS, GATE, UNASSIGNED
from jupyter_ssh.ssh.protocol.goodbyes import goodbye_reason
from jupyter_ssh.ssh.protocol.key_age import REKEY_PATIENCE, SEQUENCE_MASK, KeyAge
from jupyter_ssh.ssh.protocol.key_exchange import (
    Exchange,
    Secrets,
    Transcript,
    agreed_host_key,
    begin_exchange,
    compressing,
    decompressing,
    make_opener,
    make_sealer,
)
from jupyter_ssh.ssh.protocol.negotiation import Agreed, Direction, make_kexinit, negotiate
from jupyter_ssh.ssh.protocol.packet_ring import UNNOTED, PacketRing
from jupyter_ssh.ssh.protocol.receive_buffer import ReceiveBuffer
from jupyter_ssh.ssh.protocol.roles import EXCHANGE_PHASES, Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.version import VersionReader
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.messages import Debug, Disconnect, ExtInfo, KexInit, Ping, Pong, Unimplemented
from jupyter_ssh.ssh.wire.types import Reader

Handler = Callable[[bytes], None]
"""Takes the body of a packet: padding length, message number, fields, padding."""

MAX_OUTPUT: Final = 1024 * 1024
"""Bytes of sealed packets that may wait for the network before channels stop adding to them."""

MAX_HELD: Final = 4 * 1024 * 1024
"""Bytes of messages other than data that may wait for a rekey to end."""

HELD_OVERHEAD: Final = 64
"""What a held message costs beside its own bytes, so that small ones are bounded too."""

_ADVICE: Final = "The other side does not keep to the protocol; update it, or report this."
_NO_HANDLERS: Final[tuple[Handler | None, ...]] = (None,) * 256


def payload_end(body: bytes) -> int:
    """Where the padding of a packet's body begins."""
    return len(body) - body[0]


class Transport:
    """RFC 4253 for one connection, in either role."""

    def __init__(self, role: Role, settings: Settings, on_event: Callable[[Event], None]) -> None:
        self.role = role
        self.peer_role = Role.SERVER if role is Role.CLIENT else Role.CLIENT
        self.settings = settings
        self.phase = Phase.VERSION
        self.failure: SSHError | None = None
        self.on_event = on_event
        self.on_output: Callable[[], None] = lambda: None
        self.on_failure: Callable[[SSHError], None] = lambda error: None
        self.on_released: Callable[[], None] = lambda: None
        """Called when packets of the upper layers may be sent again: a rekey is over or the network took some."""

        self.session_id = b""
        self.agreed: Agreed | None = None
        self.host_key: PublicKey | None = None
        """The server's, or its certificate, as it was shown in the first exchange."""
        self.host_key_signature = b""  # the server's, over the session identifier
        self.peer_version = b""
        self.extensions: dict[str, bytes] = {}
        """What the peer said in EXT_INFO (RFC 8308)."""
        self.strict = False
        """Whether strict key exchange was agreed (OpenSSH PROTOCOL §1.10)."""
        self.logged_in = False
        """Whether USERAUTH_SUCCESS was received, or was given to `send_login`."""
        self.exchanges = 0
        """Key exchanges that are complete, the first one included."""

        self._buffer = ReceiveBuffer()
        self._version_reader = VersionReader(allow_banner=role is Role.CLIENT)
        self.banner_lines = self._version_reader.banner
        self._opener: Opener = PlainOpener()
        self._sealer: Sealer = PlainSealer(random=settings.random)
        self._output: list[bytes] = []
        self.unsent = 0
        """Bytes of sealed packets that wait for `data_to_send`."""
        self._paused = False
        self.congested = False
        """Channels keep their data back: keys are changing, or the network is slow."""

        self._handlers: dict[int, Handler] = {
            n.SSH_MSG_DISCONNECT: self._on_disconnect,
            n.SSH_MSG_IGNORE: _ignore_body,
            n.SSH_MSG_UNIMPLEMENTED: _ignore_body,
            n.SSH_MSG_DEBUG: self._on_debug,
            n.SSH_MSG_EXT_INFO: self._on_ext_info,
            n.SSH_MSG_KEXINIT: self._on_kexinit,
            n.SSH_MSG_NEWKEYS: self._on_newkeys,
            **dict.fromkeys(EXCHANGE_NUMBERS, self._on_exchange),
            n.SSH2_MSG_PING: self._on_ping,
            n.SSH2_MSG_PONG: _ignore_body,
        }
        self._unassigned_row: list[Handler | None] = [
            self._on_unassigned if number in UNASSIGNED else None for number in range(256)
        ]
        self._tables: dict[Phase, list[Handler | None]] = {}
        self._table = [*_NO_HANDLERS]

        self.packets = PacketRing()
        self._age = KeyAge(settings.rekey_bytes, settings.rekey_seconds)

        self._our_kexinit: KexInit | None = None
        self._our_kexinit_payload = b""
        self._exchange: Exchange | None = None
        self._secrets: Secrets | None = None
        self._newkeys_received = False
        self._newkeys_sent = False
        self._peer_wants_ext_info = False
        self._resume_phase = Phase.SERVICE
        self._holding = False
        """Messages of the upper layers do not go out: they wait for new keys, or the session is over."""
        self._held: list[bytes] = []
        self._held_size = 0
        # zlib@openssh.com begins in each direction after USERAUTH_SUCCESS.
        self._compress_sent = False
        self._last_before_login: bytes | None = None

        self._output.append(settings.version.encode("ascii") + b"\r\n")
        self._send_kexinit()

    # --- for the layers above -----------------------------------------------------------------------------------------

    def register(self, handlers: dict[int, Handler]) -> None:
        """Adds an upper layer's handlers, by message number."""
        self._handlers.update(handlers)
        self._tables.clear()

    def enter(self, phase: Phase) -> None:
        """Changes what the peer may send next.  An upper layer may be ahead of a rekey that is under way: then this
        is where the session goes on after it."""
        if self.phase in EXCHANGE_PHASES:
            self._resume_phase = phase
        elif self.failure is None:
            self._enter(phase)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        if phase not in self._tables:
            allowed = GATE[self.role, phase]
            table = self._unassigned_row[:] if allowed >= UNASSIGNED else [*_NO_HANDLERS]
            for number in allowed & self._handlers.keys():
                handler = self._handlers[number]
                table[number] = handler if number in UNNOTED else self._noting(handler)
            self._tables[phase] = table
        self._table = self._tables[phase]

    def _noting(self, handler: Handler) -> Handler:
        # Around the handlers, so that packets of data, which have none around theirs, cost nothing.
        def noting(body: bytes) -> None:
            self.packets.note(True, body[1], payload_end(body) - 1, self._opener.sequence - 1)
            handler(body)

        return noting

    def send(self, payload: bytes) -> None:
        """Queues one message of the upper layers; while keys change it waits (RFC 4253 §7.1)."""
        if not self._holding:
            self.packets.note(False, payload[0], len(payload), self._sealer.sequence)
        self.send_data(payload)

    def send_data(self, payload: bytes) -> None:
        """The same for messages that the ring of packets does not note: those that data consists of."""
        if self._holding:
            self._hold(payload)
            return
        packet = self._sealer.seal(payload)
        output = self._output
        output.append(packet)
        self.unsent += len(packet)
        if self.unsent > MAX_OUTPUT:
            self.congested = True
        if len(output) == 1:
            self.on_output()

    def _hold(self, payload: bytes) -> None:
        if self.failure is not None:
            return
        self._held_size += len(payload) + HELD_OVERHEAD
        if self._held_size > MAX_HELD:
            self.fail(
                ProtocolError(
                    "the peer does not take its part in renewing the keys",
                    phase=self.phase.value,
                    expected=f"an answer before {MAX_HELD} bytes of other messages wait for it",
                )
            )
            return
        self._held.append(payload)

    def send_login(self, payload: bytes) -> None:
        """Sends USERAUTH_SUCCESS, the last message before a delayed compression begins."""
        if self._holding:  # it goes out under the next keys, and so does what answers it
            self.logged_in = True
            self._last_before_login = payload
            self._hold(payload)
        else:
            self.send(payload)
            self.received_login()

    def received_login(self) -> None:
        """Says that USERAUTH_SUCCESS came: a delayed compression begins."""
        self.logged_in = True
        if self.phase not in EXCHANGE_PHASES:  # else with the keys that the peer is about to take into use
            self._opener = decompressing(self._opener, self._direction(self.peer_role), delayed=True)
        self._compress_from_here()

    def _compress_from_here(self) -> None:
        self._compress_sent = True
        self._sealer = compressing(self._sealer, self._direction(self.role), delayed=True)

    def rekey(self) -> None:
        """Begins to change the keys, unless that is under way (RFC 4253 §9).

        Not before the login, as OpenSSH: a KEXINIT that crosses USERAUTH_SUCCESS would be taken for a compressed one.
        """
        if self.logged_in and self._our_kexinit is None and self._secrets is None and self.failure is None:
            self._send_kexinit()

    @property
    def exchanging(self) -> bool:
        """Whether keys are changing: messages of the upper layers wait."""
        return self._our_kexinit is not None

    @property
    def rekeying(self) -> bool:
        """Whether a key exchange after the first is under way; it waits for nobody but the peer."""
        return self.exchanges > 0 and (self._our_kexinit is not None or self._secrets is not None)

    # --- for the network ----------------------------------------------------------------------------------------------

    def receive_buffer(self) -> memoryview:
        """Where to write the next received bytes."""
        return self._buffer.room()

    def received(self, count: int) -> None:
        """Says that ``count`` bytes were written into `receive_buffer`, and handles all whole packets.

        Never raises what the peer caused: that ends the session, see `failure`.
        """
        if self.failure is not None:
            return
        self._age.received(count)
        buffer = self._buffer
        buffer.written(count)
        try:
            if self.phase is Phase.VERSION and not self._read_version():
                return
            self._read_packets(buffer)
        except SSHError as error:
            self.fail(error)
            return
        if self._age.worn_in(self._opener.sequence):
            self.rekey()

    def _read_packets(self, buffer: ReceiveBuffer) -> None:
        # The hot loop of a download: one call to open a packet, one to handle it.
        view, start, end = buffer.view, buffer.start, buffer.end
        try:
            while True:
                opener = self._opener
                body = opener.open(view, start, end)
                if body is None:
                    return
                start += len(body) + opener.overhead
                handler = self._table[body[1]]
                if handler is None:
                    if self.phase is Phase.CLOSED:
                        return
                    self._refuse(body[1])
                handler(body)
        finally:
            buffer.start = start

    def received_eof(self) -> None:
        """Says that the peer sends nothing more."""
        if self.phase is Phase.VERSION:
            self.fail(self._version_reader.eof())
            return
        self.fail(
            ConnectionLost(
                "the connection was closed without a goodbye",
                phase=self.phase.value,
                next_step="Check the network and what the other side logs; then connect again.",
            )
        )

    def data_to_send(self) -> list[bytes]:
        """Takes the packets that wait to be sent."""
        output, self._output = self._output, []
        if output:
            worn_out = self._age.sent(self.unsent, len(output))
            self.unsent = 0
            if worn_out:
                self.rekey()
            if self.congested:
                self._decongest()
        return output

    def pause(self) -> None:
        """Says that the network takes no more for now."""
        self._paused = True
        self.congested = True

    def resume(self) -> None:
        """Says that the network takes data again."""
        self._paused = False
        self._decongest()

    def _decongest(self) -> None:
        if self.congested and not self._paused and self._our_kexinit is None and self.unsent <= MAX_OUTPUT:
            self.congested = False
            self.on_released()

    def tick(self, now: float) -> None:
        """Gives the time, in seconds of any steady clock; renews keys that are too old."""
        if self._age.tick(now):
            self.rekey()
        if self._age.stalled(self.rekeying):
            self.fail(
                ConnectionLost(
                    "the peer does not take its part in renewing the keys",
                    phase=self.phase.value,
                    received=f"silence for {REKEY_PATIENCE:g} s",
                    next_step="Check the network; then connect again.",
                )
            )

    def next_tick(self) -> float | None:
        """When `tick` should be called next."""
        return self._age.next_tick()

    # --- the end ------------------------------------------------------------------------------------------------------

    def fail(self, error: SSHError) -> None:
        """Ends the session because of ``error``; the peer is told when the error is its protocol's."""
        if self.failure is not None:
            return
        error.phase = error.phase or self.phase.value
        reason = goodbye_reason(error)
        if reason is not None:
            # What we know of the host is nobody else's business, and its key no fault of the protocol.
            of_key = isinstance(error, HostKeyError)
            error.next_step = error.next_step or (None if of_key else _ADVICE)
            self._say_goodbye(reason, "host key not accepted" if of_key else error.message)
        self._end(error)

    def disconnect(self, reason: int, text: str) -> None:
        """Says SSH_MSG_DISCONNECT and ends the session (RFC 4253 §11.1)."""
        if self.failure is None:
            self._say_goodbye(reason, text)
            self._end(ConnectionClosed("the connection was closed here"))

    def _end(self, error: SSHError) -> None:
        self.failure = error
        self._enter(Phase.CLOSED)
        self._holding = True
        self._held.clear()
        self._exchange = None
        self._secrets = None
        self.on_failure(error)

    def _say_goodbye(self, reason: int, text: str) -> None:
        if self.phase is not Phase.VERSION:
            self._send_now(Disconnect(reason, text[:500]).encode())

    def _refuse(self, number: int) -> NoReturn:
        expected = sorted(GATE[self.role, self.phase] - UNASSIGNED)
        raise UnexpectedMessage(
            "the peer sent a message out of turn",
            phase=self.phase.value,
            expected=f"one of {', '.join(map(n.message_name, expected))}",
            received=n.message_name(number),
        )

    # --- version exchange ---------------------------------------------------------------------------------------------

    def _read_version(self) -> bool:
        buffer, reader = self._buffer, self._version_reader
        buffer.start += reader.read(buffer.view[buffer.start : buffer.end])
        if reader.version is None:
            return False
        self.peer_version = reader.version
        self._enter(Phase.KEXINIT)
        return True

    # --- key exchange -------------------------------------------------------------------------------------------------

    def _send_now(self, payload: bytes) -> None:
        """Sends a message that does not wait for a rekey."""
        self.packets.note(False, payload[0], len(payload), self._sealer.sequence)
        packet = self._sealer.seal(payload)
        self._output.append(packet)
        self.unsent += len(packet)
        if len(self._output) == 1:
            self.on_output()

    def _send_kexinit(self) -> None:
        kexinit = make_kexinit(self.role, self.settings.algorithms, self.settings.random(16), first=not self.session_id)
        self._our_kexinit_payload = kexinit.encode()
        self._newkeys_sent = False
        self._send_now(self._our_kexinit_payload)
        self._our_kexinit = kexinit
        self._holding = self.congested = True

    def _on_kexinit(self, body: bytes) -> None:
        if self._secrets is not None:
            raise UnexpectedMessage("the peer began a key exchange inside another", phase=self.phase.value)
        first = not self.session_id
        end = payload_end(body)
        theirs = KexInit.decode(body, 2, end)
        if self._our_kexinit is None:
            self._send_kexinit()
        ours = self._our_kexinit
        assert ours is not None
        agreed = negotiate(self.role, ours, theirs, first=first)
        if first:
            if agreed.strict and self._opener.sequence != 1:
                raise UnexpectedMessage(
                    "the peer sent a packet before its first KEXINIT",
                    phase=self.phase.value,
                    expected="KEXINIT as the first packet (strict key exchange)",
                )
            self.strict = agreed.strict
            self._peer_wants_ext_info = agreed.peer_wants_ext_info
            if self.role is Role.SERVER:
                self.host_key = agreed_host_key(agreed, self.settings.host_keys).public
        self.agreed = agreed
        self._newkeys_received = False
        versions = (self.settings.version.encode("ascii"), self.peer_version)
        payloads = (self._our_kexinit_payload, body[1:end])
        if self.role is Role.SERVER:
            versions, payloads = versions[::-1], payloads[::-1]
        self._exchange = begin_exchange(self.role, agreed, Transcript(*versions, *payloads), self.settings)
        opening = self._exchange.first()
        if opening is not None:
            self._send_now(opening)
        self._resume_phase = Phase.SERVICE if first else self.phase
        self._enter(Phase.WRONG_GUESS if agreed.wrong_guess else self._exchange_phase())

    def _exchange_phase(self) -> Phase:
        assert self._exchange is not None
        first, first_strict, later = self._exchange.stage.value
        return later if self.session_id else first_strict if self.strict else first

    def _on_exchange(self, body: bytes) -> None:
        """Messages 30 to 49, which belong to the method; GATE lets those through that its stage allows."""
        if self.phase is Phase.WRONG_GUESS:
            self._enter(self._exchange_phase())
            return
        assert self._exchange is not None
        step = self._exchange.receive(body[1 : payload_end(body)])
        for answer in step.answers:
            self._send_now(answer)
        if step.secrets is None:
            self._enter(self._exchange_phase())
            return
        self._exchange = None
        self._take_secrets(step.secrets)
        if step.host_key is not None and self.host_key is None:
            self.host_key, self.host_key_signature = step.host_key, step.signature
            # NEWKEYS waits for accept_host_key: nothing but the key exchange is sent to a host nobody trusts.
            self.on_event(HostKeyOffered(step.host_key))
        elif step.host_key is not None and self.host_key is not None and self.host_key.blob != step.host_key.blob:
            raise KeyExchangeError(
                "the server changed its host key while renewing the keys",
                phase=self.phase.value,
                expected=self.host_key.fingerprint,
                received=step.host_key.fingerprint,
            )
        else:
            self._send_newkeys()

    def _take_secrets(self, secrets: Secrets) -> None:
        self._secrets = secrets
        if self.session_id:
            self._enter(Phase.REKEY_NEWKEYS)
            return
        self.session_id = secrets.exchange_hash
        self._enter(Phase.NEWKEYS_STRICT if self.strict else Phase.NEWKEYS)

    def accept_host_key(self) -> None:
        """The host key that was offered is the right one: goes on."""
        if self.failure is None and not self._newkeys_sent and self._secrets is not None:
            try:
                self._send_newkeys()
            except SSHError as error:
                self.fail(error)

    def _direction(self, sender: Role) -> Direction:
        assert self.agreed is not None
        return self.agreed.client_to_server if sender is Role.CLIENT else self.agreed.server_to_client

    def _send_newkeys(self) -> None:
        assert self._secrets is not None
        self._send_now(bytes((n.SSH_MSG_NEWKEYS,)))
        sequence = 0 if self.strict else self._sealer.sequence
        keys = (self._secrets, self.session_id, self.role, self._direction(self.role), sequence)
        self._sealer = make_sealer(*keys, self.settings.random, logged_in=self._compress_sent)
        self._age.new_sending_keys(self.unsent, len(self._output))
        self._newkeys_sent = True
        self._our_kexinit = None
        self._holding = False
        if self.role is Role.SERVER and self._peer_wants_ext_info:
            self._peer_wants_ext_info = False
            self.send(server_ext_info(self.settings.signature_algorithms))
        held, self._held, self._held_size = self._held, [], 0
        for payload in held:
            self.send(payload)
            if payload is self._last_before_login:
                self._compress_from_here()
        self._decongest()
        self._finish_exchange()

    def _on_newkeys(self, body: bytes) -> None:
        if payload_end(body) != 2:
            raise WireError("NEWKEYS carries data", expected="an empty message")
        assert self._secrets is not None
        sequence = 0 if self.strict else self._opener.sequence
        keys = (self._secrets, self.session_id, self.peer_role, self._direction(self.peer_role), sequence)
        self._opener = make_opener(*keys, logged_in=self.logged_in)
        self._age.new_receiving_keys(sequence)
        self._newkeys_received = True
        self._enter(self._resume_phase)
        self._finish_exchange()

    def _finish_exchange(self) -> None:
        if not (self._newkeys_sent and self._newkeys_received):
            return
        self._secrets = None
        self._age.renewed(self._direction(role).cipher for role in Role)
        self.exchanges += 1
        self.on_event(KeysRenewed())

    # --- messages at any time -----------------------------------------------------------------------------------------

    def _on_disconnect(self, body: bytes) -> None:
        # Read by hand: some peers leave the language tag out, and this one should not fail over form.
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
        self.send(Unimplemented((self._opener.sequence - 1) & SEQUENCE_MASK).encode())


def _ignore_body(body: bytes) -> None:
    """Messages that are read and mean nothing to us."""
