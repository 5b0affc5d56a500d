"""The keys in use: each direction takes new ones at NEWKEYS; delayed compression begins at the login."""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.errors import UnexpectedMessage
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Secrets
from jupyter_ssh.ssh.protocol.handshake.keys import compressing, decompressing, make_opener, make_sealer
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed, Direction
from jupyter_ssh.ssh.protocol.packets.key_age import KeyAge
from jupyter_ssh.ssh.protocol.packets.receiver import PacketReceiver
from jupyter_ssh.ssh.protocol.packets.sender import PacketSender
from jupyter_ssh.ssh.protocol.roles import Role


class KeysInUse:
    """Sets the sealer of the sender and the opener of the receiver.

    The method zlib@openssh.com compresses each direction from USERAUTH_SUCCESS on.
    """

    __slots__ = (
        "_age",
        "_compressing",
        "_random",
        "_receiver",
        "_role",
        "_sender",
        "agreed",
        "logged_in",
        "session_id",
        "strict",
    )

    def __init__(
        self, role: Role, random: Randomness, sender: PacketSender, receiver: PacketReceiver, age: KeyAge
    ) -> None:
        self._role = role
        self._random = random
        self._sender = sender
        self._receiver = receiver
        self._age = age
        self.session_id = b""
        """The exchange hash of the first key exchange (RFC 4253 §7.2); empty until there is one."""
        self.strict = False
        """Whether strict key exchange was agreed on: sequence numbers restart with new keys (PROTOCOL §1.10)."""
        self.agreed: Agreed | None = None
        """The outcome of the last negotiation."""
        self.logged_in = False
        """Whether USERAUTH_SUCCESS was received, or was given to `send_login`."""
        self._compressing = False
        """Whether USERAUTH_SUCCESS was sealed, so that delayed compression of what we send has begun."""

    def direction(self, sender: Role) -> Direction:
        """Return the algorithms for what ``sender`` sends."""
        assert self.agreed is not None
        return self.agreed.client_to_server if sender is Role.CLIENT else self.agreed.server_to_client

    def become_strict(self) -> None:
        """Enable strict key exchange; raise `UnexpectedMessage` if the peer's KEXINIT was not its first packet."""
        if self._receiver.opener.sequence != 1:
            raise UnexpectedMessage(
                "the peer sent a packet before its first KEXINIT",
                expected="KEXINIT as the first packet (strict key exchange)",
            )
        self.strict = True

    def send_with(self, secrets: Secrets) -> None:
        """Seal with new keys from here on: NEWKEYS was sent."""
        sequence = 0 if self.strict else self._sender.sealer.sequence
        keys = (secrets, self.session_id, self._role, self.direction(self._role), sequence)
        self._sender.use(make_sealer(*keys, self._random, logged_in=self._compressing))

    def receive_with(self, secrets: Secrets) -> None:
        """Open with new keys from here on: NEWKEYS was received."""
        sequence = 0 if self.strict else self._receiver.opener.sequence
        peer = self._role.other
        keys = (secrets, self.session_id, peer, self.direction(peer), sequence)
        self._receiver.opener = make_opener(*keys, logged_in=self.logged_in)
        self._age.new_receiving_keys(sequence)

    def send_login(self, payload: bytes, *, exchanging: bool) -> None:
        """Send USERAUTH_SUCCESS, after which delayed compression begins.

        ``exchanging`` is whether the peer's NEWKEYS is still awaited: then decompression begins with its new keys.
        """
        decompress = not exchanging and not self._sender.holding
        self.logged_in = True
        self._sender.send(payload, self._compress)
        if decompress:
            self._decompress()

    def received_login(self, *, exchanging: bool) -> None:
        """Begin delayed compression: USERAUTH_SUCCESS was received.  ``exchanging`` is as in `send_login`."""
        self.logged_in = True
        if not exchanging:
            self._decompress()
        self._compress()

    def _compress(self) -> None:
        self._compressing = True
        self._sender.sealer = compressing(self._sender.sealer, self.direction(self._role), delayed=True)

    def _decompress(self) -> None:
        receiver = self._receiver
        receiver.opener = decompressing(receiver.opener, self.direction(self._role.other), delayed=True)
