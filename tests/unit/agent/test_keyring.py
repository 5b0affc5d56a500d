"""The agent without a network: what becomes of each request, with a clock that the test turns."""

from __future__ import annotations

import logging

import hypothesis
import hypothesis.strategies as st
import pytest

from jupyter_ssh.ssh.agent import AgentSession, Confirm, Constraints, HeldKey, Keyring, Later, conversation
from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.agent.session import EXTENSION_FAILURE, FAILURE, SUCCESS
from jupyter_ssh.ssh.errors import AgentRefused
from jupyter_ssh.ssh.keys import KEY_TYPES, CertifiedKey, PrivateKey, generate
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.protocol.authentication.requests import signed_data
from jupyter_ssh.ssh.wire.types import string, uint32
from tests.support.made_keys import SoftwareSecurityKey, key_of, new_key

DATA = b"data"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(clock: Clock) -> Keyring:
    return Keyring(clock, clock)


@pytest.fixture
def session(keyring: Keyring) -> AgentSession:
    return AgentSession(keyring)


def answer(session: AgentSession, message: bytes) -> bytes:
    outcome = session.handle(message)
    assert isinstance(outcome, bytes), outcome
    return outcome


def listed(session: AgentSession) -> list[tuple[bytes, str]]:
    found = conversation.read_identities(answer(session, conversation.request_identities()))
    return [(item.blob, item.comment) for item in found]


def signature(session: AgentSession, key: PrivateKey, data: bytes = DATA, flags: int = 0) -> bytes:
    return conversation.read_signature(answer(session, conversation.sign_request(key.public.blob, data, flags)))


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", [name for name in KEY_TYPES if not name.startswith("sk-")])
@pytest.mark.parametrize("certified", [False, True])
def test_every_type_goes_in_signs_and_goes_out(session: AgentSession, key_type: str, certified: bool) -> None:
    key: PrivateKey = key_of(key_type)
    if certified:
        key = CertifiedKey(key, sign_certificate(key_of("ssh-ed25519"), key.public, principals=["alice"]))
    assert answer(session, conversation.add_identity(key, "comment")) == SUCCESS
    assert listed(session) == [(key.public.blob, "comment")]
    key.public.verify(signature(session, key), DATA, key.public.signature_algorithms)
    assert answer(session, conversation.remove_identity(key.public.blob)) == SUCCESS
    assert listed(session) == []
    assert answer(session, conversation.remove_identity(key.public.blob)) == FAILURE


@pytest.mark.parametrize(("flags", "algorithm"), [(0, "ssh-rsa"), (2, "rsa-sha2-256"), (4, "rsa-sha2-512")])
def test_the_flags_choose_how_rsa_signs(session: AgentSession, flags: int, algorithm: str) -> None:
    key = key_of("ssh-rsa")
    answer(session, conversation.add_identity(key, ""))
    assert key.public.verify(signature(session, key, flags=flags), DATA, (algorithm,)) == algorithm


def test_a_key_that_comes_again_gets_its_new_constraints(session: AgentSession, keyring: Keyring, clock: Clock) -> None:
    key = generate("ed25519")
    answer(session, conversation.add_identity(key, "first", Constraints(lifetime=10)))
    answer(session, conversation.add_identity(key, "second"))
    clock.now += 11
    assert listed(session) == [(key.public.blob, "second")]


def test_keys_are_forgotten_when_their_time_is_over(session: AgentSession, keyring: Keyring, clock: Clock) -> None:
    keys = [generate("ed25519") for _ in range(2)]
    for key, seconds in zip(keys, (10, 20), strict=True):
        answer(session, conversation.add_identity(key, "", Constraints(lifetime=seconds)))
    assert keyring.next_expiry == clock.now + 10
    clock.now += 10
    assert answer(session, conversation.sign_request(keys[0].public.blob, DATA)) == FAILURE
    assert [held.key.public for held in keyring.held()] == [keys[1].public]


def test_a_default_lifetime(clock: Clock) -> None:
    keyring = Keyring(clock, clock, default_lifetime=60)
    assert keyring.add(generate("ed25519")).expires == clock.now + 60
    assert keyring.add(generate("ed25519"), constraints=Constraints(lifetime=5)).expires == clock.now + 5


def test_remove_all(session: AgentSession) -> None:
    for _ in range(3):
        answer(session, conversation.add_identity(generate("ed25519"), ""))
    assert answer(session, conversation.remove_all_identities()) == SUCCESS
    assert listed(session) == []


def test_a_constraint_nobody_knows_keeps_the_key_out(session: AgentSession) -> None:
    key = generate("ed25519")
    for limits in (
        b"\x03" + uint32(1),
        b"\xff" + string("unknown@example.org"),
        b"\x01" + uint32(1) + b"\x01" + uint32(2),
    ):
        message = conversation.add_identity(key, "", Constraints(confirm=True)) + limits
        assert answer(session, message) == FAILURE
    assert listed(session) == []


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_shown_or_logged(
    session: AgentSession, keyring: Keyring, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = generate("ed25519")
    message = conversation.add_identity(key, "comment")
    answer(session, message)
    answer(session, message[:-9])  # cut off in the comment
    keyring.lock(b"the password")
    secret = key.private_fields()[-64:-32]
    shown = f"{keyring!r} {keyring.held()!r} {session!r} {HeldKey(key, 'c')!r} {caplog.text}"
    for form in (repr(secret)[2:-1], secret.hex(), "the password"):
        assert form not in shown


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_locked_it_shows_and_does_nothing(session: AgentSession) -> None:
    key = generate("ed25519")
    answer(session, conversation.add_identity(key, ""))
    assert answer(session, conversation.lock("secret")) == SUCCESS
    assert listed(session) == []
    for message in (
        conversation.sign_request(key.public.blob, DATA),
        conversation.add_identity(generate("ed25519"), ""),
        conversation.remove_identity(key.public.blob),
        conversation.remove_all_identities(),
        conversation.lock("other"),
        conversation.extension("query"),
    ):
        assert answer(session, message) == FAILURE
    assert answer(session, conversation.unlock("secret")) == SUCCESS
    assert [blob for blob, _ in listed(session)] == [key.public.blob]
    assert answer(session, conversation.unlock("secret")) == FAILURE  # it is not locked


def test_guessing_takes_longer_each_time(session: AgentSession, keyring: Keyring, clock: Clock) -> None:
    answer(session, conversation.lock("secret"))
    waits = []
    for _ in range(3):
        outcome = session.handle(conversation.unlock("guess"))
        assert isinstance(outcome, Later)
        waits.append(outcome.seconds)
        # Another connection does not get around it, even with the right password.
        other = AgentSession(keyring).handle(conversation.unlock("secret"))
        assert isinstance(other, Later)
        assert keyring.locked
        clock.now += outcome.seconds
        assert outcome.then() == FAILURE
    assert waits == sorted(set(waits))
    assert session.handle(conversation.unlock("secret")) == SUCCESS


# --- confirmation -----------------------------------------------------------------------------------------------------


def test_the_owner_is_asked_and_told_what_for(session: AgentSession) -> None:
    key = generate("ed25519")
    answer(session, conversation.add_identity(key, "my key", Constraints(confirm=True)))
    login = signed_data(b"s" * 32, "bob", "ssh-ed25519", key.public.blob)
    outcome = session.handle(conversation.sign_request(key.public.blob, login))
    assert isinstance(outcome, Confirm)
    assert "my key" in outcome.question
    assert "bob" in outcome.question
    assert key.public.fingerprint in outcome.question
    assert outcome.then(False) == FAILURE
    signed = outcome.then(True)
    assert isinstance(signed, bytes)
    key.public.verify(conversation.read_signature(signed), login)


def test_what_a_question_shows_of_a_comment_steers_no_terminal(session: AgentSession) -> None:
    key = generate("ed25519")
    answer(session, conversation.add_identity(key, "mine\x1b[2J\r\0", Constraints(confirm=True)))
    outcome = session.handle(conversation.sign_request(key.public.blob, DATA))
    assert isinstance(outcome, Confirm)
    assert outcome.question.replace("\n", "").isprintable()


def test_a_yes_that_comes_after_the_key_has_gone(session: AgentSession) -> None:
    key = generate("ed25519")
    answer(session, conversation.add_identity(key, "", Constraints(confirm=True)))
    outcome = session.handle(conversation.sign_request(key.public.blob, DATA))
    answer(session, conversation.remove_all_identities())
    assert isinstance(outcome, Confirm)
    assert outcome.then(True) == FAILURE


# --- security keys ----------------------------------------------------------------------------------------------------


def test_a_security_key_signs_logins_and_files_but_nothing_of_the_web(keyring: Keyring) -> None:
    session = AgentSession(keyring)
    for key_type in (name for name in KEY_TYPES if name.startswith("sk-")):
        key = _WithDevice(key_type, "webauthn.example.org")
        keyring.add(key)
        login = signed_data(b"s" * 32, "bob", key_type, key.public.blob)
        key.public.verify(signature(session, key, login), login)
        key.public.verify(signature(session, key, b"SSHSIG..."), b"SSHSIG...")
        assert answer(session, conversation.sign_request(key.public.blob, DATA)) == FAILURE


class _WithDevice(SoftwareSecurityKey):
    """As if the agent had the device."""

    @property
    def needs_agent(self) -> bool:
        return False


def test_the_handle_of_a_security_key_is_of_no_use_here(session: AgentSession, keyring: Keyring) -> None:
    key = new_key("sk-ssh-ed25519@openssh.com")
    assert answer(session, conversation.add_identity(key, "", Constraints(sk_provider="internal"))) == FAILURE
    with pytest.raises(AgentRefused, match="device"):
        keyring.add(key)


# --- nonsense ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(256))
def test_numbers_without_a_request_are_refused(session: AgentSession, number: int) -> None:
    known = {n.SSH_AGENTC_REQUEST_IDENTITIES, n.SSH_AGENTC_REMOVE_ALL_IDENTITIES}
    outcome = session.handle(bytes((number,)))
    assert (outcome == FAILURE) is (number not in known)


@hypothesis.given(st.binary(max_size=300), st.sampled_from(sorted({11, 13, 17, 18, 19, 22, 23, 25, 27})))
def test_no_bytes_make_it_raise(data: bytes, number: int) -> None:
    session = AgentSession(Keyring(Clock(), Clock()))
    session.handle(bytes((number,)) + data)


@hypothesis.given(st.data())
def test_no_change_of_a_request_makes_it_raise(data: st.DataObject) -> None:
    key = key_of("ssh-ed25519")
    message = bytearray(conversation.add_identity(key, "c", Constraints(5, True)))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    AgentSession(Keyring(Clock(), Clock())).handle(bytes(message))


def test_extensions(session: AgentSession) -> None:
    names = conversation.read_extensions(answer(session, conversation.extension("query")))
    assert set(names) == {n.QUERY, n.SESSION_BIND, n.RESTRICT_DESTINATION}
    assert answer(session, conversation.extension("unknown@example.org")) == FAILURE
    assert answer(session, conversation.extension(n.SESSION_BIND, b"nonsense")) == EXTENSION_FAILURE
