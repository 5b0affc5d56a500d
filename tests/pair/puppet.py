"""A peer without a will of its own: it keeps the packets' form and the keys right, and says what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.protocol.gate import EXCHANGE_NUMBERS
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Exchange, Transcript
from jupyter_ssh.ssh.protocol.handshake.keys import make_opener, make_sealer
from jupyter_ssh.ssh.protocol.handshake.methods import begin_exchange
from jupyter_ssh.ssh.protocol.handshake.negotiation import STRICT, Agreed, Direction, make_kexinit, negotiate
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.codec import Message
from tests.pair.pairing import HOST_KEY, SMALL_GROUP, End, seeded, suite
from tests.support.messages import NewKeys

VERSION = b"SSH-2.0-Puppet"


class Puppet:
    """The peer of ``subject``, in the other role.  The methods that shake hands stop where a test can step in."""

    def __init__(
        self,
        subject_role: Role,
        *,
        algorithms: Algorithms | None = None,
        settings: Settings | None = None,
        strict: bool = True,
        host_key: PrivateKey = HOST_KEY,
        login: bool = True,
        greeting: bytes = VERSION,
    ) -> None:
        self.greeting = greeting
        self.algorithms = algorithms or suite()
        settings = settings or Settings(self.algorithms)
        if subject_role is Role.SERVER:
            settings = replace(settings, host_keys=(HOST_KEY,), groups=lambda: [SMALL_GROUP])
        self.subject = End(subject_role, settings, login=login)
        self.role = Role.SERVER if subject_role is Role.CLIENT else Role.CLIENT
        self.strict = strict
        self.host_key = host_key
        self.random = seeded(7)
        self.sealer = PlainSealer()
        self.opener = PlainOpener()
        self.session_id = b""
        self.inbox: list[bytes] = []
        """Payloads the subject sent."""
        self.stream = bytearray()
        """Bytes the subject sent that were not opened yet."""
        self.version: bytes | None = None
        self.kexinit = b""
        self.agreed: Agreed | None = None
        self.answers: list[bytes] = []
        """What the exchange has to say next."""
        self.reset_sequence = False

    # --- saying and hearing -------------------------------------------------------------------------------------------

    @property
    def failure(self) -> SSHError | None:
        """Why the subject ended the session."""
        return self.subject.session.failure

    def feed(self, data: bytes) -> None:
        """Bytes as they stand."""
        self.subject.session.feed(data)

    def seal(self, message: Message | bytes) -> bytes:
        """The packet of a message."""
        return self.sealer.seal(message if isinstance(message, bytes) else message.encode())

    def say(self, *messages: Message | bytes) -> list[bytes]:
        """Sends messages, all in one piece, and returns the payloads of the answers."""
        self.feed(b"".join([self.seal(message) for message in messages]))
        return self.hear()

    def hear(self) -> list[bytes]:
        """Opens what the subject has sent since."""
        while packets := self.subject.session.data_to_send():
            self.stream += b"".join(packets)
        if self.version is None and b"\r\n" in self.stream:
            version, _, rest = bytes(self.stream).partition(b"\r\n")
            self.version, self.stream = version, bytearray(rest)
        heard = []
        while (body := self.opener.open(memoryview(bytes(self.stream)), 0, len(self.stream))) is not None:
            del self.stream[: len(body) + self.opener.overhead]
            payload = body[1 : len(body) - body[0]]
            heard.append(payload)
            if payload[0] in EXCHANGE_NUMBERS and self.role is Role.CLIENT:
                self.answers += self._receive(payload)
            elif payload[0] == n.SSH_MSG_NEWKEYS:
                self._new_opener()
        self.inbox += heard
        return heard

    def heard(self, number: int) -> list[bytes]:
        """All payloads so far with this message number."""
        return [payload for payload in self.inbox if payload[0] == number]

    def last(self, kind: type[Message]) -> Message:
        """The last message of a kind, decoded."""
        return kind.decode(self.heard(kind.number)[-1], 1)

    # --- the handshake, step by step ----------------------------------------------------------------------------------

    def greet(self, line: bytes | None = None) -> None:
        """Sends the identification string."""
        self.feed(self.greeting + b"\r\n" if line is None else line)
        self.hear()

    def make_kexinit(self, **changes: object) -> m.KexInit:
        """The KEXINIT it would send, changed."""
        kexinit = make_kexinit(self.role, self.algorithms, self.random(16), first=not self.session_id)
        if not self.strict:
            kex = tuple(name for name in kexinit.kex_algorithms if name not in STRICT.values())
            kexinit = replace(kexinit, kex_algorithms=kex)
        return replace(kexinit, **changes)

    def send_kexinit(self, raw: Callable[[bytes], bytes] = lambda payload: payload, **changes: object) -> None:
        """Sends KEXINIT, as ``raw`` makes it anew, and agrees with the subject's."""
        ours = self.make_kexinit(**changes)
        self.kexinit = raw(ours.encode())
        self.say(self.kexinit)
        if self.failure is not None:
            return
        theirs = self.heard(n.SSH_MSG_KEXINIT)[-1]
        self.agreed = negotiate(self.role, ours, m.KexInit.decode(theirs, 1), first=not self.session_id)
        if not self.session_id:
            self.reset_sequence = self.agreed.strict and self.strict
        versions, payloads = (self.greeting, self.version or b""), (self.kexinit, theirs)
        if self.role is Role.SERVER:
            versions, payloads = versions[::-1], payloads[::-1]
        self.transcript = Transcript(*versions, *payloads)

    def _begin(self) -> Exchange:
        assert self.agreed is not None
        settings = Settings(
            self.algorithms, host_keys=(self.host_key,), groups=lambda: [SMALL_GROUP], random=self.random
        )
        self.kex = begin_exchange(self.role, self.agreed, self.transcript, settings)
        return self.kex

    def _receive(self, payload: bytes) -> list[bytes]:
        """Gives a message to the exchange; returns what it says to it."""
        step = self.kex.receive(payload)
        if step.test is not None:
            step = step.test.then(step.test.run())
        if step.secrets is not None:
            self.secrets = step.secrets
            self.session_id = self.session_id or step.secrets.exchange_hash
        return list(step.answers)

    def send_group(self) -> None:
        """Begins a group exchange: sends the request, or the group for the subject's."""
        first = self._begin().first()
        if first is not None:
            self.say(first)
        else:
            self.say(*self._receive(self.heard(n.SSH_MSG_KEX_DH_GEX_REQUEST)[-1]))

    def send_exchange(self, change: Callable[[Message], Message] = lambda reply: reply) -> None:
        """Sends its public value, or answers the subject's with ``change`` of the right reply."""
        assert self.agreed is not None
        in_group = "group-exchange" in self.agreed.kex
        if in_group:
            self.send_group()
        else:
            self._begin()
        if self.role is Role.CLIENT:
            answers, self.answers = self.answers, []
            self.say(*([self.kex.first() or b""] if not in_group else answers))
        else:
            heard = n.SSH_MSG_KEX_DH_GEX_INIT if in_group else n.SSH_MSG_KEX_ECDH_INIT
            reply = m.KexDhGexReply if in_group else m.KexEcdhReply
            (answer,) = self._receive(self.heard(heard)[-1])
            self.say(change(reply.decode(answer, 1)))

    def _direction(self, sender: Role) -> Direction:
        assert self.agreed is not None
        return self.agreed.client_to_server if sender is Role.CLIENT else self.agreed.server_to_client

    def _new_opener(self) -> None:
        sequence = 0 if self.reset_sequence else self.opener.sequence
        sender = self.subject.role
        self.opener = make_opener(self.secrets, self.session_id, sender, self._direction(sender), sequence)

    def send_newkeys(self) -> None:
        """Sends NEWKEYS and takes the new keys into use."""
        self.say(NewKeys())
        sequence = 0 if self.reset_sequence else self.sealer.sequence
        self.sealer = make_sealer(
            self.secrets, self.session_id, self.role, self._direction(self.role), sequence, self.random
        )

    def exchange(self) -> None:
        """A whole key exchange."""
        self.send_kexinit()
        self.send_exchange()
        self.send_newkeys()

    def to_service(self) -> Puppet:
        """Up to the first keys."""
        self.greet()
        self.exchange()
        return self

    def to_auth(self) -> Puppet:
        """Up to authentication."""
        self.to_service()
        self.say(m.ServiceRequest("ssh-userauth") if self.role is Role.CLIENT else m.ServiceAccept("ssh-userauth"))
        return self

    def to_open(self) -> Puppet:
        """Until somebody is logged in."""
        self.to_auth()
        if self.role is Role.CLIENT:
            self.say(m.UserauthRequest("alice", "ssh-connection", "none"))
        else:
            self.say(m.UserauthSuccess())
        return self
