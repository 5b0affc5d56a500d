"""Keys limited to destinations, and the sessions a connection to the agent is bound to (PROTOCOL.agent)."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.agent import AgentSession, Constraints, Destination, Hop, HopKey, Keyring, conversation
from jupyter_ssh.ssh.agent.constraints import decode_constraints
from jupyter_ssh.ssh.agent.session import EXTENSION_FAILURE, FAILURE, MAX_BINDINGS, SUCCESS
from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.keys import CertifiedKey, PrivateKey, generate
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.protocol.authentication.requests import signed_data
from jupyter_ssh.ssh.wire.types import Reader, string
from tests.support.made_keys import PLAIN_TYPE, SoftwareSecurityKey

NOW = 2_000_000_000.0
A, B, C, AUTHORITY = (generate("ed25519") for _ in range(4))
"""Host keys of a.example, b.example and c.example, and of an authority for hosts."""
KEY = generate("ed25519")


def hop(name: str, key: PrivateKey, user: str = "") -> Hop:
    return Hop(name, user, (HopKey(key.public),))


TO_A = Destination(Hop(), hop("a.example", A))
A_TO_B = Destination(hop("a.example", A), hop("b.example", B, "bob"))


class Client:
    """One connection to the agent, and the sessions it tells of."""

    def __init__(self, keyring: Keyring) -> None:
        self._session = AgentSession(keyring)
        self.session_id = b""

    def bind(self, host_key: PrivateKey, session_id: bytes, *, forwarded: bool = False) -> object:
        self.session_id = session_id
        signature = host_key.sign(session_id)
        blob = host_key.public.blob
        return self._session.handle(conversation.session_bind(blob, session_id, signature, forwarded=forwarded))

    def raw(self, message: bytes) -> object:
        return self._session.handle(message)

    def shows(self) -> bool:
        outcome = self._session.handle(conversation.request_identities())
        assert isinstance(outcome, bytes)
        return bool(conversation.read_identities(outcome))

    def signs(self, user: str, host_key: PrivateKey | None = None, session_id: bytes | None = None) -> bool:
        bound = None if host_key is None else host_key.public.blob
        data = signed_data(session_id or self.session_id, user, "ssh-ed25519", KEY.public.blob, bound)
        outcome = self._session.handle(conversation.sign_request(KEY.public.blob, data))
        return outcome != FAILURE


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(lambda: 0.0, lambda: NOW)


def holding(keyring: Keyring, *destinations: Destination) -> Client:
    client = Client(keyring)
    message = conversation.add_identity(KEY, "", Constraints(destinations=destinations))
    assert client.raw(message) == SUCCESS
    return client


def test_at_home_it_is_shown_but_signs_nothing(keyring: Keyring) -> None:
    client = holding(keyring, TO_A)
    assert client.shows()
    assert not client.signs("alice")


def test_it_signs_for_the_host_it_is_for(keyring: Keyring) -> None:
    client = holding(keyring, TO_A)
    assert client.bind(A, b"1" * 32) == SUCCESS
    assert client.signs("alice")
    assert client.signs("alice", A)
    assert not client.signs("alice", B)  # a signature bound to another host
    assert not client.signs("alice", session_id=b"2" * 32)  # or of another session
    assert client.raw(conversation.sign_request(KEY.public.blob, b"no login")) == FAILURE


def test_not_for_another_host(keyring: Keyring) -> None:
    client = holding(keyring, TO_A)
    client.bind(B, b"1" * 32)
    assert not client.shows()
    assert not client.signs("alice")


def test_on_a_host_it_is_shown_only_if_it_goes_on_from_there(keyring: Keyring) -> None:
    for destinations, shown in (((TO_A,), False), ((TO_A, A_TO_B), True)):
        keyring.remove_all()
        holding(keyring, *destinations)
        client = Client(keyring)
        client.bind(A, b"1" * 32, forwarded=True)
        assert client.shows() is shown


def test_from_host_to_host(keyring: Keyring) -> None:
    holding(keyring, TO_A, A_TO_B)
    client = Client(keyring)
    client.bind(A, b"1" * 32, forwarded=True)
    client.bind(B, b"2" * 32)
    assert client.signs("bob", B)
    assert not client.signs("bob")  # through a forwarded agent it must be bound to the host
    assert not client.signs("eve", B)
    other = Client(keyring)
    other.bind(A, b"1" * 32, forwarded=True)
    other.bind(C, b"3" * 32)
    assert not other.signs("bob", C)


def test_not_by_way_of_another_host(keyring: Keyring) -> None:
    holding(keyring, TO_A, A_TO_B)
    client = Client(keyring)
    client.bind(C, b"1" * 32, forwarded=True)
    client.bind(B, b"2" * 32)
    assert not client.shows()
    assert not client.signs("bob", B)


def test_nothing_is_signed_on_a_session_that_is_forwarded(keyring: Keyring) -> None:
    holding(keyring, TO_A, A_TO_B)
    client = Client(keyring)
    client.bind(A, b"1" * 32, forwarded=True)
    assert not client.signs("alice", A)


def test_hosts_with_certificates(keyring: Keyring) -> None:
    authority = HopKey(AUTHORITY.public, authority=True)
    holding(keyring, Destination(Hop(), Hop("a.example", "", (authority,))))
    for names, good in ((["a.example"], True), (["b.example"], False)):
        certificate = sign_certificate(AUTHORITY, A.public, kind=CertificateKind.HOST, principals=names)
        client = Client(keyring)
        assert client.bind(CertifiedKey(A, certificate), b"1" * 32) == SUCCESS
        assert client.signs("alice") is good
    plain = Client(keyring)
    plain.bind(A, b"1" * 32)
    assert not plain.signs("alice")


# --- session-bind -----------------------------------------------------------------------------------------------------


def test_a_binding_needs_the_hosts_signature(keyring: Keyring) -> None:
    client = Client(keyring)
    for signature in (B.sign(b"1" * 32), A.sign(b"2" * 32), b"", string("ssh-ed25519") + string(b"x" * 64)):
        message = conversation.session_bind(A.public.blob, b"1" * 32, signature, forwarded=True)
        assert client.raw(message) == EXTENSION_FAILURE


@pytest.mark.parametrize("key_type", PLAIN_TYPE)
def test_a_hosts_security_key_is_not_touched(keyring: Keyring, key_type: str) -> None:
    host = SoftwareSecurityKey(key_type)
    host.flags_said = 0
    client = Client(keyring)
    assert client.bind(host, b"1" * 32) == SUCCESS
    other = SoftwareSecurityKey(key_type)
    message = conversation.session_bind(host.public.blob, b"1" * 32, other.sign(b"1" * 32), forwarded=True)
    assert Client(keyring).raw(message) == EXTENSION_FAILURE


def test_behind_a_binding_that_failed_no_limited_key_is_shown_or_removed(keyring: Keyring) -> None:
    assert holding(keyring, TO_A).shows()
    far = Client(keyring)
    message = conversation.session_bind(A.public.blob, b"1" * 32, B.sign(b"1" * 32), forwarded=True)
    assert far.raw(message) == EXTENSION_FAILURE
    assert not far.shows()
    assert far.raw(conversation.remove_identity(KEY.public.blob)) == FAILURE
    # One that is told of rightly later counts, and keys for any destination are not concerned.
    assert far.bind(A, b"2" * 32) == SUCCESS
    assert far.shows()


def test_nothing_is_bound_behind_a_login_and_no_session_twice(keyring: Keyring) -> None:
    client = Client(keyring)
    assert client.bind(A, b"1" * 32, forwarded=True) == SUCCESS
    assert client.bind(A, b"1" * 32, forwarded=True) == SUCCESS  # the same again
    assert client.bind(B, b"1" * 32, forwarded=True) == EXTENSION_FAILURE  # the same session, another host
    assert client.bind(A, b"2" * 32) == SUCCESS
    assert client.bind(B, b"3" * 32) == EXTENSION_FAILURE


def test_hops_are_bounded(keyring: Keyring) -> None:
    client = Client(keyring)
    for number in range(MAX_BINDINGS):
        assert client.bind(A, bytes((number,)) * 32, forwarded=True) == SUCCESS
    assert client.bind(A, b"x" * 32, forwarded=True) == EXTENSION_FAILURE


# --- the wire ---------------------------------------------------------------------------------------------------------


def test_constraints_survive_the_wire() -> None:
    certified = Destination(
        Hop(), Hop("a.example", "alice", (HopKey(AUTHORITY.public, authority=True), HopKey(A.public)))
    )
    constraints = Constraints(60, True, (TO_A, A_TO_B, certified), "internal")
    assert decode_constraints(Reader(constraints.encode())) == constraints
    assert str(A_TO_B) == "a.example>bob@b.example"


@pytest.mark.parametrize(
    "destination",
    [
        Destination(Hop(), Hop()),
        Destination(Hop(), Hop("a.example")),
        Destination(Hop("a.example"), hop("b.example", B)),
        Destination(hop("a.example", A, "bob"), hop("b.example", B)),
    ],
)
def test_constraints_that_make_no_sense(destination: Destination) -> None:
    with pytest.raises(WireError):
        decode_constraints(Reader(Constraints(destinations=(destination,)).encode()))
