"""Messages past the key exchange, well sealed, to either role: the puppet shakes hands, the input says what it says.

An input is one byte for where the conversation begins and then steps: a byte for what is done, and for a message two
bytes of length and the payload.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import pytest

from jupyter_ssh.ssh.errors import ChannelClosed, SSHError
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import KeepAlive, Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.codec import Record
from jupyter_ssh.ssh.wire.terminal_modes import decode_modes
from jupyter_ssh.ssh.wire.types import boolean, string, uint32
from tests.fuzz.target import Target
from tests.pair.pairing import FAST_KEX, USER_KEY, End, allow_small_groups, seeded, suite
from tests.pair.puppet import Puppet
from tests.pair.soundness import assert_sound, finish
from tests.support.messages import ChannelData, ChannelExtendedData, Ignore, NewKeys

MOST_UNSENT = 8 << 20
"""Bytes that may wait to be sent to a peer that has sent an input's few."""

MESSAGE, REKEY_OURS, REKEY_THEIRS, LATER, WRITE, CLOSE, OPEN, SPLIT = range(8)
"""What a step does, by its first byte modulo eight."""

REQUESTS: dict[str, type[Record]] = {
    "pty-req": r.PtyRequest,
    "window-change": r.WindowChange,
    "env": r.EnvRequest,
    "exec": r.ExecRequest,
    "subsystem": r.SubsystemRequest,
    "signal": r.SignalRequest,
    "break": r.BreakRequest,
    "exit-status": r.ExitStatus,
    "exit-signal": r.ExitSignal,
    "direct-tcpip": r.DirectTcpip,
}


def read_details(name: str, details: bytes) -> None:
    """Decodes what stands behind a request's name, as the layer above does."""
    try:
        body = REQUESTS[name].decode(details) if name in REQUESTS else None
        if isinstance(body, r.PtyRequest):
            decode_modes(body.modes)
    except SSHError:
        pass


def write(channel: Channel, data: bytes) -> None:
    """Writes where that is still possible."""
    try:
        channel.write(data)
    except ChannelClosed:
        pass


class Host:
    """A server that asks for several methods, and accepts some of what is asked of it."""

    def __init__(self, end: End) -> None:
        self.end = end
        end.react = self.react
        end.react_channel = self.react_channel

    def react(self, event: e.Event) -> None:
        auth = self.end.auth
        if isinstance(event, e.AuthenticationRequested):
            self._decide(event)
        elif isinstance(event, e.QuestionsAnswered):
            auth.accept() if any(event.answers) else auth.reject(["password"], partial_success=True)
        elif isinstance(event, e.ChannelOpenRequested):
            read_details(event.kind, event.details)
            if event.kind == "x11":
                event.channel.refuse(1, "no")
            else:
                self.end.attach(event.channel)
                event.channel.accept()
        else:
            self.end.accept_all(event)

    def _decide(self, event: e.AuthenticationRequested) -> None:
        auth = self.end.auth
        assert event.signed or not event.verified
        if event.method == "password" and event.new_password is None:
            auth.demand_new_password("another one")
        elif event.method == "keyboard-interactive":
            auth.ask("name", "instruction", [("first?", True), ("second?", False)])
        elif event.method == "publickey" and event.key is not None and not event.signed:
            auth.key_acceptable()
        elif event.new_password or event.verified:
            auth.accept()
        else:
            auth.reject(["password", "publickey", "keyboard-interactive"])

    def react_channel(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested):
            read_details(event.name, event.details)
            write(channel, b"output" * 20)
        elif isinstance(event, e.ChannelEofReceived):
            channel.eof()
            channel.close()


class Guest:
    """A client that goes on with whatever method the server names."""

    METHODS = ("publickey", "keyboard-interactive", "password")

    def __init__(self, end: End) -> None:
        self.end = end
        self.tries = 0
        end.react = self.react
        end.react_channel = self.react_channel

    def react(self, event: e.Event) -> None:
        auth = self.end.auth
        if isinstance(event, e.AuthenticationFailed):
            self._next(event.methods)
        elif isinstance(event, e.KeyAcceptable):
            auth.sign_in(USER_KEY, "ssh-ed25519")
        elif isinstance(event, e.PasswordChangeDemanded):
            auth.change_password("old", "new")
        elif isinstance(event, e.Questions):
            auth.answer(["answer"] * len(event.prompts))
        elif isinstance(event, e.Authenticated):
            self._work()
        else:
            self.end.accept_all(event)

    def _next(self, methods: Iterable[str]) -> None:
        self.tries += 1
        method = next((name for name in self.METHODS if name in methods), None)
        auth = self.end.auth
        if method is None or self.tries > 20:
            self.end.session.disconnect(text="nothing left to try")
        elif method == "publickey":
            auth.offer_key(USER_KEY.public, "ssh-ed25519")
        elif method == "password":
            auth.password("secret")
        else:
            auth.keyboard_interactive()

    def _work(self) -> None:
        for kind in ("session", "direct-tcpip"):
            self.end.open(kind)
        self.end.session.connection.request_global("keepalive@openssh.com", b"", lambda reply: None)

    def react_channel(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelOpened):
            channel.request("exec", r.ExecRequest(b"work").encode(), lambda success: None)
            channel.write(b"input" * 100)
        elif isinstance(event, e.ChannelRequested):
            read_details(event.name, event.details)
        elif isinstance(event, e.ChannelEofReceived):
            channel.close()


def to_rekey(puppet: Puppet) -> None:
    """In the middle of a change of keys that the subject began."""
    puppet.to_open()
    puppet.subject.session.rekey()
    puppet.hear()
    puppet.send_kexinit()


BEGINNINGS: tuple[Callable[[Puppet], object], ...] = (
    Puppet.greet,
    Puppet.to_service,
    Puppet.to_auth,
    Puppet.to_open,
    to_rekey,
)
"""Where the conversation begins, by an input's first byte."""


def subject_settings(role: Role) -> Settings:
    """Random bytes that are always the same, and the parts that tests leave off."""
    return Settings(
        suite("gcm", FAST_KEX),
        banner="welcome" if role is Role.SERVER else "",
        keepalive=KeepAlive(10, 3),
        random=seeded(52),
        max_channels=20,
    )


class Conversation:
    """One input, played."""

    def __init__(self, role: Role, beginning: int) -> None:
        self.puppet = Puppet(role, settings=subject_settings(role), login=True)
        self.now = 1000.0
        self.piece = 1 << 20
        self.by_the_book = beginning < len(BEGINNINGS) - 1
        """Whether no message of a key exchange was sent but by the puppet itself."""
        self.subject = self.puppet.subject
        self.session = self.subject.session
        if role is Role.CLIENT:
            Guest(self.subject)
        self.session.tick(self.now)
        BEGINNINGS[beginning](self.puppet)
        if role is Role.SERVER:
            Host(self.subject)

    def play(self, steps: bytes) -> None:
        """All steps, until the session ends."""
        position = 0
        while position < len(steps) and self.session.failure is None:
            kind = steps[position] % 8
            position += 1
            if kind == MESSAGE:
                size = int.from_bytes(steps[position : position + 2], "big")
                payload = steps[position + 2 : position + 2 + size]
                position += 2 + size
                if payload:
                    self.send(payload)
            else:
                self.act(kind)
            assert self.session.unsent < MOST_UNSENT
            self.listen()
            assert_sound(self.subject)
        finish(self.subject)

    def send(self, payload: bytes) -> None:
        """One packet, in pieces."""
        self.by_the_book &= not 20 <= payload[0] < 50
        data = self.puppet.seal(payload)
        for start in range(0, len(data), self.piece):
            if self.session.failure is None:
                self.session.feed(data[start : start + self.piece])

    def listen(self) -> None:
        """Takes what the subject says; the puppet understands it as long as all key exchanges were sound ones."""
        if self.by_the_book:
            self.puppet.hear()
        while self.session.data_to_send():
            pass

    def act(self, kind: int) -> None:
        """Something the layer above, the clock or the network does."""
        open_channels = [channel for channel in self.subject.channels if channel.open and not channel.close_sent]
        if kind == REKEY_OURS and self.session.logged_in:
            self.session.rekey()
        elif kind == REKEY_THEIRS and self.by_the_book and self.puppet.session_id:
            self.puppet.exchange()
        elif kind == LATER:
            self.now += 7
            self.session.tick(self.now)
        elif kind == WRITE:
            for channel in open_channels:
                write(channel, b"x" * 1000)
        elif kind == CLOSE and open_channels:
            open_channels[0].close()
        elif kind == OPEN and self.session.logged_in and len(self.subject.channels) < 10:
            self.subject.open()
        elif kind == SPLIT:
            self.piece = 3


def converse(role: Role, data: bytes) -> None:
    """The conversation an input describes."""
    if not data:
        return
    with pytest.MonkeyPatch.context() as patch:
        allow_small_groups(patch)
        Conversation(role, data[0] % len(BEGINNINGS)).play(data[1:])


# --- seeds ------------------------------------------------------------------------------------------------------------


def message(payload: bytes) -> bytes:
    """The step that sends a payload."""
    return bytes([MESSAGE]) + len(payload).to_bytes(2, "big") + payload


def steps(*parts: m.Message | bytes | int) -> bytes:
    """The steps of a seed: messages, payloads, and numbers of what else is done."""
    return b"".join(
        bytes([part]) if isinstance(part, int) else message(part if isinstance(part, bytes) else part.encode())
        for part in parts
    )


PTY = r.PtyRequest("xterm", 80, 24, 0, 0, b"\x01\0\0\0\x03\0")
CHANNEL_TALK = (
    m.ChannelRequest(0, "pty-req", True, PTY.encode()),
    m.ChannelRequest(0, "env", False, r.EnvRequest("LANG", "C").encode()),
    m.ChannelRequest(0, "exec", True, r.ExecRequest(b"cat").encode()),
    m.ChannelRequest(0, "window-change", False, r.WindowChange(132, 50, 0, 0).encode()),
    m.ChannelRequest(0, "exit-status", False, r.ExitStatus(1).encode()),
    m.ChannelRequest(0, "exit-signal", False, r.ExitSignal("TERM", False, "x").encode()),
    WRITE,
    ChannelData(0, b"data"),
    ChannelExtendedData(0, 1, b"stderr"),
    m.ChannelWindowAdjust(0, 100000),
    REKEY_OURS,
    LATER,
    m.GlobalRequest("keepalive@openssh.com", True, b""),
    m.ChannelEof(0),
    m.ChannelClose(0),
    m.Disconnect(11, "bye", ""),
)
BETWEEN = (Ignore(b"ignored"), m.Debug(True, "debug", "en"), m.Unimplemented(3), bytes([200]), m.Ping(b"ping"))
EXTENSIONS = m.ExtInfo(2, string("server-sig-algs") + string("ssh-ed25519") + string("ping@openssh.com") + string("0"))


def answered(role: Role) -> Iterator[bytes]:
    """Seeds for the subject's role."""
    at = {name: bytes([index]) for index, name in enumerate(("greeted", "service", "auth", "open", "rekey"))}
    cipher, none = ("aes128-gcm@openssh.com",), ("none",)
    kexinit = m.KexInit(bytes(16), (FAST_KEX,), ("ssh-ed25519",), cipher, cipher, none, none, none, none)
    yield at["greeted"] + steps(kexinit)
    yield at["open"] + steps(kexinit, m.KexEcdhInit(bytes(range(32))), NewKeys())
    yield at["rekey"] + steps(*BETWEEN, NewKeys())
    yield at["open"] + steps(*BETWEEN, SPLIT, *BETWEEN)
    yield at["open"] + steps(REKEY_THEIRS, *BETWEEN)
    if role is Role.SERVER:
        yield at["service"] + steps(EXTENSIONS, m.ServiceRequest("ssh-userauth"))
        yield at["auth"] + steps(*logins())
        yield at["open"] + steps(m.ChannelOpen("session", 7, 1 << 20, 32768), *CHANNEL_TALK)
        tunnel = r.DirectTcpip("db", 5432, "127.0.0.1", 4000).encode()
        yield at["open"] + steps(m.ChannelOpen("direct-tcpip", 7, 1 << 20, 32768, tunnel), *CHANNEL_TALK)
        yield at["open"] + steps(m.ChannelOpen("x11", 7, 1, 1), OPEN, m.ChannelOpenFailure(0, 1, "no", ""))
        return
    yield at["service"] + steps(EXTENSIONS, m.ServiceAccept("ssh-userauth"), EXTENSIONS)
    for number in (m.UserauthPkOk("ssh-ed25519", USER_KEY.public.blob), m.UserauthPasswdChangereq("why")):
        methods = ("publickey",) if isinstance(number, m.UserauthPkOk) else ("password",)
        yield at["auth"] + steps(m.UserauthFailure(methods, True), number, m.UserauthSuccess())
    questions = m.UserauthInfoRequest("n", "i", "", 2, (string("p") + boolean(True)) * 2)
    yield at["auth"] + steps(
        m.UserauthBanner("hello\x1b[2J"),
        m.UserauthFailure(("keyboard-interactive",), False),
        questions,
        questions,
        m.UserauthSuccess(),
    )
    opened = m.ChannelOpenConfirmation(0, 7, 1 << 20, 32768)
    yield at["open"] + steps(opened, m.ChannelSuccess(0), *CHANNEL_TALK)
    yield at["open"] + steps(m.ChannelOpenFailure(0, 1, "no", ""), opened, m.RequestSuccess(b""), CLOSE)
    yield at["open"] + steps(m.RequestFailure(), m.ChannelOpen("forwarded-tcpip", 3, 100, 100, uint32(7)), CLOSE)


def logins() -> Iterator[m.Message]:
    """Every method's requests."""
    password = functools.partial(m.UserauthRequest, "alice", "ssh-connection", "password")
    blob = USER_KEY.public.blob
    offer = boolean(False) + string("ssh-ed25519") + string(blob)
    wrong = string(string("ssh-ed25519") + string(bytes(64)))
    key = functools.partial(m.UserauthRequest, "alice", "ssh-connection", "publickey")
    yield m.UserauthRequest("alice", "ssh-connection", "none")
    yield key(offer)
    yield key(boolean(True) + offer[1:] + wrong)
    yield m.UserauthRequest("alice", "ssh-connection", "keyboard-interactive", string("") + string(""))
    yield m.UserauthInfoResponse(2, string("") + string(""))
    yield password(boolean(False) + string("secret"))
    yield password(boolean(True) + string("secret") + string("better"))


WORDS = (
    b"ssh-userauth",
    b"ssh-connection",
    b"publickey",
    b"password",
    b"keyboard-interactive",
    b"session",
    b"direct-tcpip",
    b"forwarded-tcpip",
    b"ssh-ed25519",
    b"server-sig-algs",
    *(name.encode() for name in REQUESTS),
)

TARGETS = [
    Target(
        f"{role.value}-messages",
        functools.partial(converse, role),
        functools.partial(answered, role),
        longest=4096,
        words=WORDS,
    )
    for role in Role
]
