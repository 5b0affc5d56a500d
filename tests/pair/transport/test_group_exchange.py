"""Group exchange, RFC 4419: both roles, the old request, and groups, wishes and values that are not fit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from jupyter_ssh.ssh.crypto.key_agreement.dh import DiffieHellman
from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import Group, named_group
from jupyter_ssh.ssh.errors import ConnectionLost, KeyExchangeError, UnexpectedMessage, WireError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Secrets, Step
from jupyter_ssh.ssh.protocol.packets.key_age import REKEY_PATIENCE
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.codec import Message
from jupyter_ssh.ssh.wire.types import mpint, string, uint32
from tests.pair.pairing import GROUP_EXCHANGE, HOST_KEY, SMALL_GROUP, Pair, allow_small_groups, suite
from tests.pair.puppet import VERSION, Puppet
from tests.support.messages import NewKeys

ALGORITHMS = suite(kex=GROUP_EXCHANGE)
SETTINGS = Settings(ALGORITHMS, groups=lambda: [SMALL_GROUP])


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_small_groups(monkeypatch)


# --- both roles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kex", ["diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1"])
def test_the_two_roles_agree_in_a_group_of_rfc_3526(kex: str) -> None:
    pair = Pair(Settings(suite(kex=kex)), Settings(suite(kex=kex))).run()
    pair.raise_failures()
    assert pair.client.session.info.kex == kex
    assert pair.client.session.transport.session_id == pair.server.session.transport.session_id
    groups = [m.KexDhGexGroup.decode(body, 2, len(body) - body[0]) for body in plain_bodies(pair, 31)]
    assert [(group.p, group.g) for group in groups] == [(named_group(3072).p, 2)]


def plain_bodies(pair: Pair, number: int) -> list[bytes]:
    """The bodies of the packets in the clear with this number that the client received."""
    stream = b"".join(pair.carried[Role.CLIENT]).partition(b"\r\n")[2]
    bodies = []
    while stream:
        size = int.from_bytes(stream[:4], "big")
        bodies.append(stream[4 : 4 + size])
        stream = stream[4 + size :]
        if bodies[-1][1] == NewKeys.number:
            break
    return [body for body in bodies if body[1] == number]


@pytest.mark.usefixtures("small_groups")
def test_keys_are_renewed_in_a_group() -> None:
    pair = Pair(SETTINGS, SETTINGS).run()
    ours, _ = pair.opened()
    for end in pair.ends:
        end.session.rekey()
        ours.write(b"before, ")
        pair.run()
        ours.write(b"after; ")
        pair.run()
    pair.raise_failures()
    assert pair.server.data == b"before, after; " * 2
    assert pair.client.session.info.rekeys == 2


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("end", Role)
def test_split_once_at_every_byte(end: Role) -> None:
    position, longest = 0, 1
    while position < longest:
        pair = Pair(SETTINGS, SETTINGS, login=False)
        fed = 0
        while pair.client.session.phase not in (Phase.NEWKEYS_STRICT, Phase.SERVICE):
            pair.collect()
            for receiver in pair.ends:
                data = b"".join(pair.wires[receiver.role])
                pair.wires[receiver.role].clear()
                if receiver.role is end:
                    cut = min(max(position - fed, 0), len(data))
                    fed += len(data)
                    receiver.session.feed(data[:cut])
                    data = data[cut:]
                receiver.session.feed(data)
            pair.raise_failures()
        position, longest = position + 1, fed


@pytest.mark.usefixtures("small_groups")
def test_the_exchange_hash_is_rfc_4419s() -> None:
    puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    replies: list[m.KexDhGexReply] = []

    def keep(reply: Message) -> Message:
        assert isinstance(reply, m.KexDhGexReply)
        replies.append(reply)
        return reply

    puppet.send_exchange(keep)
    assert puppet.failure is None
    # §3: V_C, V_S, I_C, I_S, K_S as strings, min, n and max as uint32, p, g, e, f and K as mpints
    request, init = puppet.heard(34)[-1], puppet.heard(32)[-1]
    assert request == bytes([34]) + uint32(256) * 3
    parts = [puppet.version or b"", VERSION, puppet.heard(20)[-1], puppet.kexinit, HOST_KEY.public.blob]
    hashed = b"".join(map(string, parts)) + request[1:] + mpint(SMALL_GROUP.p) + mpint(SMALL_GROUP.g) + init[1:]
    hashed += string(replies[0].server_public) + puppet.secrets.secret
    assert puppet.secrets.exchange_hash == hashlib.sha256(hashed).digest()
    assert puppet.subject.session.transport.session_id == puppet.secrets.exchange_hash


class OldClient:
    """The exchange of a client from before RFC 4419, which says one size only."""

    def __init__(self, puppet: Puppet) -> None:
        self.puppet = puppet
        self.hashed = b""
        self.dh = DiffieHellman(SMALL_GROUP, puppet.random)

    def receive(self, message: bytes) -> Step:
        if message[0] == m.KexDhGexGroup.number:
            self.hashed = uint32(256) + message[1:]
            return Step()
        reply = m.KexDhGexReply.decode(message, 1)
        secret = self.dh.client_secret(reply.server_public)
        publics = (self.dh.client_public(), reply.server_public)
        exchange_hash = self.puppet.transcript.hash("sha256", reply.host_key, *publics, secret, self.hashed)
        HOST_KEY.public.verify(reply.signature, exchange_hash)
        return Step((), Secrets("sha256", secret, exchange_hash))


@pytest.mark.usefixtures("small_groups")
def test_the_old_request_is_answered() -> None:
    puppet = Puppet(Role.SERVER, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    puppet.kex = client = OldClient(puppet)
    assert puppet.say(m.KexDhGexRequestOld(256)) == [m.KexDhGexGroup(SMALL_GROUP.p, SMALL_GROUP.g).encode()]
    puppet.say(m.KexDhGexInit(client.dh.client_public()))
    puppet.send_newkeys()
    assert puppet.failure is None
    assert puppet.subject.session.phase is Phase.SERVICE


class Deaf:
    """Takes the server's messages and does nothing with them."""

    def receive(self, message: bytes) -> Step:
        return Step()


# --- what a client asks for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cipher", "mac", "bits"),
    [
        ("aes128-gcm@openssh.com", "hmac-sha2-256", 3072),
        ("aes128-ctr", "umac-64@openssh.com", 3072),
        ("3des-cbc", "hmac-md5", 3072),  # 112 bits of strength, but its MAC has a key of 128
        ("aes128-ctr", "hmac-sha1", 7680),
        ("aes192-ctr", "hmac-sha1", 7680),
        ("aes128-ctr", "hmac-sha2-256", 8192),
        ("aes256-gcm@openssh.com", "hmac-sha2-256", 8192),
        ("chacha20-poly1305@openssh.com", "hmac-sha2-256", 8192),
    ],
)
def test_the_group_has_to_match_the_ciphers_as_in_openssh(cipher: str, mac: str, bits: int) -> None:
    algorithms = replace(ALGORITHMS, ciphers=(cipher,), macs=(mac,))
    puppet = Puppet(Role.CLIENT, algorithms=algorithms)
    puppet.greet()
    puppet.send_kexinit()
    assert puppet.last(m.KexDhGexRequest) == m.KexDhGexRequest(2048, bits, 8192)


def test_the_stronger_direction_counts() -> None:
    algorithms = replace(ALGORITHMS, ciphers=("aes128-gcm@openssh.com", "aes256-gcm@openssh.com"))
    puppet = Puppet(Role.CLIENT, algorithms=algorithms)
    puppet.greet()
    puppet.send_kexinit(encryption_server_to_client=("aes256-gcm@openssh.com",))
    assert puppet.last(m.KexDhGexRequest) == m.KexDhGexRequest(2048, 8192, 8192)


def test_old_servers_of_cisco_are_asked_for_less() -> None:
    puppet = Puppet(Role.CLIENT, algorithms=replace(ALGORITHMS, ciphers=("aes256-gcm@openssh.com",)))
    puppet.greet(b"SSH-2.0-Cisco-1.25\r\n")
    puppet.send_kexinit()
    assert puppet.last(m.KexDhGexRequest) == m.KexDhGexRequest(2048, 4096, 8192)


# --- what a client refuses --------------------------------------------------------------------------------------------


def offered(group: Message) -> Puppet:
    """A client to whom ``group`` was offered."""
    puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    puppet.say(group)
    return puppet


P = named_group(2048).p


@pytest.mark.parametrize(
    ("group", "match"),
    [
        (m.KexDhGexGroup(named_group(1024).p, 2), "wrong size"),
        (m.KexDhGexGroup((1 << 8200) + 1, 2), "wrong size"),
        (m.KexDhGexGroup(0, 2), "wrong size"),
        (m.KexDhGexGroup(-P, 2), "generator"),
        (m.KexDhGexGroup(P, 1), "generator"),
        (m.KexDhGexGroup(P, 0), "generator"),
        (m.KexDhGexGroup(P, -2), "generator"),
        (m.KexDhGexGroup(P, P - 1), "generator"),
        (m.KexDhGexGroup(P, P), "generator"),
        (m.KexDhGexGroup(P - 1, 2), "not a safe prime"),
        (m.KexDhGexGroup(P + 2, 2), "not a safe prime"),
        (m.KexDhGexGroup(3**1292, 2), "not a safe prime"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.p.bit_length()} bits",
)
def test_groups_that_are_not_fit_are_refused(group: m.KexDhGexGroup, match: str) -> None:
    puppet = offered(group)
    assert isinstance(puppet.failure, KeyExchangeError)
    assert match in str(puppet.failure)
    assert puppet.failure.phase == "key exchange"
    assert puppet.failure.next_step
    assert m.Disconnect.decode(puppet.inbox[-1], 1).reason == 3
    assert not puppet.heard(32), "nothing of a key was sent"


@pytest.mark.parametrize("body", [b"", mpint(P), mpint(P) + mpint(2) + b"x", string(b"\0\0\1") + mpint(2)])
def test_malformed_groups_are_refused(body: bytes) -> None:
    class Raw:
        def encode(self) -> bytes:
            return bytes([31]) + body

    puppet = offered(Raw())  # type: ignore[arg-type]
    assert isinstance(puppet.failure, WireError)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("value", [0, 1, 4, SMALL_GROUP.p - 1, SMALL_GROUP.p, -7])
def test_a_public_value_out_of_range_is_refused(value: int) -> None:
    puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    puppet.send_exchange(lambda reply: replace(reply, server_public=mpint(value)[4:]))
    assert isinstance(puppet.failure, KeyExchangeError)
    assert "Diffie-Hellman value f" in str(puppet.failure)
    assert not puppet.subject.of(e.HostKeyOffered)


@pytest.mark.usefixtures("small_groups")
def test_a_wrong_signature_is_refused() -> None:
    puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    puppet.send_exchange(lambda reply: replace(reply, signature=reply.signature[:-1] + b"x"))
    assert isinstance(puppet.failure, KeyExchangeError)
    assert "signature" in str(puppet.failure)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("role", Role)
def test_a_group_does_not_come_twice(role: Role) -> None:
    puppet = Puppet(role, algorithms=ALGORITHMS)
    puppet.greet()
    puppet.send_kexinit()
    puppet.send_group()
    again: Message = m.KexDhGexGroup(SMALL_GROUP.p, 2) if role is Role.CLIENT else m.KexDhGexRequest(256, 256, 256)
    puppet.say(again)
    assert isinstance(puppet.failure, UnexpectedMessage)


# --- a group is tested while others go on -----------------------------------------------------------------------------


class Undecided:
    """A client that tests its server's group until `decide`."""

    def __init__(self, group: Group = SMALL_GROUP) -> None:
        self.puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS)
        self.under_way: list[tuple[Callable[[], bool], Callable[[bool], None]]] = []
        self.puppet.subject.session.transport.compute = lambda *what: self.under_way.append(what)
        self.puppet.greet()
        self.puppet.send_kexinit()
        if group is SMALL_GROUP:
            self.puppet.send_group()
        else:
            self.puppet.say(m.KexDhGexGroup(group.p, group.g))

    def decide(self) -> None:
        work, done = self.under_way.pop()
        done(work())


@pytest.mark.usefixtures("small_groups")
def test_nothing_is_sent_until_the_group_is_tested() -> None:
    client = Undecided()
    puppet = client.puppet
    assert puppet.failure is None
    assert not puppet.heard(32)
    client.decide()
    puppet.hear()
    step = puppet.kex.receive(puppet.heard(32)[-1])
    assert step.secrets is not None
    puppet.secrets, puppet.session_id = step.secrets, step.secrets.exchange_hash
    puppet.say(*step.answers)
    puppet.send_newkeys()
    assert puppet.failure is None
    assert puppet.subject.session.phase is Phase.SERVICE


@pytest.mark.usefixtures("small_groups")
def test_a_group_that_fails_later_ends_the_connection() -> None:
    client = Undecided(Group(SMALL_GROUP.p - 8, 2))
    client.decide()
    assert isinstance(client.puppet.failure, KeyExchangeError)
    assert "not a safe prime" in str(client.puppet.failure)
    assert not client.puppet.heard(32)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize(
    "message", [m.KexDhGexReply(HOST_KEY.public.blob, mpint(12345)[4:], b""), m.KexDhGexGroup(SMALL_GROUP.p, 2)]
)
def test_a_server_that_does_not_wait_for_the_test_is_refused(message: Message) -> None:
    client = Undecided()
    client.puppet.say(message)
    assert isinstance(client.puppet.failure, UnexpectedMessage)
    client.decide()
    assert not client.puppet.heard(32), "the session is over"


@pytest.mark.usefixtures("small_groups")
def test_a_published_group_is_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    client = Undecided(named_group(3072))
    assert not client.under_way
    assert client.puppet.heard(32)


@pytest.mark.usefixtures("small_groups")
def test_a_test_of_ours_is_not_taken_for_silence_of_the_server() -> None:
    puppet = Puppet(Role.CLIENT, algorithms=ALGORITHMS).to_open()
    session = puppet.subject.session
    under_way: list[tuple[Callable[[], bool], Callable[[bool], None]]] = []
    session.transport.compute = lambda *what: under_way.append(what)
    puppet.send_kexinit()
    puppet.send_group()
    for now in (0.0, 1.0, 1.0 + REKEY_PATIENCE, 1.0 + 3 * REKEY_PATIENCE):
        session.tick(now)
    assert session.failure is None
    work, done = under_way.pop()
    done(work())
    for now in (2.0 + 3 * REKEY_PATIENCE, 1.9 + 4 * REKEY_PATIENCE):
        session.tick(now)
    assert session.failure is None
    session.tick(2.0 + 4 * REKEY_PATIENCE)
    assert isinstance(session.failure, ConnectionLost), "now it is the server's turn"


# --- what a server does with a wish -----------------------------------------------------------------------------------


def asked(request: Message, groups: Callable[[], list[Group]] | None = None) -> Puppet:
    """A server that was asked for a group."""
    puppet = Puppet(Role.SERVER, algorithms=ALGORITHMS, settings=Settings(ALGORITHMS))
    handshake = puppet.subject.session.transport.handshake
    handshake.settings = replace(handshake.settings, groups=groups)
    puppet.greet()
    puppet.send_kexinit()
    puppet.kex = Deaf()
    puppet.say(request)
    return puppet


@pytest.mark.parametrize(
    ("limits", "bits"),
    [
        ((2048, 3072, 8192), 3072),
        ((2048, 2048, 8192), 2048),
        ((1024, 1024, 8192), 2048),
        ((1024, 2048, 2048), 2048),
        ((2048, 4000, 8192), 4096),
        ((2048, 5000, 5000), 4096),
        ((0, 8000, 0xFFFFFFFF), 8192),
        ((0, 0xFFFFFFFF, 0xFFFFFFFF), 8192),
    ],
)
def test_the_group_is_of_the_size_asked_for(limits: tuple[int, int, int], bits: int) -> None:
    puppet = asked(m.KexDhGexRequest(*limits))
    assert puppet.failure is None
    assert puppet.last(m.KexDhGexGroup) == m.KexDhGexGroup(named_group(bits).p, 2)


@pytest.mark.parametrize(
    "limits", [(1024, 1024, 1024), (0, 0, 0), (8193, 9000, 9999), (4096, 2048, 8192), (2048, 8192, 4096), (5, 4, 3)]
)
def test_wishes_that_cannot_be_met_are_refused(limits: tuple[int, int, int]) -> None:
    puppet = asked(m.KexDhGexRequest(*limits))
    assert isinstance(puppet.failure, KeyExchangeError)
    assert "2048 to 8192 bits" in (puppet.failure.expected or "")
    assert str(limits[1]) in (puppet.failure.received or "")


def test_groups_of_the_administrator_come_first() -> None:
    own = Group(P, 5)
    assert asked(m.KexDhGexRequest(2048, 2048, 8192), lambda: [own]).last(m.KexDhGexGroup) == m.KexDhGexGroup(P, 5)
    # … and RFC 3526's where none of them is of a size that would do.
    other = asked(m.KexDhGexRequest(3072, 3072, 8192), lambda: [own]).last(m.KexDhGexGroup)
    assert other == m.KexDhGexGroup(named_group(3072).p, 2)
