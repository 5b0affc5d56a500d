"""Every message number in every phase and role: what the RFCs allow is handled, a few strays are ignored once a user is
logged in, all else ends the connection.

The rules are said here a second time, as sentences about numbers, so that a slip in the table does not pass unseen.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_ssh.ssh.errors import UnexpectedMessage, VersionError
from jupyter_ssh.ssh.protocol.events import MessageIgnored
from jupyter_ssh.ssh.protocol.gate import GATE
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire.types import boolean, string, uint32
from tests.pair.pairing import GROUP_EXCHANGE, HOST_KEY, allow_small_groups, suite
from tests.pair.puppet import Puppet

CLIENT, SERVER = Role.CLIENT, Role.SERVER

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG = 1, 2, 3, 4
SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO, KEXINIT, NEWKEYS = 5, 6, 7, 20, 21
KEX_INIT, KEX_REPLY = 30, 31
GEX_REQUEST_OLD, GEX_GROUP, GEX_INIT, GEX_REPLY, GEX_REQUEST = range(30, 35)
ASSIGNED = {*range(1, 8), 20, 21, *range(50, 54), *range(80, 83), *range(90, 101), 192, 193}
OF_A_METHOD = {*range(30, 50), *range(60, 80)}
ANY_TIME = {DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG}


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_small_groups(monkeypatch)


def receives(role: Role, phase: Phase) -> set[int]:
    """What a peer may send to ``role``, apart from numbers without a meaning."""
    mine = {CLIENT: KEX_REPLY, SERVER: KEX_INIT}[role]
    if phase is Phase.KEXINIT:
        return {KEXINIT, *ANY_TIME}  # RFC 4253 §7.1; whether it was the first packet shows when strictness is agreed
    if phase in (Phase.WRONG_GUESS, Phase.REKEY_WRONG_GUESS):
        return {DISCONNECT, *range(30, 50)}  # the guess comes next, and is of whatever method
    if phase in (Phase.KEX, Phase.REKEY):
        return {mine, *ANY_TIME}  # RFC 4253 §7.1
    # RFC 4419 §3 and §5
    asked = {CLIENT: {GEX_GROUP}, SERVER: {GEX_REQUEST, GEX_REQUEST_OLD}}[role]
    in_group = {CLIENT: {GEX_REPLY}, SERVER: {GEX_INIT}}[role]
    if phase in (Phase.GROUP, Phase.REKEY_GROUP):
        return {*asked, *ANY_TIME}
    if phase in (Phase.GEX, Phase.REKEY_GEX):
        return {*in_group, *ANY_TIME}
    if phase is Phase.GROUP_STRICT:
        return {*asked, DISCONNECT}
    if phase is Phase.GEX_STRICT:
        return {*in_group, DISCONNECT}
    if phase in (Phase.NEWKEYS, Phase.REKEY_NEWKEYS):
        return {NEWKEYS, *ANY_TIME}
    if phase is Phase.KEX_STRICT:
        return {mine, DISCONNECT}  # OpenSSH PROTOCOL §1.10
    if phase is Phase.NEWKEYS_STRICT:
        return {NEWKEYS, DISCONNECT}
    encrypted = {KEXINIT, *ANY_TIME}
    if phase is Phase.SERVICE:  # RFC 4253 §10, RFC 8308 §2.4
        return {EXT_INFO, SERVICE_ACCEPT if role is CLIENT else SERVICE_REQUEST, *encrypted}
    if phase is Phase.AUTH:  # RFC 4252 §6, RFC 4256 §5; PROTOCOL §1.9
        # Paramiko asks for the service again before each attempt.
        own = {EXT_INFO, 51, 52, 53, 60} if role is CLIENT else {SERVICE_REQUEST, 50, 61}
        return {192, 193, *own, *encrypted}
    if phase is Phase.OPEN:  # RFC 4254 §9
        return {*range(80, 83), *range(90, 101), 192, 193, *encrypted}
    return set()


def ignores(role: Role, phase: Phase) -> set[int]:
    """What a peer should not send to ``role``, but is forgiven: only after the login, and never while keys change."""
    if phase is not Phase.OPEN:
        return set()
    if role is CLIENT:
        return {SERVICE_ACCEPT, EXT_INFO, 51, 52, 53, 60}
    return {SERVICE_REQUEST, EXT_INFO, 50}  # RFC 4252 §5.1 for 50: it was under way at the login


ANSWERED = {Phase.SERVICE, Phase.AUTH, Phase.OPEN}
"""RFC 4253 §11.4: from the first keys on, what has no meaning is answered with UNIMPLEMENTED, but while keys change."""

FREE = set(range(1, 256)) - ASSIGNED - OF_A_METHOD


def kex_phase(strict: bool) -> Callable[[Role], Puppet]:
    def arrive(role: Role) -> Puppet:
        puppet = Puppet(role, strict=strict)
        puppet.greet()
        puppet.send_kexinit()
        return puppet

    return arrive


def newkeys_phase(strict: bool) -> Callable[[Role], Puppet]:
    def arrive(role: Role) -> Puppet:
        puppet = kex_phase(strict)(role)
        puppet.send_exchange()
        return puppet

    return arrive


def kexinit_phase(role: Role) -> Puppet:
    puppet = Puppet(role)
    puppet.greet()
    return puppet


def wrong_guess_phase(role: Role) -> Puppet:
    puppet = kexinit_phase(role)
    ours = puppet.make_kexinit()
    puppet.send_kexinit(kex_algorithms=("diffie-hellman-guess", *ours.kex_algorithms), first_kex_packet_follows=True)
    return puppet


def group_phase(strict: bool) -> Callable[[Role], Puppet]:
    def arrive(role: Role) -> Puppet:
        puppet = Puppet(role, strict=strict, algorithms=suite(kex=GROUP_EXCHANGE))
        puppet.greet()
        puppet.send_kexinit()
        return puppet

    return arrive


def gex_phase(strict: bool) -> Callable[[Role], Puppet]:
    def arrive(role: Role) -> Puppet:
        puppet = group_phase(strict)(role)
        puppet.send_group()
        return puppet

    return arrive


def rekey_group_phase(role: Role) -> Puppet:
    puppet = Puppet(role, algorithms=suite(kex=GROUP_EXCHANGE)).to_open()
    puppet.send_kexinit()
    return puppet


def rekey_gex_phase(role: Role) -> Puppet:
    puppet = rekey_group_phase(role)
    puppet.send_group()
    return puppet


def rekey_wrong_guess_phase(role: Role) -> Puppet:
    puppet = Puppet(role).to_open()
    puppet.send_kexinit(server_host_key_algorithms=("ssh-guess", "ssh-ed25519"), first_kex_packet_follows=True)
    return puppet


def rekey_phase(role: Role) -> Puppet:
    puppet = Puppet(role).to_open()
    puppet.send_kexinit()
    return puppet


def rekey_newkeys_phase(role: Role) -> Puppet:
    puppet = rekey_phase(role)
    puppet.send_exchange()
    return puppet


def closed_phase(role: Role) -> Puppet:
    puppet = Puppet(role).to_open()
    puppet.subject.session.disconnect()
    puppet.hear()
    return puppet


ARRIVE: dict[Phase, Callable[[Role], Puppet]] = {
    Phase.KEXINIT: kexinit_phase,
    Phase.WRONG_GUESS: wrong_guess_phase,
    Phase.KEX: kex_phase(strict=False),
    Phase.KEX_STRICT: kex_phase(strict=True),
    Phase.GROUP: group_phase(strict=False),
    Phase.GROUP_STRICT: group_phase(strict=True),
    Phase.GEX: gex_phase(strict=False),
    Phase.GEX_STRICT: gex_phase(strict=True),
    Phase.NEWKEYS: newkeys_phase(strict=False),
    Phase.NEWKEYS_STRICT: newkeys_phase(strict=True),
    Phase.SERVICE: lambda role: Puppet(role).to_service(),
    Phase.AUTH: lambda role: Puppet(role, login=role is CLIENT).to_auth(),
    Phase.OPEN: lambda role: Puppet(role).to_open(),
    Phase.REKEY: rekey_phase,
    Phase.REKEY_WRONG_GUESS: rekey_wrong_guess_phase,
    Phase.REKEY_GROUP: rekey_group_phase,
    Phase.REKEY_GEX: rekey_gex_phase,
    Phase.REKEY_NEWKEYS: rekey_newkeys_phase,
    Phase.CLOSED: closed_phase,
}

BODIES: dict[int, bytes] = {
    DISCONNECT: uint32(11) + string("bye") + string(""),
    UNIMPLEMENTED: uint32(0),
    DEBUG: boolean(False) + string("text") + string(""),
    SERVICE_REQUEST: string("ssh-userauth"),
    SERVICE_ACCEPT: string("ssh-userauth"),
    EXT_INFO: uint32(0),
    50: string("alice") + string("ssh-connection") + string("none"),
    51: string("password") + boolean(False),
    53: string("welcome") + string(""),
    80: string("anything") + boolean(True),
    90: string("session") + uint32(0) + uint32(1000) + uint32(1000),
    91: uint32(0) + uint32(0) + uint32(1000) + uint32(1000),
    92: uint32(0) + uint32(1) + string("no") + string(""),
    93: uint32(0) + uint32(5),
    94: uint32(0) + string("data"),
    95: uint32(0) + uint32(1) + string("data"),
    96: uint32(0),
    97: uint32(0),
    98: uint32(0) + string("anything") + boolean(True),
    99: uint32(0),
    100: uint32(0),
    192: string("ping"),
    193: string("pong"),
}
"""A well-formed body for the numbers that need one."""

OUT_OF_TURN = "the peer sent a message out of turn"


def kind_of(role: Role, phase: Phase, number: int) -> str:
    """The kind of entry that GATE has for a number."""
    row = GATE[role, phase]
    handled, ignored = number in row.handled, number in row.ignored
    assert not (handled and ignored), (role, phase, number)
    return "handled" if handled else "ignored" if ignored else "forbidden"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", Phase)
def test_the_table_says_the_same(role: Role, phase: Phase) -> None:
    handled = receives(role, phase) | (FREE if phase in ANSWERED else set())
    ignored = ignores(role, phase)
    for number in range(256):
        expected = "handled" if number in handled else "ignored" if number in ignored else "forbidden"
        assert kind_of(role, phase, number) == expected, number
    assert GATE[role, phase].handled | GATE[role, phase].ignored <= set(range(256))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", ARRIVE)
def test_every_number(role: Role, phase: Phase) -> None:
    allowed = receives(role, phase)
    shared: Puppet | None = None  # for messages that leave the session as it was
    for number in range(256):
        puppet = shared or ARRIVE[phase](role)
        shared = None
        session = puppet.subject.session
        assert session.phase is phase, (puppet.failure, number)
        before = len(puppet.inbox)
        sequence = puppet.sealer.sequence
        ignored_before = session.transport.strays.count
        answers = puppet.say(bytes([number]) + BODIES.get(number, b""))
        failure = puppet.failure
        if phase is Phase.CLOSED:
            assert len(puppet.inbox) == before, "the dead do not speak"
            shared = puppet
        elif number in allowed:
            assert failure is None or failure.message != OUT_OF_TURN, number
        elif number in FREE and phase in ANSWERED:
            assert failure is None
            assert answers == [m.Unimplemented(sequence).encode()]
            shared = puppet
        elif number in ignores(role, phase):
            assert failure is None, number
            assert answers == []
            assert session.info.ignored == ignored_before + 1
            assert puppet.subject.events[-1] == MessageIgnored(number, "out of turn")
            shared = puppet
        else:
            assert isinstance(failure, UnexpectedMessage), number
            assert failure.message == OUT_OF_TURN
            assert failure.phase == phase.value
            assert failure.received
            assert failure.received.endswith(f"({number})")
            assert failure.expected
            assert "SSH_MSG_DISCONNECT (1)" in failure.expected
            assert failure.next_step
            assert m.Disconnect.decode(puppet.inbox[-1], 1).reason == 2
            assert session.phase is Phase.CLOSED


@pytest.mark.parametrize("role", Role)
def test_before_the_version_there_are_no_messages(role: Role) -> None:
    for number in range(256):
        puppet = Puppet(role)
        puppet.say(bytes([number]) + bytes(300))
        puppet.subject.session.feed_eof()
        assert isinstance(puppet.failure, VersionError)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("number", range(30, 50))
def test_a_wrong_guess_of_any_method_is_skipped(role: Role, number: int) -> None:
    puppet = wrong_guess_phase(role)
    puppet.say(bytes([number]) + b"whatever the other method says")
    assert puppet.failure is None
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.failure is None
    assert puppet.subject.session.phase is Phase.SERVICE


@pytest.mark.parametrize("role", Role)
def test_a_wrong_guess_during_a_rekey_is_skipped(role: Role) -> None:
    puppet = rekey_wrong_guess_phase(role)
    puppet.say(bytes([KEX_INIT if role is SERVER else KEX_REPLY]) + b"wrong")
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.subject.session.phase is Phase.OPEN


def test_a_right_guess_is_used() -> None:
    puppet = Puppet(SERVER)
    puppet.greet()
    puppet.send_kexinit(first_kex_packet_follows=True)
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.subject.session.phase is Phase.SERVICE


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("number", sorted(ANY_TIME - {DISCONNECT}))
def test_a_packet_before_the_first_kexinit(role: Role, strict: bool, number: int) -> None:
    """Allowed by RFC 4253, forbidden by strict key exchange: it is how CVE-2023-48795 shifts sequence numbers."""
    puppet = kexinit_phase(role)
    puppet.strict = strict
    puppet.say(bytes([number]) + BODIES.get(number, b""))
    puppet.send_kexinit()
    assert (puppet.failure is not None) is strict
    if strict:
        assert isinstance(puppet.failure, UnexpectedMessage)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("stage", [Phase.KEX_STRICT, Phase.GROUP_STRICT, Phase.GEX_STRICT, Phase.NEWKEYS_STRICT])
def test_nothing_can_be_slipped_into_a_strict_exchange(role: Role, stage: Phase) -> None:
    for number in sorted(ANY_TIME - {DISCONNECT}):
        puppet = ARRIVE[stage](role)
        puppet.say(bytes([number]) + BODIES.get(number, b""))
        assert isinstance(puppet.failure, UnexpectedMessage)


def test_the_host_key_of_these_tests_is_the_one_offered() -> None:
    puppet = Puppet(CLIENT).to_open()
    assert puppet.subject.session.info.host_key == HOST_KEY.public
