"""The key exchanges of one connection: the first one and the re-exchanges (RFC 4253 §7 to §9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jupyter_ssh.ssh.errors import KeyExchangeError, ProtocolError, UnexpectedMessage, WireError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.events import Event, HostKeyOffered, KeysRenewed
from jupyter_ssh.ssh.protocol.extensions import client_ext_info, server_ext_info
from jupyter_ssh.ssh.protocol.gate import EXCHANGE_NUMBERS
from jupyter_ssh.ssh.protocol.handshake.allowance import RekeyAllowance
from jupyter_ssh.ssh.protocol.handshake.key_exchange import (
    Exchange,
    Secrets,
    SlowTest,
    Step,
    Transcript,
    agreed_host_key,
)
from jupyter_ssh.ssh.protocol.handshake.keys_in_use import KeysInUse
from jupyter_ssh.ssh.protocol.handshake.methods import begin_exchange
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed, make_kexinit, negotiate
from jupyter_ssh.ssh.protocol.layers import Handlers, payload_end
from jupyter_ssh.ssh.protocol.packets.key_age import KeyAge
from jupyter_ssh.ssh.protocol.packets.sender import PacketSender
from jupyter_ssh.ssh.protocol.roles import WRONG_GUESSES, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.transitions import BEGINNINGS, Trigger
from jupyter_ssh.ssh.protocol.version import VersionExchange
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.messages import KexInit

Compute = Callable[[Callable[[], bool], Callable[[bool], None]], None]
"""(lengthy computation, what to call with its result, at any later time): runs it."""


def at_once(work: Callable[[], bool], done: Callable[[bool], None]) -> None:
    """Run a computation while everything else waits; the choice of sessions without a driver."""
    done(work())


@dataclass(slots=True)
class _Round:
    """One key exchange, from our KEXINIT until NEWKEYS has been sent and received."""

    ours: KexInit
    our_payload: bytes
    exchange: Exchange | None = None
    """Set by the peer's KEXINIT."""
    secrets: Secrets | None = None
    newkeys_sent: bool = False
    newkeys_received: bool = False
    testing: bool = False
    """Whether the peer waits for a computation of ours."""


class Handshake:
    """Runs a key exchange whenever one side begins one, in either role."""

    __slots__ = (
        "_age",
        "_compute",
        "_dispatcher",
        "_on_event",
        "_peer_wants_ext_info",
        "_round",
        "_sender",
        "_versions",
        "allowance",
        "exchanges",
        "host_key",
        "host_key_signature",
        "keys",
        "role",
        "settings",
    )

    def __init__(
        self,
        role: Role,
        settings: Settings,
        versions: VersionExchange,
        dispatcher: Dispatcher,
        sender: PacketSender,
        keys: KeysInUse,
        age: KeyAge,
        on_event: Callable[[Event], None],
        compute: Compute = at_once,
    ) -> None:
        self.role = role
        self.settings = settings
        self.keys = keys
        self.host_key: PublicKey | None = None
        """The server's host key or certificate, from the first exchange."""
        self.host_key_signature = b""
        """The server's signature over the session identifier: session-bind of a forwarded agent needs it."""
        self.exchanges = 0
        """How many key exchanges are complete, including the first."""
        self._versions = versions
        self._dispatcher = dispatcher
        self._sender = sender
        self._age = age
        self._on_event = on_event
        self._compute = compute
        self.allowance = RekeyAllowance()
        self._round: _Round | None = None
        self._peer_wants_ext_info = False

    def handlers(self) -> Handlers:
        """Return the handlers, for `Transport.register`."""
        return {
            n.SSH_MSG_KEXINIT: self._on_kexinit,
            n.SSH_MSG_NEWKEYS: self._on_newkeys,
            **dict.fromkeys(EXCHANGE_NUMBERS, self._on_exchange),
        }

    @property
    def exchanging(self) -> bool:
        """Whether keys are changing, so that messages of the upper layers wait: from our KEXINIT to our NEWKEYS."""
        return self._round is not None and not self._round.newkeys_sent

    @property
    def rekeying(self) -> bool:
        """Whether a key exchange after the first is under way, and the peer is to send something for it."""
        return self.exchanges > 0 and self._round is not None and not self._round.testing

    def rekey(self) -> None:
        """Begin a key re-exchange, unless one is in progress (RFC 4253 §9).

        As in OpenSSH, not before the login: a KEXINIT that crosses USERAUTH_SUCCESS would be taken for compressed.
        """
        if self.keys.logged_in and self._round is None and not self._sender.closed:
            self.start()

    def start(self) -> _Round:
        """Send our KEXINIT."""
        first = not self.keys.session_id
        kexinit = make_kexinit(self.role, self.settings.algorithms, self.settings.random(16), first=first)
        self._round = current = _Round(kexinit, kexinit.encode())
        self._sender.send_now(current.our_payload)
        self._sender.hold()
        return current

    def accept_host_key(self) -> None:
        """Continue after `HostKeyOffered`: the key is trusted."""
        current = self._round
        if current is not None and current.secrets is not None and not current.newkeys_sent:
            self._send_newkeys(current, current.secrets)

    def close(self) -> None:
        """Abandon an exchange that is in progress: the session is over."""
        self._round = None

    # --- the peer's KEXINIT -------------------------------------------------------------------------------------------

    def _on_kexinit(self, body: bytes) -> None:
        current = self._round
        if current is not None and current.secrets is not None:
            raise UnexpectedMessage("the peer began a key exchange during another")
        first = not self.keys.session_id
        end = payload_end(body)
        theirs = KexInit.decode(body, 2, end)
        if current is None:
            self._count_rekey()
            current = self.start()
        agreed = negotiate(self.role, current.ours, theirs, first=first)
        if first:
            self._agree_first(agreed)
        self.keys.agreed = agreed
        current.exchange = exchange = begin_exchange(
            self.role, agreed, self._transcript(current.our_payload, body[1:end]), self.settings
        )
        opening = exchange.first()
        if opening is not None:
            self._sender.send_now(opening)
        self._dispatcher.advance(Trigger.WRONG_GUESS if agreed.wrong_guess else self._beginning(exchange))

    def _count_rekey(self) -> None:
        """Raise `ProtocolError` if the peer, which begins a key exchange, does so too often."""
        if not self.allowance.spend(self._age.traffic, logged_in=self.keys.logged_in):
            raise ProtocolError(
                "the peer renews the keys too often",
                expected=self.allowance.described(logged_in=self.keys.logged_in),
                next_step="Raise the other side's limit for new keys (OpenSSH: RekeyLimit); then connect again.",
            )

    def _agree_first(self, agreed: Agreed) -> None:
        if agreed.strict:
            self.keys.become_strict()
        self._peer_wants_ext_info = agreed.peer_wants_ext_info
        if self.role is Role.SERVER:
            self.host_key = agreed_host_key(agreed, self.settings.host_keys).public

    def _transcript(self, our_kexinit: bytes, their_kexinit: bytes) -> Transcript:
        ours, theirs = self._versions.ours, self._versions.theirs
        if self.role is Role.CLIENT:
            return Transcript(ours, theirs, our_kexinit, their_kexinit)
        return Transcript(theirs, ours, their_kexinit, our_kexinit)

    def _beginning(self, exchange: Exchange) -> Trigger:
        plain, strict = BEGINNINGS[exchange.stage]
        return strict if self.keys.strict and not self.keys.session_id else plain

    # --- messages of the method ---------------------------------------------------------------------------------------

    def _on_exchange(self, body: bytes) -> None:
        """Handle messages 30 to 49, which belong to the method; GATE lets those through that its stage allows."""
        current = self._round
        assert current is not None
        assert current.exchange is not None
        if self._dispatcher.phase in WRONG_GUESSES:
            self._dispatcher.advance(self._beginning(current.exchange))
            return
        step = current.exchange.receive(body[1 : payload_end(body)])
        self._answer(step)
        if step.secrets is None:
            self._dispatcher.advance(Trigger.IN_GROUP)
            if step.test is not None:
                current.testing = True
                self._compute(step.test.run, partial(self._tested, current, step.test))
            return
        current.exchange = None
        current.secrets = step.secrets
        self.keys.session_id = self.keys.session_id or step.secrets.exchange_hash
        self._dispatcher.advance(Trigger.SECRET)
        if step.host_key is None or not self._offer_host_key(step.host_key, step.signature):
            self._send_newkeys(current, step.secrets)

    def _answer(self, step: Step) -> None:
        for answer in step.answers:
            self._sender.send_now(answer)

    def _tested(self, current: _Round, test: SlowTest, passed: bool) -> None:
        current.testing = False
        if current is self._round:  # else the session is over
            self._answer(test.then(passed))

    def _offer_host_key(self, host_key: PublicKey, signature: bytes) -> bool:
        """Report the host key of the first exchange; return whether NEWKEYS has to wait until it is accepted (client).

        Only the key exchange is sent to a host that is not trusted.
        """
        if self.host_key is None:
            self.host_key, self.host_key_signature = host_key, signature
            self._on_event(HostKeyOffered(host_key))
            return True
        if self.host_key.blob != host_key.blob:
            raise KeyExchangeError(
                "the server changed its host key during a key re-exchange",
                expected=self.host_key.fingerprint,
                received=host_key.fingerprint,
            )
        return False

    # --- NEWKEYS ------------------------------------------------------------------------------------------------------

    def _send_newkeys(self, current: _Round, secrets: Secrets) -> None:
        self._sender.send_now(bytes((n.SSH_MSG_NEWKEYS,)))
        self.keys.send_with(secrets)
        current.newkeys_sent = True
        if self._peer_wants_ext_info:
            self._peer_wants_ext_info = False
            self._sender.send_now(self._ext_info())  # RFC 8308 §2.4: the next packet
        self._sender.release()
        self._finish(current)

    def _ext_info(self) -> bytes:
        if self.role is Role.CLIENT:
            return client_ext_info()
        return server_ext_info(self.settings.signature_algorithms)

    def _on_newkeys(self, body: bytes) -> None:
        if payload_end(body) != 2:
            raise WireError("NEWKEYS is not empty", expected="a message of one byte")
        current = self._round
        assert current is not None
        assert current.secrets is not None
        self.keys.receive_with(current.secrets)
        current.newkeys_received = True
        self._dispatcher.advance(Trigger.NEWKEYS)
        self._finish(current)

    def _finish(self, current: _Round) -> None:
        if current is self._round and current.newkeys_sent and current.newkeys_received:
            self._round = None
            self._age.renewed(self.keys.direction(role).cipher for role in Role)
            self.exchanges += 1
            self._on_event(KeysRenewed())
