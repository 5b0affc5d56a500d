"""The handshake as a part of its own: KEXINIT to NEWKEYS in both roles, without any layer above it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.crypto.packet_protection.plain import PlainOpener, PlainSealer
from jupyter_ssh.ssh.errors import KeyExchangeError, UnexpectedMessage, WireError
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.dispatcher import Dispatcher
from jupyter_ssh.ssh.protocol.handshake.handshake import Handshake
from jupyter_ssh.ssh.protocol.handshake.keys_in_use import KeysInUse
from jupyter_ssh.ssh.protocol.packets.key_age import KeyAge
from jupyter_ssh.ssh.protocol.packets.receiver import PacketReceiver
from jupyter_ssh.ssh.protocol.packets.ring import PacketRing
from jupyter_ssh.ssh.protocol.packets.sender import PacketSender
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings
from jupyter_ssh.ssh.protocol.transitions import Trigger
from jupyter_ssh.ssh.protocol.version import VersionExchange
from jupyter_ssh.ssh.wire import numbers as n

GCM = "aes128-gcm@openssh.com"
ALGORITHMS = Algorithms(
    kex=["curve25519-sha256"], host_key=["ssh-ed25519"], ciphers=[GCM], macs=["hmac-sha2-256"], compression=["none"]
)
HOST_KEY = generate("ssh-ed25519")


class Half:
    """One role's handshake with the parts it works with."""

    def __init__(self, role: Role, algorithms: Algorithms) -> None:
        settings = Settings(algorithms, host_keys=(HOST_KEY,) if role is Role.SERVER else ())
        ring, age = PacketRing(), KeyAge(None, 3600.0)
        self.role = role
        self.events: list[e.Event] = []
        self.versions = VersionExchange(b"SSH-2.0-" + role.value.encode(), allow_banner=False)
        self.sender = PacketSender(PlainSealer(), age, ring, self.versions.line)
        self.dispatcher = Dispatcher(role, lambda body: None, lambda body: None)
        self.receiver = PacketReceiver(PlainOpener(), self.dispatcher)
        self.keys = KeysInUse(role, settings.random, self.sender, self.receiver, age)
        self.handshake = Handshake(
            role, settings, self.versions, self.dispatcher, self.sender, self.keys, age, self.events.append
        )
        self.dispatcher.register(self.handshake.handlers)
        self.dispatcher.register(lambda: dict.fromkeys((n.SSH_MSG_IGNORE, n.SSH_MSG_EXT_INFO), lambda body: None))
        self.handshake.start()

    def receive(self, data: bytes) -> None:
        """What the network brings."""
        buffer = self.receiver.buffer
        buffer.room()[: len(data)] = data
        buffer.written(len(data))
        if not self.versions.theirs:
            buffer.start += self.versions.read(buffer.view[buffer.start : buffer.end])
            self.dispatcher.advance(Trigger.VERSION)
        self.receiver.read_packets()

    def log_in(self) -> None:
        """What the layers above would do."""
        self.dispatcher.advance(Trigger.SERVICE)
        self.keys.received_login(exchanging=False)
        self.dispatcher.advance(Trigger.LOGIN)


class Pair:
    """Both roles."""

    def __init__(self, algorithms: Algorithms = ALGORITHMS) -> None:
        self.client, self.server = Half(Role.CLIENT, algorithms), Half(Role.SERVER, algorithms)

    def carry(self) -> None:
        """Carries packets until both are silent."""
        while packets := (self.client.sender.take(), self.server.sender.take()):
            if not any(packets):
                return
            for half, incoming in ((self.server, packets[0]), (self.client, packets[1])):
                if incoming:
                    half.receive(b"".join(incoming))

    def shaken(self) -> Pair:
        """After the first key exchange."""
        self.carry()
        self.client.handshake.accept_host_key()
        self.carry()
        return self

    @property
    def halves(self) -> tuple[Half, Half]:
        """Client and server."""
        return self.client, self.server


def test_from_kexinit_to_newkeys() -> None:
    pair = Pair().shaken()
    assert pair.client.keys.session_id == pair.server.keys.session_id != b""
    for half in pair.halves:
        assert half.dispatcher.phase is Phase.SERVICE
        assert half.handshake.exchanges == 1
        assert not half.handshake.exchanging
        assert half.keys.strict
        assert half.handshake.host_key is not None
        assert half.handshake.host_key.blob == HOST_KEY.public.blob
        assert type(half.sender.sealer).__name__ == "GcmSealer"
        assert type(half.receiver.opener).__name__ == "GcmOpener"


def test_nothing_but_the_exchange_is_sent_until_the_host_key_is_accepted() -> None:
    pair = Pair()
    pair.client.sender.send(b"\2upper layer")
    pair.carry()
    assert pair.client.events == [e.HostKeyOffered(pair.client.handshake.host_key)]
    assert pair.client.handshake.exchanging
    assert pair.server.dispatcher.phase is Phase.NEWKEYS_STRICT
    pair.client.handshake.accept_host_key()
    pair.carry()
    assert pair.server.dispatcher.phase is Phase.SERVICE
    assert pair.server.receiver.opener.sequence == 2  # EXT_INFO, then what had to wait


def test_the_host_key_is_accepted_once() -> None:
    pair = Pair()
    while not pair.client.events:
        pair.server.receive(b"".join(pair.client.sender.take()))
        reply, *rest = pair.server.sender.take()
        pair.client.receive(reply if pair.client.versions.theirs else reply + rest.pop(0))
    for _ in range(2):
        pair.client.handshake.accept_host_key()
    pair.client.receive(b"".join(rest))
    pair.client.handshake.accept_host_key()
    pair.carry()
    assert pair.server.dispatcher.phase is Phase.SERVICE
    assert pair.client.dispatcher.phase is Phase.SERVICE


@pytest.mark.parametrize("starters", [(0,), (1,), (0, 1)])
def test_keys_are_renewed_by_either_side_or_both(starters: tuple[int, ...]) -> None:
    pair = Pair().shaken()
    for half in pair.halves:
        half.handshake.rekey()
        assert not half.handshake.rekeying, "not before the login"
        half.log_in()
    before = [(half.keys.session_id, half.sender.sealer) for half in pair.halves]
    for index in starters:
        pair.halves[index].handshake.rekey()
        assert pair.halves[index].handshake.rekeying
    pair.carry()
    for half, (session_id, sealer) in zip(pair.halves, before, strict=True):
        assert half.dispatcher.phase is Phase.OPEN
        assert half.handshake.exchanges == 2
        assert not half.handshake.rekeying
        assert half.keys.session_id == session_id
        assert half.sender.sealer is not sealer
        assert half.events[-1] == e.KeysRenewed()


def test_the_host_key_may_not_change() -> None:
    pair = Pair().shaken()
    for half in pair.halves:
        half.log_in()
    settings = pair.server.handshake.settings
    pair.server.handshake.settings = replace(settings, host_keys=(generate("ssh-ed25519"),))
    pair.client.handshake.rekey()
    with pytest.raises(KeyExchangeError, match="changed its host key during a key re-exchange"):
        pair.carry()


def test_one_exchange_at_a_time() -> None:
    """The client's new keys wait for a person; the server, whose own are in use, may not begin again meanwhile."""
    pair = Pair()
    pair.carry()
    pair.server.handshake.start()
    with pytest.raises(UnexpectedMessage, match="during another"):
        pair.carry()


def test_newkeys_is_empty() -> None:
    pair = Pair()
    pair.carry()
    pair.client.sender.send_now(bytes((n.SSH_MSG_NEWKEYS, 0)))
    with pytest.raises(WireError, match="NEWKEYS is not empty"):
        pair.carry()


def test_an_exchange_that_the_end_interrupts_is_forgotten() -> None:
    pair = Pair()
    pair.carry()
    pair.client.handshake.close()
    pair.client.handshake.accept_host_key()
    assert not pair.client.sender.take()
    assert not pair.client.handshake.exchanging


def test_a_delayed_compression_begins_with_the_login_in_each_direction() -> None:
    pair = Pair(replace(ALGORITHMS, compression=["zlib@openssh.com"])).shaken()

    def kinds() -> list[str]:
        return [type(one).__name__ for half in pair.halves for one in (half.sender.sealer, half.receiver.opener)]

    plain, compressed = ["GcmSealer", "GcmOpener"] * 2, ["CompressedSealer", "CompressedOpener"] * 2
    assert kinds() == plain
    for half in pair.halves:
        half.log_in()
    assert kinds() == compressed
    pair.client.handshake.rekey()
    pair.carry()
    assert kinds() == compressed
