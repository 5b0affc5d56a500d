"""Two roles of the machine wired to each other in memory, and a record of what each was told."""

from __future__ import annotations

import functools
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, GroupExchangeMethod
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import Group
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.keys.types.table import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.session import ClientSession, ServerSession, Session
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings

HOST_KEY = generate("ssh-ed25519")
USER_KEY = generate("ssh-ed25519")

FAST_KEX = "curve25519-sha256"
GCM = "aes128-gcm@openssh.com"
GROUP_EXCHANGE = "diffie-hellman-group-exchange-sha256"

SMALL_GROUP = Group(0xE21A3163C2809AF03DA039C2B325E8C7CB924FC5B2C2124F8F365F43DE690697, 2)
"""A safe prime of 256 bits: quick, and so small that it has to be allowed first, see `allow_small_groups`."""

SUITES = {
    "gcm": (GCM, "hmac-sha2-256"),
    "chacha": ("chacha20-poly1305@openssh.com", "hmac-sha2-256"),
    "ctr-etm": ("aes256-ctr", "hmac-sha2-256-etm@openssh.com"),
    "ctr-eam": ("aes128-ctr", "hmac-sha2-512"),
}
"""One cipher and MAC for each way of protecting packets."""


def algorithms(**chosen: Iterable[str]) -> Algorithms:
    """All modern algorithms, or those given."""
    defaults = Algorithms(
        kex=names(EXCHANGES),
        host_key=names(SIGNATURE_ALGORITHMS),
        ciphers=names(CIPHERS),
        macs=names(MACS),
    )
    return replace(defaults, **{key: tuple(value) for key, value in chosen.items()})


def suite(name: str = "gcm", kex: str = FAST_KEX) -> Algorithms:
    """One algorithm of each kind, so that KEXINIT is short."""
    cipher, mac = SUITES[name]
    return Algorithms(kex=(kex,), host_key=("ssh-ed25519",), ciphers=(cipher,), macs=(mac,))


def allow_small_groups(patch: pytest.MonkeyPatch) -> None:
    """Lets a group exchange go on in `SMALL_GROUP`, until ``patch`` is undone."""
    row = GroupExchangeMethod(GROUP_EXCHANGE, Grade.MODERN, "sha256", 256, 256)
    patch.setitem(EXCHANGES, GROUP_EXCHANGE, row)


def seeded(seed: int) -> Callable[[int], bytes]:
    """A source of bytes that are the same for the same seed."""
    return random.Random(seed).randbytes


def server_algorithms(host_keys: Iterable[PrivateKey], chosen: Algorithms) -> Algorithms:
    """A server proposes only what its host keys can sign."""
    own = [name for key in host_keys for name in key.public.signature_algorithms]
    return replace(chosen, host_key=[name for name in chosen.host_key if name in own])


class End:
    """One role with all that it was told.

    `react` and `react_channel` are what it does about it: by default it trusts, lets in and accepts everybody.
    """

    def __init__(self, role: Role, settings: Settings, *, login: bool = True) -> None:
        self.role = role
        self.login = login
        self.events: list[e.Event] = []
        self.channel_events: list[e.ChannelEvent] = []
        self.data = bytearray()
        self.stderr = bytearray()
        self.react: Callable[[e.Event], None] = self.accept_all
        self.react_channel: Callable[[Channel, e.ChannelEvent], None] = lambda channel, event: None
        self.credit = True
        self.known_requests: set[str] = set()
        self.channels: list[Channel] = []
        make = ClientSession if role is Role.CLIENT else ServerSession
        self.session: Session = make(settings, self.hear)

    @property
    def auth(self):
        """The role's half of authentication."""
        return self.session.authentication

    def accept_all(self, event: e.Event) -> None:
        """Trusts the host key, logs in with "none", lets everybody in, accepts every channel."""
        session = self.session
        if isinstance(event, e.HostKeyOffered) and self.login:
            session.accept_host_key()
            self.auth.start("alice")
        elif isinstance(event, e.AuthenticationStarted):
            self.auth.none()
        elif isinstance(event, e.AuthenticationRequested) and self.login:
            self.auth.accept()
        elif isinstance(event, e.ChannelOpenRequested):
            self.attach(event.channel)
            event.channel.accept()
        elif isinstance(event, e.GlobalRequested) and event.want_reply:
            event.answer(None)

    def rekey_anyway(self) -> None:
        """Begins a rekey as others do, who do not wait for the login."""
        self.session.transport.handshake.start()

    def hear(self, event: e.Event) -> None:
        """Take an event of the session."""
        self.events.append(event)
        self.react(event)

    def of(self, kind: type) -> list:
        """The events of one kind."""
        return [event for event in (*self.events, *self.channel_events) if isinstance(event, kind)]

    def open(self, kind: str = "session", details: bytes = b"") -> Channel:
        """Opens a channel that records all."""
        channel = self.session.open_channel(kind, details, lambda event: None, lambda data, code: None)
        self.attach(channel)
        return channel

    def attach(self, channel: Channel) -> None:
        """Records what happens on a channel."""
        channel.on_event = functools.partial(self._channel_heard, channel)
        channel.on_data = functools.partial(self._channel_data, channel)
        self.channels.append(channel)

    def _channel_heard(self, channel: Channel, event: e.ChannelEvent) -> None:
        self.channel_events.append(event)
        if isinstance(event, e.ChannelRequested) and event.want_reply:
            channel.reply(event.name in self.known_requests)
        self.react_channel(channel, event)

    def _channel_data(self, channel: Channel, data: bytes, code: int | None) -> None:
        (self.data if code is None else self.stderr).extend(data)
        if self.credit:
            channel.credit(len(data))


class Pair:
    """A client and a server and the two wires between them, each a queue of packets that can be delivered singly."""

    def __init__(
        self,
        client: Settings | None = None,
        server: Settings | None = None,
        *,
        host_keys: Iterable[PrivateKey] = (HOST_KEY,),
        login: bool = True,
    ) -> None:
        keys = tuple(host_keys)
        server = server or Settings(algorithms())
        server = replace(server, host_keys=keys, algorithms=server_algorithms(keys, server.algorithms))
        self.client = End(Role.CLIENT, client or Settings(algorithms()), login=login)
        self.server = End(Role.SERVER, server, login=login)
        self.split = 1 << 30
        self.wires: dict[Role, deque[bytes]] = {role: deque() for role in Role}
        """By the role that receives: packets under way."""
        self.carried: dict[Role, list[bytes]] = {role: [] for role in Role}
        """By the role that received: all packets so far."""

    @property
    def ends(self) -> tuple[End, End]:
        """Client and server."""
        return self.client, self.server

    def other(self, end: End) -> End:
        """The peer of an end."""
        return self.server if end is self.client else self.client

    def collect(self) -> None:
        """Puts what the ends want to send on the wires."""
        for end in self.ends:
            # Sending may make room for more, so it is asked until it has nothing left.
            while packets := end.session.data_to_send():
                self.wires[self.other(end).role].extend(packets)

    def deliver_one(self, end: End) -> bool:
        """Delivers one packet to ``end``; whether there was one."""
        self.collect()
        if not self.wires[end.role]:
            return False
        packet = self.wires[end.role].popleft()
        self.carried[end.role].append(packet)
        end.session.feed(packet)
        return True

    def step(self) -> bool:
        """Delivers all that is on the wires now; whether there was anything."""
        self.collect()
        batches = [(end, list(self.wires[end.role])) for end in self.ends]
        for end, packets in batches:
            self.wires[end.role].clear()
            self.carried[end.role] += packets
            data = b"".join(packets)
            for start in range(0, len(data), self.split):
                end.session.feed(data[start : start + self.split])
        return any(packets for _, packets in batches)

    def run(self, limit: int = 10000) -> Pair:
        """Carries bytes until both are silent."""
        for _ in range(limit):
            if not self.step():
                return self
        raise AssertionError("the two ends never fall silent")

    def run_until(self, end: End, phase: Phase) -> Pair:
        """Delivers packets one by one until ``end`` is in ``phase``."""
        while end.session.phase is not phase:
            moved = False
            for one in self.ends:
                if end.session.phase is not phase:
                    moved |= self.deliver_one(one)
            if not moved and end.session.phase is not phase:
                raise AssertionError(f"{end.role} stays in {end.session.phase}, failure {end.session.failure}")
        return self

    def opened(self) -> tuple[Channel, Channel]:
        """An open channel: the client's and the server's end."""
        self.run()
        ours = self.client.open()
        self.run()
        return ours, self.server.channels[-1]

    def raise_failures(self) -> None:
        """Raises why a session ended, if one did."""
        for end in self.ends:
            if end.session.failure is not None:
                raise end.session.failure
