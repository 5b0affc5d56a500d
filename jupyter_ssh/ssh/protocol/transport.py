"""The transport layer without I/O: packets, key exchange, rekey, and the messages of RFC 4253 (numbers 1 to 49).

Bytes go in through `receive_buffer` and `received`, come out of `data_to_send`.  The layers above register their
handlers by message number; GATE decides, by phase, which of them may be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from ..crypto.ciphers import CIPHERS
from ..crypto.packet_protection.interfaces import Opener, Sealer
from ..crypto.packet_protection.plain import PlainOpener, PlainSealer
from ..crypto.selection import names
from ..errors import (
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
from ..keys.base import PublicKey
from ..keys.key_types import SIGNATURE_ALGORITHMS
from ..wire import numbers as n
from ..wire.messages import (
    Debug,
    Disconnect,
    ExtInfo,
    KexEcdhInit,
    KexEcdhReply,
    KexInit,
    Ping,
    Pong,
    Unimplemented,
)
from ..wire.types import Reader, string
from .events import DebugMessage, Event, HostKeyOffered, KeysRenewed
from .gate import GATE, UNASSIGNED
from .key_exchange import ClientExchange, Secrets, ServerExchange, Transcript, make_opener, make_sealer
from .negotiation import Agreed, Direction, make_kexinit, negotiate
from .receive_buffer import ReceiveBuffer
from .roles import Phase, Role
from .settings import MAX_PACKETS_PER_KEY, Settings
from .version import VersionReader

Handler = Callable[[bytes], None]
"""Takes the body of a packet: padding length, message number, fields, padding."""

MAX_OUTPUT: Final = 1024 * 1024
"""Bytes of sealed packets that may wait for the network before channels stop adding to them."""

MAX_HELD: Final = 1024
"""Messages other than data that may wait for a rekey to end."""

MAX_EXTENSIONS: Final = 64


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
        self.on_output: Callable[[], None] = _nothing
        self.on_failure: Callable[[SSHError], None] = _ignore_error
        self.on_released: Callable[[], None] = _nothing
        """Called when packets of the upper layers may be sent again: a rekey is over or the network took some."""

        self.session_id = b""
        self.agreed: Agreed | None = None
        self.host_key: PublicKey | None = None
        self.peer_version = b""
        self.banner_lines: list[bytes] = []
        self.extensions: dict[str, bytes] = {}
        """What the peer said in EXT_INFO (RFC 8308)."""
        self.rekeys = 0

        self._buffer = ReceiveBuffer()
        self._version_reader = VersionReader(allow_banner=role is Role.CLIENT)
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
            n.SSH_MSG_KEX_ECDH_INIT: self._on_kex_ecdh_init,
            n.SSH_MSG_KEX_ECDH_REPLY: self._on_kex_ecdh_reply,
            n.SSH2_MSG_PING: self._on_ping,
            n.SSH2_MSG_PONG: _ignore_body,
            **dict.fromkeys(UNASSIGNED, self._on_unassigned),
        }
        self._tables: dict[Phase, list[Handler | None]] = {}
        self._table: list[Handler | None] = [None] * 256

        self._now = 0.0
        self._keys_since: float | None = None
        self._received_since_keys = 0
        self._sent_since_keys = 0
        self._packet_limit_in = self._packet_limit_out = MAX_PACKETS_PER_KEY
        self._rekey_bytes = settings.rekey_bytes or (1 << 62)

        self._our_kexinit: KexInit | None = None
        self._our_kexinit_payload = b""
        self._transcript: Transcript | None = None
        self._client_exchange: ClientExchange | None = None
        self._secrets: Secrets | None = None
        self._newkeys_received = False
        self._newkeys_sent = False
        self._strict = False
        self._peer_wants_ext_info = False
        self._resume_phase = Phase.SERVICE
        self._held: list[bytes] = []

        self._output.append(settings.version.encode("ascii") + b"\r\n")
        self._send_kexinit()

    # --- for the layers above -----------------------------------------------------------------------------------------

    def register(self, handlers: dict[int, Handler]) -> None:
        """Adds an upper layer's handlers, by message number."""
        self._handlers.update(handlers)
        self._tables.clear()

    def enter(self, phase: Phase) -> None:
        """Changes what the peer may send next."""
        self.phase = phase
        table = self._tables.get(phase)
        if table is None:
            allowed = GATE[self.role, phase]
            table = [self._handlers.get(number) if number in allowed else None for number in range(256)]
            self._tables[phase] = table
        self._table = table

    def send(self, payload: bytes) -> None:
        """Queues one message of the upper layers; while keys change it waits (RFC 4253 §7.1)."""
        if self._our_kexinit is not None:
            if len(self._held) >= MAX_HELD:
                raise ProtocolError(
                    f"more than {MAX_HELD} messages wait for the keys to change", phase=self.phase.value
                )
            self._held.append(payload)
            return
        packet = self._sealer.seal(payload)
        output = self._output
        output.append(packet)
        self.unsent += len(packet)
        if self.unsent > MAX_OUTPUT:
            self.congested = True
        if len(output) == 1:
            self.on_output()

    def rekey(self) -> None:
        """Begins to change the keys, unless that is under way (RFC 4253 §9)."""
        if self._our_kexinit is None and self._secrets is None and self.session_id and self.failure is None:
            self._send_kexinit()

    @property
    def exchanging(self) -> bool:
        """Whether keys are changing: messages of the upper layers wait."""
        return self._our_kexinit is not None

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
        buffer = self._buffer
        buffer.written(count)
        try:
            if self.phase is Phase.VERSION and not self._read_version():
                return
            self._read_packets(buffer)
        except SSHError as error:
            self.fail(error)
            return
        self._received_since_keys += count
        if self._received_since_keys > self._rekey_bytes or self._opener.sequence == self._packet_limit_in:
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
        self.fail(ConnectionLost("the connection was closed without a goodbye", phase=self.phase.value))

    def data_to_send(self) -> list[bytes]:
        """Takes the packets that wait to be sent."""
        output, self._output = self._output, []
        if output:
            self._sent_since_keys += self.unsent
            self.unsent = 0
            if self._sent_since_keys > self._rekey_bytes or self._sealer.sequence >= self._packet_limit_out:
                self.rekey()
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
        self._now = now
        if self._keys_since is None:
            self._keys_since = now
        if now - self._keys_since >= self.settings.rekey_seconds:
            self._keys_since = now
            self.rekey()

    def next_tick(self) -> float | None:
        """When `tick` should be called next."""
        return None if self._keys_since is None else self._keys_since + self.settings.rekey_seconds

    # --- the end ------------------------------------------------------------------------------------------------------

    def fail(self, error: SSHError) -> None:
        """Ends the session because of ``error``; the peer is told when the error is its protocol's."""
        if self.failure is not None:
            return
        if isinstance(error, (ProtocolError, WireError)):
            reason = getattr(error, "reason", n.SSH_DISCONNECT_PROTOCOL_ERROR)
            self._say_goodbye(reason, error.message)
        elif isinstance(error, HostKeyError):
            self._say_goodbye(n.SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE, "host key not accepted")
        if error.phase is None:
            error.phase = self.phase.value
        self._end(error)

    def disconnect(self, reason: int, text: str) -> None:
        """Says SSH_MSG_DISCONNECT and ends the session (RFC 4253 §11.1)."""
        if self.failure is None:
            self._say_goodbye(reason, text)
            self._end(ConnectionClosed("the connection was closed here"))

    def _end(self, error: SSHError) -> None:
        self.failure = error
        self.enter(Phase.CLOSED)
        self._held.clear()
        self._client_exchange = None
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
        self.banner_lines = reader.banner
        self.enter(Phase.KEXINIT)
        return True

    # --- key exchange -------------------------------------------------------------------------------------------------

    def _send_now(self, payload: bytes) -> None:
        """Sends a message that does not wait for a rekey."""
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
        self.congested = True

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
            self._strict = agreed.strict
            self._peer_wants_ext_info = agreed.peer_wants_ext_info
        self.agreed = agreed
        self._newkeys_received = False
        versions = (self.settings.version.encode("ascii"), self.peer_version)
        payloads = (self._our_kexinit_payload, body[1:end])
        if self.role is Role.CLIENT:
            self._transcript = Transcript(*versions, *payloads)
            self._client_exchange = ClientExchange(agreed, self._transcript, self.settings.random)
            self._send_now(self._client_exchange.init().encode())
        else:
            self._transcript = Transcript(*reversed(versions), *reversed(payloads))
        self._resume_phase = Phase.SERVICE if first else self.phase
        self.enter(Phase.WRONG_GUESS if agreed.wrong_guess else self._kex_phase())

    def _kex_phase(self) -> Phase:
        if self.session_id:
            return Phase.REKEY
        return Phase.KEX_STRICT if self._strict else Phase.KEX

    def _on_kex_ecdh_init(self, body: bytes) -> None:
        if self._skip_wrong_guess():
            return
        assert self.agreed is not None
        assert self._transcript is not None
        exchange = ServerExchange(self.agreed, self._transcript, self.settings.host_keys, self.settings.random)
        secrets, reply = exchange.reply(KexEcdhInit.decode(body, 2, payload_end(body)))
        self._send_now(reply.encode())
        self._take_secrets(secrets)
        self._send_newkeys()

    def _on_kex_ecdh_reply(self, body: bytes) -> None:
        if self._skip_wrong_guess():
            return
        assert self._client_exchange is not None
        secrets, host_key = self._client_exchange.finish(KexEcdhReply.decode(body, 2, payload_end(body)))
        self._client_exchange = None
        self._take_secrets(secrets)
        if self.host_key is None:
            self.host_key = host_key
            # NEWKEYS waits for accept_host_key: nothing but the key exchange is sent to a host nobody trusts.
            self.on_event(HostKeyOffered(host_key))
        elif self.host_key.blob != host_key.blob:
            raise KeyExchangeError(
                "the server changed its host key while renewing the keys",
                phase=self.phase.value,
                expected=self.host_key.fingerprint,
                received=host_key.fingerprint,
            )
        else:
            self._send_newkeys()

    def _skip_wrong_guess(self) -> bool:
        if self.phase is not Phase.WRONG_GUESS:
            return False
        self.enter(self._kex_phase())
        return True

    def _take_secrets(self, secrets: Secrets) -> None:
        self._secrets = secrets
        if self.session_id:
            self.enter(Phase.REKEY_NEWKEYS)
            return
        self.session_id = secrets.exchange_hash
        self.enter(Phase.NEWKEYS_STRICT if self._strict else Phase.NEWKEYS)

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
        sequence = 0 if self._strict else self._sealer.sequence
        direction = self._direction(self.role)
        self._sealer = make_sealer(self._secrets, self.session_id, self.role, direction, sequence, self.settings.random)
        self._packet_limit_out = sequence + MAX_PACKETS_PER_KEY
        self._newkeys_sent = True
        self._our_kexinit = None
        if self.role is Role.SERVER and self._peer_wants_ext_info:
            self._peer_wants_ext_info = False
            self._send_ext_info()
        held, self._held = self._held, []
        for payload in held:
            self.send(payload)
        self._finish_exchange()

    def _on_newkeys(self, body: bytes) -> None:
        if payload_end(body) != 2:
            raise WireError("NEWKEYS carries data", expected="an empty message")
        assert self._secrets is not None
        sequence = 0 if self._strict else self._opener.sequence
        direction = self._direction(self.peer_role)
        self._opener = make_opener(self._secrets, self.session_id, self.peer_role, direction, sequence)
        self._packet_limit_in = (sequence + MAX_PACKETS_PER_KEY) & 0xFFFFFFFF
        self._newkeys_received = True
        self.enter(self._resume_phase)
        self._finish_exchange()

    def _finish_exchange(self) -> None:
        if not (self._newkeys_sent and self._newkeys_received):
            return
        self._secrets = None
        self._transcript = None
        self._received_since_keys = self._sent_since_keys = 0
        self._keys_since = self._now
        self._rekey_bytes = self.settings.rekey_bytes or min(
            CIPHERS[self._direction(role).cipher].rekey_bytes for role in Role
        )
        self.rekeys += 1
        self._decongest()
        self.on_event(KeysRenewed())

    def _send_ext_info(self) -> None:
        pairs = (("server-sig-algs", ",".join(names(SIGNATURE_ALGORITHMS))), ("ping@openssh.com", "0"))
        payload = b"".join(string(name) + string(value) for name, value in pairs)
        self.send(ExtInfo(len(pairs), payload).encode())

    # --- messages at any time -----------------------------------------------------------------------------------------

    def _on_disconnect(self, body: bytes) -> None:
        message = Disconnect.decode(body, 2, payload_end(body))
        error = DisconnectedByPeer(
            "the peer ended the connection",
            phase=self.phase.value,
            received=f"{n.DISCONNECT_NAMES.get(message.reason, 'unknown reason')}: {message.description[:300]!r}",
        )
        error.reason = message.reason
        self._end(error)

    def _on_debug(self, body: bytes) -> None:
        message = Debug.decode(body, 2, payload_end(body))
        self.on_event(DebugMessage(message.message, message.always_display))

    def _on_ext_info(self, body: bytes) -> None:
        message = ExtInfo.decode(body, 2, payload_end(body))
        if message.count > MAX_EXTENSIONS:
            raise WireError("too many extensions", expected=f"at most {MAX_EXTENSIONS}", received=f"{message.count}")
        reader = Reader(message.extensions)
        for _ in range(message.count):
            name = reader.text()
            self.extensions[name] = reader.string()
        reader.finish()

    def _on_ping(self, body: bytes) -> None:
        self.send(Pong(Ping.decode(body, 2, payload_end(body)).data).encode())

    def _on_unassigned(self, body: bytes) -> None:
        self.send(Unimplemented((self._opener.sequence - 1) & 0xFFFFFFFF).encode())


def _nothing() -> None:
    """The callback of nobody."""


def _ignore_error(error: SSHError) -> None:
    """The callback of nobody."""


def _ignore_body(body: bytes) -> None:
    """Messages that are read and mean nothing to us."""
