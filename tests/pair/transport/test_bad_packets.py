"""What is no SSH, or is SSH done wrong, below the messages: versions, packets, tags, negotiation, key exchange."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_ssh.ssh.errors import (
    DisconnectedByPeer,
    KeyExchangeError,
    KeyFormatError,
    NegotiationError,
    PacketError,
    PacketIntegrityError,
    ProtocolError,
    SSHError,
    VersionError,
    WireError,
)
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.version import MAX_BANNER_LINES, MAX_LINE
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import Reader, mpint, string, uint32
from tests.pair.pairing import SUITES, suite
from tests.pair.puppet import Puppet
from tests.support.messages import Ignore


def ended(puppet: Puppet, kind: type[SSHError], said: int | None = None) -> SSHError:
    """The error that ended the subject's session; ``said`` is the reason it gave its peer."""
    failure = puppet.failure
    assert isinstance(failure, kind)
    assert failure.phase
    assert failure.next_step
    puppet.hear()
    goodbyes = puppet.heard(n.SSH_MSG_DISCONNECT)
    assert [m.Disconnect.decode(payload, 1).reason for payload in goodbyes] == ([said] if said else [])
    assert puppet.subject.of(e.Closed) == [e.Closed(failure)]
    return failure


# --- version ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"\0" * 300,
        b"\xff\xfe\xfd\n" * 2000,
        b"SSH-1.5-OldServer\r\n",
        b"SSH-3.0-FromTheFuture\r\n",
        b"SSH-2.0\r\n",
        b"SSH-2.0-\r\n",
        b"SSH-2.0-nul\0here\r\n",
        b"SSH-2.0-two\rlines\r\n",
        b"SSH-2.0-cr\r\r\n",
        b"SSH-2.0-" + b"x" * (MAX_LINE - 7) + b"\r\n",
        b"x" * (MAX_LINE + 1) + b"\r\nSSH-2.0-x\r\n",
        b"SSH-2.0-OnlyCR\r" * 30,
        b"SSH-2.0-NoEnd" + b"x" * (MAX_LINE + 1),
    ],
    ids=lambda line: line[:20].decode("latin-1").encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("role", Role)
def test_versions_that_are_none(role: Role, line: bytes) -> None:
    for split in (len(line), 1):
        puppet = Puppet(role)
        for start in range(0, len(line), split):
            puppet.feed(line[start : start + split])
        puppet.subject.session.feed_eof()
        error = ended(puppet, VersionError)
        assert error.expected
        assert error.received
        # Nobody is told anything who may not speak SSH at all.
        assert len(puppet.heard(n.SSH_MSG_KEXINIT)) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"SSH-1.99-Both\r\n",
        b"SSH-2.0-NoCR\n",
        b"SSH-2.0-with comment\r\n",
        b"SSH-2.0-" + b"x" * (MAX_LINE - 8) + b"\r\n",
    ],
    ids=lambda line: line[:20].decode().encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("role", Role)
def test_versions_that_are_right(role: Role, line: bytes) -> None:
    puppet = Puppet(role)
    puppet.greet(line)
    assert puppet.failure is None
    assert puppet.subject.session.transport.peer_version == line.rstrip()
    assert puppet.subject.session.phase is Phase.KEXINIT


def test_a_server_may_say_something_first_and_a_client_may_not() -> None:
    for role in Role:
        puppet = Puppet(role)
        puppet.greet(b"Welcome to\r\nour machine\nSSH-2.0-Puppet\r\n")
        if role is Role.CLIENT:
            assert puppet.failure is None
            assert puppet.subject.session.transport.banner_lines == [b"Welcome to", b"our machine"]
        else:
            assert isinstance(puppet.failure, VersionError)


def test_as_much_may_come_first_as_openssh_reads() -> None:
    """1024 lines of 8192 bytes; not all of them are kept, but the last one is."""
    puppet = Puppet(Role.CLIENT)
    for number in range(MAX_BANNER_LINES):
        puppet.feed((b"%d " % number).ljust(MAX_LINE, b"x") + b"\r\n")
    assert puppet.failure is None
    puppet.greet()
    puppet.exchange()
    assert puppet.subject.session.phase is Phase.SERVICE
    kept = puppet.subject.session.transport.banner_lines
    assert sum(map(len, kept)) < 100_000
    assert (kept[0][:2], kept[-1][:5]) == (b"0 ", b"1023 ")


@pytest.mark.parametrize("flood", [b"hello\r\n", b"\n", b"x" * 1000, b"y" * 999 + b"\n"])
def test_an_endless_banner_has_an_end(flood: bytes) -> None:
    puppet = Puppet(Role.CLIENT)
    fed = 0
    while puppet.failure is None:
        puppet.feed(flood)
        fed += len(flood)
        assert fed < 2_000_000
    assert "hello" in str(ended(puppet, VersionError)) or flood != b"hello\r\n"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "web server"),
        (b"\x16\x03\x01\x02\x00", "TLS"),
        (b"220 mail.example ESMTP\r\n", "mail"),
        (b"Exceeded MaxStartups\r\n", "too many connections"),
    ],
)
def test_other_servers_are_recognised(said: bytes, hint: str) -> None:
    puppet = Puppet(Role.CLIENT)
    puppet.feed(said)
    puppet.subject.session.feed_eof()
    assert hint in str(ended(puppet, VersionError))


# --- packets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 4, 5, 11, 13, 262_140 + 8, 0x7FFFFFFC, 0xFFFFFFFC, 0xFFFFFFFF])
@pytest.mark.parametrize("role", Role)
def test_packet_lengths_that_cannot_be(role: Role, length: int) -> None:
    puppet = Puppet(role)
    puppet.greet()
    puppet.feed(uint32(length))  # not a byte more is waited for
    ended(puppet, PacketError, said=2)


@pytest.mark.parametrize("padding", [0, 3, 11, 12, 255])
@pytest.mark.parametrize("role", Role)
def test_padding_that_cannot_be(role: Role, padding: int) -> None:
    puppet = Puppet(role)
    puppet.greet()
    puppet.feed(uint32(12) + bytes([padding, n.SSH_MSG_IGNORE]) + bytes(10))
    ended(puppet, PacketError, said=2)


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("role", Role)
def test_a_packet_that_was_altered_at_any_byte(role: Role, name: str) -> None:
    size = len(Puppet(role, algorithms=suite(name)).to_service().seal(Ignore(b"some words")))
    for position in range(size):
        puppet = Puppet(role, algorithms=suite(name)).to_service()
        packet = bytearray(puppet.seal(Ignore(b"some words")))
        packet[position] ^= 0x10
        puppet.feed(packet)
        if puppet.failure is None:
            # A length became larger but possible: the tag shows it once there is enough for it.
            assert position < 4
            puppet.feed(bytes(300_000))
        failure = puppet.failure
        assert isinstance(failure, PacketError)
        ended(puppet, type(failure), said=5 if isinstance(failure, PacketIntegrityError) else 2)
        if position >= 16:
            assert isinstance(failure, PacketIntegrityError)
            assert failure.message.startswith("Corrupted MAC on input: "), "the words that people search for"


@pytest.mark.parametrize("name", SUITES)
def test_packets_that_were_swapped_or_sent_twice(name: str) -> None:
    for order in ((1, 0), (0, 0)):
        puppet = Puppet(Role.SERVER, algorithms=suite(name)).to_service()
        packets = [puppet.seal(Ignore(text)) for text in (b"first", b"after")]
        puppet.feed(b"".join(packets[index] for index in order))
        assert isinstance(puppet.failure, PacketError)


@pytest.mark.parametrize("role", Role)
def test_unencrypted_packets_after_the_keys(role: Role) -> None:
    puppet = Puppet(role)
    puppet.greet()
    plain = puppet.sealer
    puppet.exchange()
    puppet.feed(plain.seal(Ignore(b"x" * 40).encode()))
    assert isinstance(puppet.failure, PacketError)


# --- negotiation ------------------------------------------------------------------------------------------------------

LISTS = [field for field, _ in m.KexInit.fields() if field.startswith(("kex_", "server_", "encr", "mac_", "compr"))]


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize("role", Role)
def test_nothing_in_common_of_each_kind(role: Role, field: str) -> None:
    for value in ((), ("what-is-this@example.com",), ("a", "b", "c")):
        puppet = Puppet(role, algorithms=suite("ctr-etm"))
        puppet.greet()
        puppet.say(puppet.make_kexinit(**{field: value}))
        error = ended(puppet, NegotiationError, said=3)
        assert isinstance(error, NegotiationError)
        assert error.theirs == value
        assert error.ours


def test_a_mac_does_not_matter_for_a_cipher_that_has_its_own() -> None:
    puppet = Puppet(Role.SERVER)
    puppet.greet()
    puppet.send_kexinit(mac_client_to_server=(), mac_server_to_client=())
    assert puppet.failure is None


def test_markers_are_no_algorithms() -> None:
    puppet = Puppet(Role.SERVER)
    puppet.greet()
    markers = ("ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com")
    puppet.say(puppet.make_kexinit(kex_algorithms=markers))
    ended(puppet, NegotiationError, said=3)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(15),
        bytes(16),
        bytes(16) + (string("a") * 10) + b"\0",
        bytes(16) + (string("a") * 10) + b"\0" + uint32(0) + b"more",
        bytes(16) + uint32(0xFFFFFFFF),
        bytes(16) + string("a," * 20_000 + "a"),
        bytes(16) + string("a,,b") * 10 + b"\0" + uint32(0),
        bytes(16) + string(",") * 10 + b"\0" + uint32(0),
        bytes(16) + string("a b") * 10 + b"\0" + uint32(0),
        bytes(16) + string("a\0") * 10 + b"\0" + uint32(0),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("role", Role)
def test_kexinit_that_is_none(role: Role, body: bytes) -> None:
    puppet = Puppet(role)
    puppet.greet()
    puppet.say(bytes([n.SSH_MSG_KEXINIT]) + body)
    ended(puppet, WireError, said=2)


@pytest.mark.parametrize("role", Role)
def test_a_very_long_list_of_names_is_read(role: Role) -> None:
    """As long as a list may be: ten of them fit into a packet."""
    puppet = Puppet(role)
    puppet.greet()
    names = tuple(f"n{number}@example.com" for number in range(1500))
    puppet.send_kexinit(**{field: (*names, *getattr(puppet.make_kexinit(), field)) for field in LISTS})
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.subject.session.phase is Phase.SERVICE


FOREIGN = b"\xe4\xf6-\xff@old"


@pytest.mark.parametrize("role", Role)
def test_names_that_are_not_ascii_are_names_of_nothing(role: Role) -> None:
    """In the lists of algorithms they are unknown ones; those of languages nobody reads."""
    puppet = Puppet(role, algorithms=suite("ctr-etm"))
    puppet.greet()
    lists = {field: ("foreign!", *getattr(puppet.make_kexinit(), field)) for field in LISTS}
    languages = {"languages_client_to_server": FOREIGN, "languages_server_to_client": b"no,, list\0\x7f"}
    puppet.send_kexinit(lambda payload: payload.replace(b"foreign!", FOREIGN), **lists, **languages)
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.failure is None
    assert puppet.subject.session.phase is Phase.SERVICE


@pytest.mark.parametrize("role", Role)
def test_a_name_that_is_not_ascii_is_in_common_with_nothing(role: Role) -> None:
    puppet = Puppet(role, algorithms=suite("ctr-etm"))
    puppet.greet()
    ours = puppet.make_kexinit(kex_algorithms=("foreign!",)).encode()
    puppet.say(ours.replace(b"foreign!", FOREIGN))
    error = ended(puppet, NegotiationError, said=3)
    assert "\\xe4\\xf6-\\xff@old" in str(error)
    assert str(error).isprintable()


# --- key exchange -----------------------------------------------------------------------------------------------------


def before_exchange(role: Role, kex: str = "curve25519-sha256") -> Puppet:
    puppet = Puppet(role, algorithms=suite(kex=kex))
    puppet.greet()
    puppet.send_kexinit()
    return puppet


KEX = ("curve25519-sha256", "ecdh-sha2-nistp256", "mlkem768x25519-sha256")


@pytest.mark.parametrize("kex", KEX)
def test_a_client_value_of_the_wrong_length_or_no_value_at_all(kex: str) -> None:
    sample = Reader(before_exchange(Role.CLIENT, kex).heard(30)[0], 1).string()
    bad = [b"", b"\0", sample[:-1], sample + b"\0", bytes(len(sample)), bytes(300)]
    if kex != "curve25519-sha256":  # where every string of 32 bytes is a value (RFC 7748 §5)
        bad.append(b"\xff" * len(sample))
    for value in bad:
        puppet = before_exchange(Role.SERVER, kex)
        puppet.say(m.KexEcdhInit(value))
        ended(puppet, KeyExchangeError, said=3)
        assert puppet.heard(31) == []
    for body in (b"", b"\0", uint32(0xFFFFFFFF), string(sample) + b"\0"):
        puppet = before_exchange(Role.SERVER, kex)
        puppet.say(bytes([30]) + body)
        ended(puppet, WireError, said=2)


def refused(puppet: Puppet) -> None:
    """The client sent neither NEWKEYS nor anything else, and nobody was asked about the key."""
    assert puppet.subject.of(e.HostKeyOffered) == []
    assert puppet.heard(n.SSH_MSG_NEWKEYS) == []


@pytest.mark.parametrize("kex", KEX)
def test_a_server_value_of_the_wrong_length_or_no_value_at_all(kex: str) -> None:
    for change in (
        lambda value: b"",
        lambda value: value[:-1],
        lambda value: value + b"\0",
        lambda value: bytes(len(value)),
        lambda value: b"\xff" * len(value),
        lambda value: value[:1] + bytes([value[1] ^ 1]) + value[2:],
    ):
        puppet = before_exchange(Role.CLIENT, kex)
        puppet.send_exchange(lambda reply, change=change: replace(reply, server_public=change(reply.server_public)))
        ended(puppet, KeyExchangeError, said=3)
        refused(puppet)


def test_a_signature_that_is_wrong() -> None:
    ed25519, ecdsa = generate("ssh-ed25519"), generate("ecdsa-sha2-nistp256")

    def flipped(signature: bytes, position: int) -> bytes:
        return signature[:position] + bytes([signature[position] ^ 1]) + signature[position + 1 :]

    signature = b""

    def keep(reply: m.KexEcdhReply) -> m.KexEcdhReply:
        nonlocal signature
        signature = reply.signature
        return reply

    before_exchange(Role.CLIENT).send_exchange(keep)
    changes = [
        lambda reply: replace(reply, signature=b""),
        lambda reply: replace(reply, signature=reply.signature[:-1]),
        lambda reply: replace(reply, signature=reply.signature + b"\0"),
        lambda reply: replace(reply, signature=string("rsa-sha2-512") + string(bytes(64))),
        lambda reply: replace(reply, signature=ed25519.sign(b"something else")),
        lambda reply: replace(reply, host_key=ed25519.public.blob),
        lambda reply: replace(reply, host_key=ecdsa.public.blob, signature=ecdsa.sign(b"x")),
        *[
            lambda reply, position=position: replace(reply, signature=flipped(reply.signature, position))
            for position in range(len(signature))
        ],
    ]
    for change in changes:
        puppet = before_exchange(Role.CLIENT)
        puppet.send_exchange(change)
        error = ended(puppet, KeyExchangeError, said=3)
        assert "tampering" in (error.next_step or "")
        refused(puppet)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0\0\0",
        string("ssh-ed25519"),
        string("ssh-ed25519") + string(bytes(31)),
        string("ssh-ed25519") + string(bytes(33)),
        string("ssh-unknown") + string(bytes(32)),
        string("ssh-rsa") + mpint(65537) + mpint((1 << 1023) + 9),  # too short to be trusted
        string("ssh-rsa") + mpint(65537) + mpint((1 << 70_000) + 1),
    ],
    ids=range(8),
)
def test_a_host_key_that_is_none(blob: bytes) -> None:
    puppet = before_exchange(Role.CLIENT)
    puppet.send_exchange(lambda reply: replace(reply, host_key=blob))
    failure = puppet.failure
    assert isinstance(failure, (KeyFormatError, WireError, KeyExchangeError))
    puppet.hear()
    assert len(puppet.heard(n.SSH_MSG_DISCONNECT)) == 1
    refused(puppet)


@pytest.mark.parametrize("role", Role)
def test_newkeys_that_says_something(role: Role) -> None:
    puppet = before_exchange(role)
    puppet.send_exchange()
    puppet.say(bytes([n.SSH_MSG_NEWKEYS, 0]))
    assert isinstance(puppet.failure, WireError)


# --- messages at any time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    "body", [uint32(0), uint32(2) + string("ok"), uint32(14) + string("\x1b[31mtext\0") + string("en"), uint32(99)]
)
def test_goodbyes_of_all_forms(role: Role, body: bytes) -> None:
    """Some leave the text or its language out."""
    puppet = Puppet(role).to_open()
    puppet.say(bytes([n.SSH_MSG_DISCONNECT]) + body)
    failure = puppet.failure
    assert isinstance(failure, DisconnectedByPeer)
    assert failure.reason == int.from_bytes(body[:4], "big")
    assert "\x1b" not in str(failure)
    assert puppet.heard(n.SSH_MSG_DISCONNECT) == []


@pytest.mark.parametrize("role", Role)
def test_debug_ignore_and_unimplemented_change_nothing(role: Role) -> None:
    puppet = Puppet(role).to_open()
    assert puppet.say(Ignore(b""), Ignore(bytes(30_000)), m.Unimplemented(7), m.Debug(True, "text")) == []
    assert puppet.failure is None
    assert puppet.subject.of(e.DebugMessage) == [e.DebugMessage("text", True)]


@pytest.mark.parametrize("role", Role)
def test_pings_are_answered_in_order(role: Role) -> None:
    puppet = Puppet(role).to_open()
    assert puppet.say(m.Ping(b"one"), m.Ping(b""), m.Pong(b"?"), m.Ping(b"three")) == [
        m.Pong(data).encode() for data in (b"one", b"", b"three")
    ]


def test_what_the_server_says_of_itself() -> None:
    puppet = Puppet(Role.SERVER).to_service()
    message = m.ExtInfo.decode(puppet.heard(n.SSH_MSG_EXT_INFO)[0], 1)
    reader = Reader(message.extensions)
    said = {reader.text(): reader.text() for _ in range(message.count)}
    assert "rsa-sha2-512" in said["server-sig-algs"].split(",")
    assert said["ping@openssh.com"] == "0"
    assert puppet.inbox.index(puppet.heard(7)[0]) == puppet.inbox.index(bytes([21])) + 1


def test_only_those_who_ask_are_told() -> None:
    puppet = Puppet(Role.SERVER)
    puppet.greet()
    puppet.send_kexinit(kex_algorithms=("curve25519-sha256", "kex-strict-c-v00@openssh.com"))
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.heard(n.SSH_MSG_EXT_INFO) == []


def ext_info(*pairs: tuple[str, str]) -> m.ExtInfo:
    return m.ExtInfo(len(pairs), b"".join(string(name) + string(value) for name, value in pairs))


def test_the_client_hears_it_after_the_keys_and_before_success() -> None:
    puppet = Puppet(Role.CLIENT).to_service()
    puppet.say(ext_info(("server-sig-algs", "a,b"), ("unknown@example.com", "x")))
    puppet.say(m.ServiceAccept("ssh-userauth"))
    puppet.say(ext_info(("server-sig-algs", "c")))
    puppet.say(m.UserauthSuccess())
    assert puppet.subject.session.transport.extensions == {"server-sig-algs": b"c", "unknown@example.com": b"x"}
    puppet.say(ext_info(("server-sig-algs", "too late")))
    assert puppet.failure is None
    assert puppet.subject.session.transport.extensions["server-sig-algs"] == b"c"
    assert puppet.subject.session.info.ignored == 1


def test_extensions_are_bounded() -> None:
    puppet = Puppet(Role.CLIENT).to_auth()
    for turn in range(3):
        puppet.say(ext_info(*[(f"{turn}-{number}", "") for number in range(30)]))
    ended(puppet, WireError, said=2)


@pytest.mark.parametrize(
    "body", [b"", uint32(1), uint32(1) + string("x"), uint32(0) + b"x", uint32(0xFFFFFFFF) + string("x") * 2]
)
def test_ext_info_that_is_none(body: bytes) -> None:
    puppet = Puppet(Role.CLIENT).to_service()
    puppet.say(bytes([n.SSH_MSG_EXT_INFO]) + body)
    ended(puppet, WireError, said=2)


@pytest.mark.parametrize("role", Role)
def test_the_peer_is_told_why(role: Role) -> None:
    puppet = Puppet(role).to_open()
    puppet.say(bytes([n.SSH_MSG_NEWKEYS]))
    goodbye = puppet.last(m.Disconnect)
    assert isinstance(goodbye, m.Disconnect)
    assert goodbye.description == "the peer sent a message out of turn"
    assert isinstance(puppet.failure, ProtocolError)
