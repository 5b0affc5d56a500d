"""Both halves of authentication: every method, methods in sequence, requests sent ahead, and messages out of turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_ssh.ssh.errors import ProtocolError, SSHError, UnexpectedMessage, WireError
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.authentication.requests import MAX_PROMPTS, signed_data
from jupyter_ssh.ssh.protocol.authentication.server import MAX_WAITING
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import boolean, string, uint32
from tests.pair.pairing import USER_KEY, Pair, suite
from tests.pair.puppet import Puppet

SETTINGS = Settings(suite())
SECRET = "correct horse ☃"


def talk(
    client: Callable[[Pair, e.Event], None], server: Callable[[Pair, e.Event], None], banner: str = ""
) -> tuple[Pair, list[e.Event]]:
    """A pair whose ends decide as told; what the client heard of its login."""
    pair = Pair(SETTINGS, Settings(suite(), banner=banner), login=False)

    def client_reacts(event: e.Event) -> None:
        if isinstance(event, e.HostKeyOffered):
            pair.client.session.accept_host_key()
            pair.client.auth.start("alice")
        client(pair, event)

    pair.client.react = client_reacts

    def server_reacts(event: e.Event) -> None:
        if isinstance(event, e.ChannelOpenRequested):
            pair.server.accept_all(event)
        server(pair, event)

    pair.server.react = server_reacts
    pair.run()
    heard = [event for event in pair.client.events if not isinstance(event, (e.HostKeyOffered, e.KeysRenewed))]
    return pair, heard


def nothing(pair: Pair, event: e.Event) -> None:
    """Lets things be."""


def accept_if(right: Callable[[e.AuthenticationRequested], bool]) -> Callable[[Pair, e.Event], None]:
    """A server that lets in who is right, and names password and publickey to the others."""

    def react(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            if right(event):
                pair.server.auth.accept()
            else:
                pair.server.auth.reject(["password", "publickey"])

    return react


def assert_logged_in(pair: Pair) -> None:
    pair.raise_failures()
    for end in pair.ends:
        assert end.session.phase is Phase.OPEN
        assert end.session.logged_in
        assert len(end.of(e.Authenticated)) == 1
    assert pair.opened()[0].open


# --- each method ------------------------------------------------------------------------------------------------------


def test_none_asks_which_methods_there_are_and_a_password_gets_in() -> None:
    def client(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationStarted):
            pair.client.auth.none()
        elif isinstance(event, e.AuthenticationFailed):
            pair.client.auth.password("wrong" if len(pair.client.of(e.AuthenticationFailed)) == 1 else SECRET)

    pair, heard = talk(client, accept_if(lambda request: request.password == SECRET), banner="Welcome")
    failed = e.AuthenticationFailed(("password", "publickey"), False)
    assert heard == [e.AuthenticationStarted(), e.Banner("Welcome"), failed, failed, e.Authenticated()]
    requests = pair.server.of(e.AuthenticationRequested)
    assert [(request.user, request.method, request.password) for request in requests] == [
        ("alice", "none", None),
        ("alice", "password", "wrong"),
        ("alice", "password", SECRET),
    ]
    assert_logged_in(pair)


def test_secrets_show_in_no_repr() -> None:
    request = e.AuthenticationRequested("alice", "password", password=SECRET, new_password=SECRET)
    assert SECRET not in repr(request)
    assert SECRET not in repr(e.QuestionsAnswered([SECRET]))


def test_a_password_that_has_to_be_changed() -> None:
    def client(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationStarted):
            pair.client.auth.password("old")
        elif isinstance(event, e.PasswordChangeDemanded):
            assert event.prompt == "It is old."
            pair.client.auth.change_password("old", "new")

    def server(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            if event.new_password is None:
                pair.server.auth.demand_new_password("It is old.")
            elif (event.password, event.new_password) == ("old", "new"):
                pair.server.auth.accept()

    pair, _ = talk(client, server)
    assert_logged_in(pair)


KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKey]:
    return {name: generate(name) for name in KEY_TYPES}


@pytest.mark.parametrize(
    ("key_type", "algorithm"),
    [
        *((name, name) for name in KEY_TYPES if name != "ssh-rsa"),
        ("ssh-rsa", "rsa-sha2-256"),
        ("ssh-rsa", "rsa-sha2-512"),
    ],
)
@pytest.mark.parametrize("ask_first", [True, False])
def test_each_type_of_key(keys: dict[str, PrivateKey], key_type: str, algorithm: str, ask_first: bool) -> None:
    key = keys[key_type]

    def client(pair: Pair, event: e.Event) -> None:
        auth = pair.client.auth
        if isinstance(event, e.AuthenticationStarted) and ask_first:
            auth.offer_key(key.public, algorithm)
        elif isinstance(event, (e.AuthenticationStarted, e.KeyAcceptable)):
            auth.sign_in(key, algorithm)

    def server(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            assert (event.method, event.key, event.algorithm) == ("publickey", key.public, algorithm)
            if event.verified:
                pair.server.auth.accept()
            elif not event.signed:
                pair.server.auth.key_acceptable()

    pair, heard = talk(client, server)
    assert_logged_in(pair)
    assert (e.KeyAcceptable(algorithm, key.public.blob) in heard) is ask_first


def test_keyboard_interactive_in_several_rounds() -> None:
    rounds = [
        ("Round 1", "instruction", [("User: ", True), ("Password: ", False)]),
        ("", "", []),
        ("Round 3", "", [("One-time code: ", False)]),
    ]
    answers = [["alice", SECRET], [], ["123456"]]

    def client(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationStarted):
            pair.client.auth.keyboard_interactive("pam")
        elif isinstance(event, e.Questions):
            number = len(pair.client.of(e.Questions)) - 1
            assert (event.name, event.instruction, list(event.prompts)) == rounds[number]
            pair.client.auth.answer(answers[number])

    def server(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            assert (event.method, event.submethods) == ("keyboard-interactive", "pam")
            pair.server.auth.ask(*rounds[0])
        elif isinstance(event, e.QuestionsAnswered):
            number = len(pair.server.of(e.QuestionsAnswered))
            assert event.answers == answers[number - 1]
            if number < 3:
                pair.server.auth.ask(*rounds[number])
            else:
                pair.server.auth.accept()

    pair, _ = talk(client, server)
    assert_logged_in(pair)


def test_several_methods_in_sequence() -> None:
    """A right key alone is not enough; the server says what is left to do."""

    def client(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationStarted):
            pair.client.auth.sign_in(USER_KEY, "ssh-ed25519")
        elif isinstance(event, e.AuthenticationFailed):
            assert (event.methods, event.partial_success) == (("password",), True)
            pair.client.auth.password(SECRET)

    def server(pair: Pair, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            if event.verified:
                pair.server.auth.reject(["password"], partial_success=True)
            elif event.password == SECRET:
                pair.server.auth.accept()

    pair, _ = talk(client, server)
    assert_logged_in(pair)


def test_a_login_takes_as_long_as_it_takes() -> None:
    pair, heard = talk(
        lambda pair, event: pair.client.auth.none() if isinstance(event, e.AuthenticationStarted) else None, nothing
    )
    assert heard == [e.AuthenticationStarted()]
    pair.run()
    pair.server.auth.reject([])
    pair.run()
    assert pair.client.of(e.AuthenticationFailed) == [e.AuthenticationFailed((), False)]
    for decide in (pair.server.auth.accept, lambda: pair.server.auth.reject([])):
        with pytest.raises(ProtocolError, match="no authentication request"):
            decide()
    with pytest.raises(ProtocolError, match="keyboard-interactive"):
        pair.server.auth.ask("", "", [])
    pair.raise_failures()


# --- the server's half against a strange client -----------------------------------------------------------------------


def request(method: str, details: bytes = b"", user: str = "alice", service: str = "ssh-connection") -> m.Message:
    return m.UserauthRequest(user, service, method, details)


def waiting_server() -> Puppet:
    """A server in authentication that decides nothing by itself."""
    return Puppet(Role.SERVER, login=False).to_auth()


def requests_of(puppet: Puppet) -> list[e.AuthenticationRequested]:
    return puppet.subject.of(e.AuthenticationRequested)


def test_a_signature_that_is_not_over_this_very_request() -> None:
    blob = USER_KEY.public.blob
    puppet = waiting_server()

    def signature(session_id: bytes, user: str = "alice", algorithm: str = "ssh-ed25519", key: bytes = blob) -> bytes:
        return USER_KEY.sign(signed_data(session_id, user, algorithm, key))

    session_id = puppet.session_id
    right = signature(session_id)
    body = boolean(True) + string("ssh-ed25519") + string(blob)
    bad = [
        b"",
        b"\0" * 10,
        right[:-1],
        right + b"\0",
        right[:-1] + bytes([right[-1] ^ 1]),
        string("ssh-rsa") + string(bytes(64)),
        signature(bytes(32)),
        signature(session_id, user="mallory"),
        signature(session_id, algorithm="rsa-sha2-256"),
        signature(session_id, key=b"another"),
    ]
    for value in bad:
        puppet.say(request("publickey", body + string(value)))
        asked = requests_of(puppet)[-1]
        assert (asked.signed, asked.verified, asked.key) == (True, False, USER_KEY.public)
        puppet.subject.auth.reject(["publickey"])
    puppet.say(request("publickey", body + string(right)))
    assert requests_of(puppet)[-1].verified
    # Another algorithm's name around the same signature, or a key of another type.
    other = boolean(True) + string("rsa-sha2-256") + string(blob) + string(right)
    puppet.subject.auth.reject([])
    puppet.say(request("publickey", other))
    assert not requests_of(puppet)[-1].verified
    assert puppet.failure is None


def test_keys_nobody_knows_are_asked_about_without_a_key() -> None:
    puppet = waiting_server()
    for blob in (b"", b"junk", string("ssh-new-thing") + string(bytes(32)), string("ssh-ed25519") + string(b"short")):
        puppet.say(request("publickey", boolean(True) + string("ssh-new-thing") + string(blob) + string(b"sig")))
        asked = requests_of(puppet)[-1]
        assert (asked.key, asked.verified) == (None, False)
        puppet.subject.auth.reject(["password"])
    assert puppet.failure is None


def test_methods_nobody_knows_are_asked_about_by_name() -> None:
    puppet = waiting_server()
    puppet.say(request("gssapi-with-mic", b"whatever"))
    puppet.subject.auth.reject(["password"])
    puppet.say(request("x" * 5000))
    assert [(asked.method, asked.key) for asked in requests_of(puppet)] == [("gssapi-with-mic", None), ("x" * 60, None)]
    assert puppet.heard(51) == [m.UserauthFailure(("password",), False).encode()]


def test_requests_sent_ahead_are_decided_one_by_one() -> None:
    puppet = waiting_server()
    puppet.say(*[request("password", boolean(False) + string(f"try {number}")) for number in range(4)])
    for number in range(3):
        assert [asked.password for asked in requests_of(puppet)] == [f"try {n}" for n in range(number + 1)]
        puppet.subject.auth.reject(["password"])
    puppet.subject.auth.accept()
    puppet.hear()
    assert [payload[0] for payload in puppet.inbox if payload[0] in (51, 52)] == [51, 51, 51, 52]


def test_requests_after_success_are_ignored() -> None:
    puppet = waiting_server()
    puppet.say(*[request("password", boolean(False) + string("x"))] * 3)
    puppet.subject.auth.accept()
    assert puppet.say(request("none"), request("password", b"not even well-formed")) == [m.UserauthSuccess().encode()]
    assert len(requests_of(puppet)) == 1
    puppet.say(m.ChannelOpen("session", 0, 1000, 1000))
    assert puppet.failure is None


def test_decisions_from_within_the_question() -> None:
    """A server that decides at once, with many requests sent ahead."""
    puppet = Puppet(Role.SERVER, login=False)
    puppet.subject.react = lambda event: (
        puppet.subject.auth.reject(["x"]) if isinstance(event, e.AuthenticationRequested) else None
    )
    puppet.to_auth()
    puppet.say(*[request("none")] * 500)
    assert len(puppet.heard(51)) == 500


def test_requests_sent_ahead_are_bounded() -> None:
    puppet = waiting_server()
    puppet.say(*[request("none")] * (1 + MAX_WAITING))
    assert puppet.failure is None
    puppet.say(request("none"))
    assert isinstance(puppet.failure, ProtocolError)


MALFORMED = [
    b"\x32",
    b"\x32" + uint32(0xFFFFFFFF),
    b"\x32" + string("alice"),
    request("password", b"").encode(),
    request("password", boolean(False)).encode(),
    request("password", boolean(False) + string("x") + b"more").encode(),
    request("password", boolean(True) + string("old")).encode(),
    request("publickey", b"").encode(),
    request("publickey", boolean(True) + string("ssh-ed25519") + string(b"blob")).encode(),
    request("publickey", boolean(False) + string("ssh-ed25519") + string(b"blob") + b"more").encode(),
    request("keyboard-interactive", b"").encode(),
    request("keyboard-interactive", string("") + string("") + b"more").encode(),
]


@pytest.mark.parametrize("message", MALFORMED, ids=range(len(MALFORMED)))
def test_requests_that_are_malformed_at_once_or_sent_ahead(message: bytes) -> None:
    puppet = waiting_server()
    puppet.say(message)
    assert isinstance(puppet.failure, WireError)
    puppet = waiting_server()
    puppet.say(request("none"), message, request("none"))
    assert puppet.failure is None
    puppet.subject.auth.reject([])  # it is not the fault of who decides
    assert isinstance(puppet.failure, WireError)
    assert len(requests_of(puppet)) == 1
    puppet.hear()
    assert isinstance(puppet.last(m.Disconnect), m.Disconnect)


@pytest.mark.parametrize(
    "message", [m.ServiceRequest("ssh-connection"), m.ServiceRequest("x"), request("none", service="shell")]
)
def test_services_there_are_none(message: m.Message) -> None:
    puppet = waiting_server()
    puppet.say(message)
    assert isinstance(puppet.failure, ProtocolError)
    goodbye = puppet.last(m.Disconnect)
    assert isinstance(goodbye, m.Disconnect)
    assert goodbye.reason == n.SSH_DISCONNECT_SERVICE_NOT_AVAILABLE


def asking_server(questions: int = 2) -> Puppet:
    puppet = waiting_server()
    puppet.say(request("keyboard-interactive", string("") + string("")))
    puppet.subject.auth.ask("name", "", [(f"{number}?", False) for number in range(questions)])
    puppet.hear()
    return puppet


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (m.UserauthInfoResponse(1, string("a")), ProtocolError),
        (m.UserauthInfoResponse(3, string("a") * 3), ProtocolError),
        (m.UserauthInfoResponse(2, string("a")), WireError),
        (m.UserauthInfoResponse(2, string("a") * 3), WireError),
        (b"\x3d", WireError),
    ],
)
def test_answers_that_do_not_fit(message: m.Message | bytes, kind: type[SSHError]) -> None:
    puppet = asking_server()
    puppet.say(message)
    assert isinstance(puppet.failure, kind)
    assert puppet.subject.of(e.QuestionsAnswered) == []


def test_answers_nobody_asked_for() -> None:
    for puppet in (waiting_server(), asking_server(1)):
        if puppet.heard(60):
            puppet.say(m.UserauthInfoResponse(1, string("a")))
            assert puppet.failure is None
        puppet.say(m.UserauthInfoResponse(1, string("a")))
        assert isinstance(puppet.failure, ProtocolError)


def test_a_new_request_abandons_the_questions() -> None:
    puppet = asking_server()
    puppet.say(request("password", boolean(False) + string("instead")))
    assert requests_of(puppet)[-1].password == "instead"
    puppet.subject.auth.accept()
    puppet.hear()
    assert puppet.heard(52)
    assert puppet.heard(51) == []


def test_a_server_asks_only_what_it_may() -> None:
    puppet = asking_server()
    with pytest.raises(ProtocolError):
        puppet.subject.auth.ask("twice", "", [])
    puppet.say(m.UserauthInfoResponse(2, string("a") * 2))
    with pytest.raises(ProtocolError):
        puppet.subject.auth.ask("", "", [("?", True)] * (MAX_PROMPTS + 1))
    puppet.subject.auth.ask("", "", [("?", True)] * MAX_PROMPTS)
    puppet.subject.auth.reject([])
    with pytest.raises(ProtocolError):
        puppet.subject.auth.ask("", "", [])
    assert puppet.failure is None


# --- the client's half against a strange server -----------------------------------------------------------------------


def waiting_client(ask: Callable[[Puppet], None] | None = None) -> Puppet:
    """A client in authentication that has asked what it is told to."""
    puppet = Puppet(Role.CLIENT)
    accept_all = puppet.subject.accept_all
    puppet.subject.react = lambda event: None if isinstance(event, e.AuthenticationStarted) else accept_all(event)
    puppet.to_auth()
    if ask is not None:
        ask(puppet)
        puppet.hear()
    return puppet


def questions(count: int, given: int | None = None) -> m.Message:
    given = count if given is None else given
    return m.UserauthInfoRequest("", "", "", count, (string("?") + boolean(False)) * given)


PK_OK = m.UserauthPkOk("ssh-ed25519", USER_KEY.public.blob)
CHANGE = m.UserauthPasswdChangereq("change it")
ASKED: dict[str, Callable[[Puppet], None]] = {
    "nothing": lambda puppet: None,
    "none": lambda puppet: puppet.subject.auth.none(),
    "password": lambda puppet: puppet.subject.auth.password("x"),
    "publickey": lambda puppet: puppet.subject.auth.offer_key(USER_KEY.public, "ssh-ed25519"),
    "keyboard-interactive": lambda puppet: puppet.subject.auth.keyboard_interactive(),
}
RIGHT = {"password": CHANGE, "publickey": PK_OK, "keyboard-interactive": questions(1)}


@pytest.mark.parametrize("asked", ASKED)
def test_message_60_belongs_to_the_method_that_was_asked_for(asked: str) -> None:
    for method, message in RIGHT.items():
        if {asked, method} == {"password", "publickey"}:
            continue  # two strings either way: nothing tells one from the other
        puppet = waiting_client(ASKED[asked])
        puppet.say(message)
        if method == asked:
            assert puppet.failure is None
            assert len(puppet.subject.of((e.KeyAcceptable, e.PasswordChangeDemanded, e.Questions))) == 1
        else:
            assert isinstance(puppet.failure, (UnexpectedMessage, WireError))
            assert puppet.subject.of((e.KeyAcceptable, e.PasswordChangeDemanded, e.Questions)) == []


@pytest.mark.parametrize("answer", [m.UserauthSuccess(), m.UserauthFailure(("password",), False)])
def test_answers_to_nothing(answer: m.Message) -> None:
    for asked in (ASKED["nothing"], *ASKED.values()):
        puppet = waiting_client(asked)
        if asked is not ASKED["nothing"]:
            puppet.say(m.UserauthFailure((), False))
            assert puppet.failure is None
        puppet.say(answer)
        assert isinstance(puppet.failure, UnexpectedMessage)
        assert not puppet.subject.session.logged_in


@pytest.mark.parametrize("service", ["ssh-connection", "", "x" * 100_000])
def test_another_service_is_accepted(service: str) -> None:
    puppet = Puppet(Role.CLIENT).to_service()
    puppet.say(m.ServiceAccept(service))
    assert isinstance(puppet.failure, ProtocolError)
    assert len(str(puppet.failure)) < 1000


def test_a_service_that_was_not_asked_for() -> None:
    """Nobody has accepted the host key, so nothing was asked."""
    puppet = Puppet(Role.CLIENT, login=False).to_service()
    puppet.say(m.ServiceAccept("ssh-userauth"))
    assert isinstance(puppet.failure, ProtocolError)


def test_too_many_questions_and_too_few() -> None:
    ask = ASKED["keyboard-interactive"]
    puppet = waiting_client(ask)
    puppet.say(questions(MAX_PROMPTS))
    assert puppet.failure is None
    for message in (questions(MAX_PROMPTS + 1), questions(0xFFFFFFFF, 2), questions(2, 1), questions(1, 2)):
        puppet = waiting_client(ask)
        puppet.say(message)
        assert isinstance(puppet.failure, WireError)
        assert puppet.subject.of(e.Questions) == []


def test_questions_come_one_round_at_a_time() -> None:
    """Else a server could fill the client's memory with them."""
    puppet = waiting_client(ASKED["keyboard-interactive"])
    puppet.say(questions(1))
    puppet.subject.auth.answer(["a"])
    puppet.say(questions(1))
    assert puppet.failure is None
    puppet.say(questions(1))
    assert isinstance(puppet.failure, UnexpectedMessage)


def test_questions_answered_by_failure_and_asked_again() -> None:
    puppet = waiting_client(ASKED["keyboard-interactive"])
    puppet.say(questions(1), m.UserauthFailure(("keyboard-interactive",), False))
    puppet.subject.auth.keyboard_interactive()
    puppet.say(questions(2))
    puppet.subject.auth.answer(["a", "b"])
    puppet.say(m.UserauthSuccess())
    assert puppet.failure is None
    assert puppet.subject.session.logged_in


def test_banners_at_any_time_before_success() -> None:
    puppet = waiting_client()
    puppet.say(m.UserauthBanner("one\n\x1b[31m"), m.UserauthBanner(""))
    puppet.subject.auth.none()
    puppet.say(m.UserauthBanner("two"), m.UserauthSuccess())
    assert puppet.subject.of(e.Banner) == [e.Banner("one\n\x1b[31m"), e.Banner(""), e.Banner("two")]
    puppet.say(m.UserauthBanner("too late"))
    assert puppet.failure is None
    assert len(puppet.subject.of(e.Banner)) == 3
    assert puppet.subject.session.info.ignored == 1


def test_a_session_without_a_name() -> None:
    """An empty user name is one."""
    puppet = Puppet(Role.CLIENT, login=False).to_service()
    puppet.subject.session.accept_host_key()
    puppet.subject.auth.start("")
    puppet.hear()
    puppet.say(m.ServiceAccept("ssh-userauth"))
    assert puppet.failure is None
