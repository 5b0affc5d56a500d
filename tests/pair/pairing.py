"""Two roles of the machine wired to each other in memory, and a record of what each was told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.selection import names
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.keys.key_types import SIGNATURE_ALGORITHMS
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.session import ClientSession, ServerSession, Session
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings

HOST_KEY = generate("ssh-ed25519")
USER_KEY = generate("ssh-ed25519")


def algorithms(**chosen: Iterable[str]) -> Algorithms:
    """All modern algorithms, or those given."""
    defaults = Algorithms(
        kex=names(EXCHANGES),
        host_key=names(SIGNATURE_ALGORITHMS),
        ciphers=names(CIPHERS),
        macs=names(MACS),
    )
    return replace(defaults, **{key: tuple(value) for key, value in chosen.items()})


def server_algorithms(host_keys: Iterable[PrivateKey], chosen: Algorithms) -> Algorithms:
    """A server proposes only what its host keys can sign."""
    own = [name for key in host_keys for name in key.public.signature_algorithms]
    return replace(chosen, host_key=[name for name in chosen.host_key if name in own])


class End:
    """One role with all that it was told."""

    def __init__(self, make: Callable[[Settings, Callable[[e.Event], None]], Session], settings: Settings) -> None:
        self.events: list[e.Event] = []
        self.channel_events: list[e.ChannelEvent] = []
        self.data = bytearray()
        self.stderr = bytearray()
        self.react: Callable[[e.Event], None] = lambda event: None
        self.react_channel: Callable[[Channel, e.ChannelEvent], None] = lambda channel, event: None
        self.credit = True
        self.known_requests: set[str] = set()
        self.channels: list[Channel] = []
        self.session = make(settings, self._heard)

    def _heard(self, event: e.Event) -> None:
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
    """A client and a server; `run` carries bytes to and fro until both are silent."""

    def __init__(
        self,
        client: Settings | None = None,
        server: Settings | None = None,
        *,
        host_keys: Iterable[PrivateKey] = (HOST_KEY,),
        accept: bool = True,
    ) -> None:
        keys = tuple(host_keys)
        server = server or Settings(algorithms())
        server = replace(server, host_keys=keys, algorithms=server_algorithms(keys, server.algorithms))
        self.client = End(ClientSession, client or Settings(algorithms()))
        self.server = End(ServerSession, server)
        self.split = 1 << 30
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self._accept = accept
        self.client.react = self.client_reacts
        self.server.react = self.server_reacts

    # What a client and a server do by default: trust the key, log in with "none" granted, accept every channel.

    def client_reacts(self, event: e.Event) -> None:
        """Accepts the host key and logs in."""
        session = self.client.session
        assert isinstance(session, ClientSession)
        if isinstance(event, e.HostKeyOffered) and self._accept:
            session.accept_host_key()
            session.authentication.start("alice")
        elif isinstance(event, e.AuthenticationStarted):
            session.authentication.none()
        elif isinstance(event, e.ChannelOpenRequested):
            self.client.attach(event.channel)
            event.channel.accept()

    def server_reacts(self, event: e.Event) -> None:
        """Lets everybody in and accepts all channels."""
        session = self.server.session
        assert isinstance(session, ServerSession)
        if isinstance(event, e.AuthenticationRequested):
            session.authentication.accept()
        elif isinstance(event, e.ChannelOpenRequested):
            self.server.attach(event.channel)
            event.channel.accept()
        elif isinstance(event, e.GlobalRequested) and event.want_reply:
            session.connection.reply_global(None)

    def step(self) -> bool:
        """Carries what waits one way and the other; whether there was anything."""
        sent = self.client.session.data_to_send()
        answered = self.server.session.data_to_send()
        self.to_server += sent
        self.to_client += answered
        self.deliver(self.server.session, b"".join(sent))
        self.deliver(self.client.session, b"".join(answered))
        return bool(sent or answered)

    def deliver(self, session: Session, data: bytes) -> None:
        """Feeds bytes in pieces of `split`."""
        for start in range(0, len(data), self.split):
            session.feed(data[start : start + self.split])

    def run(self, limit: int = 10000) -> Pair:
        """Carries bytes until both are silent."""
        for _ in range(limit):
            if not self.step():
                return self
        raise AssertionError("the two ends never fall silent")

    def opened(self) -> tuple[Channel, Channel]:
        """A pair with one open channel: the client's and the server's end."""
        self.run()
        ours = self.client.open()
        self.run()
        return ours, self.server.channels[-1]

    def raise_failures(self) -> None:
        """Raises why a session ended, if one did."""
        for end in (self.client, self.server):
            if end.session.failure is not None:
                raise end.session.failure
