"""One SSH-2 connection without I/O: the transport, authentication and connection layers together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jupyter_ssh.ssh.errors import ConnectionClosed, HostKeyError, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.authentication.client import ClientAuthentication
from jupyter_ssh.ssh.protocol.authentication.server import ServerAuthentication
from jupyter_ssh.ssh.protocol.channel import Channel, DataHandler, EventHandler
from jupyter_ssh.ssh.protocol.connection import Connection
from jupyter_ssh.ssh.protocol.events import Closed, Event
from jupyter_ssh.ssh.protocol.handshake.negotiation import Direction
from jupyter_ssh.ssh.protocol.keepalive import KeepAliveTimer
from jupyter_ssh.ssh.protocol.layers import Clock
from jupyter_ssh.ssh.protocol.packets.receive_buffer import ReceiveMemory
from jupyter_ssh.ssh.protocol.probes import Probes
from jupyter_ssh.ssh.protocol.roles import Phase, Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.protocol.transport import Transport
from jupyter_ssh.ssh.wire import numbers as n


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known of a session once its keys are in use."""

    local_version: str
    peer_version: str
    kex: str
    host_key_algorithm: str
    host_key: PublicKey | None
    sending: Direction
    receiving: Direction
    strict: bool
    rekeys: int
    ignored: int
    """How many unexpected messages of the peer were ignored."""


class Session:
    """All of SSH-2 for one connection, in either role: it is fed by the network and reports to `on_event`.

    Feeding it never raises errors of the peer: they end the session, set `failure` and are reported as `Closed`.
    """

    def __init__(self, role: Role, settings: Settings, on_event: Callable[[Event], None]) -> None:
        self.role = role
        self.on_event = on_event
        self.transport = Transport(role, settings, self._event)
        probes = Probes(self.transport, self.transport.sender, allowed=settings.window_probe)
        self.connection = Connection(self.transport.sender, self.transport.strays, probes, settings, self._event)
        self._keepalive = KeepAliveTimer(settings.keepalive, self.transport, self.connection)
        self.transport.register(self.connection.handlers)
        self.transport.on_failure = self._failed
        self.transport.sender.on_released = self.connection.pump

    def _event(self, event: Event) -> None:
        self.on_event(event)

    def _failed(self, error: SSHError) -> None:
        try:
            self.connection.session_ended(error)
        finally:
            self.on_event(Closed(error))

    # --- the network's side -------------------------------------------------------------------------------------------

    @property
    def on_output(self) -> Callable[[], None]:
        """Called when output begins to wait for `data_to_send`."""
        return self.transport.sender.on_output

    @on_output.setter
    def on_output(self, callback: Callable[[], None]) -> None:
        self.transport.sender.on_output = callback

    def use_clock(self, clock: Clock) -> None:
        """Measure round trips and what is limited by time with ``clock``."""
        self.connection.round_trips.clock = self.transport.strays.clock = clock
        self.transport.handshake.allowance.clock = clock

    def receive_into(self, memory: ReceiveMemory) -> None:
        """Share ``memory`` with other sessions that are fed in turns; to be called before anything is received."""
        self.transport.receiver.buffer.memory = memory

    def receive_buffer(self) -> memoryview:
        """Return where to write the next received bytes; then call `received`."""
        return self.transport.receive_buffer()

    def received(self, count: int) -> None:
        """Handle ``count`` received bytes that were written into `receive_buffer`."""
        self._keepalive.heard()
        self.transport.received(count)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Receive a copy of ``data``, for callers that have bytes in hand."""
        view = memoryview(data)
        while view and self.failure is None:
            room = self.receive_buffer()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            self.received(count)
            view = view[count:]

    def feed_eof(self) -> None:
        """End the session: the peer sends nothing more."""
        self.transport.received_eof()

    def data_to_send(self) -> list[bytes]:
        """Take the packets to send, in order."""
        return self.transport.sender.take()

    @property
    def unsent(self) -> int:
        """Bytes that wait for `data_to_send`."""
        return self.transport.sender.unsent

    def pause(self) -> None:
        """Hold data back: the network accepts no more for now."""
        self.transport.sender.pause()

    def resume(self) -> None:
        """Stop holding data back: the network accepts it again."""
        self.transport.sender.resume()

    def tick(self, now: float) -> None:
        """Advance the clock to ``now``, in seconds of any monotonic clock, for rekeying and keepalive."""
        if self.failure is None:
            self.transport.tick(now)
            if self.logged_in:
                self._keepalive.tick(now)

    def woke_up(self, now: float, within: float, slept: float) -> None:
        """Demand a sign of life from the peer within ``within`` seconds: this machine slept for ``slept`` seconds."""
        if self.failure is None and self.logged_in:
            self._keepalive.probe(now, within, slept)

    def next_tick(self) -> float | None:
        """Return when `tick` should be called next; None before it was ever called, and when the session is over."""
        if self.failure is not None:
            return None
        times = [time for time in (self.transport.next_tick(), self._keepalive.next_tick()) if time is not None]
        return min(times, default=None)

    # --- the layer above ----------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """What the peer may send next."""
        return self.transport.phase

    @property
    def logged_in(self) -> bool:
        """Whether a user is logged in, so that channels may be opened."""
        return self.transport.logged_in

    @property
    def failure(self) -> SSHError | None:
        """Why the session is over; None until then."""
        return self.transport.failure

    @property
    def info(self) -> SessionInfo:
        """The outcome of the negotiation; raises `ConnectionClosed` before there is one."""
        transport = self.transport
        agreed = transport.agreed
        if agreed is None:
            raise ConnectionClosed("the algorithms have not been negotiated yet", phase=transport.phase.value)
        ours, theirs = agreed.client_to_server, agreed.server_to_client
        if self.role is Role.SERVER:
            ours, theirs = theirs, ours
        return SessionInfo(
            local_version=transport.settings.version,
            peer_version=transport.peer_version.decode("ascii", "replace"),
            kex=agreed.kex,
            host_key_algorithm=agreed.host_key,
            host_key=transport.host_key,
            sending=ours,
            receiving=theirs,
            strict=transport.strict,
            rekeys=max(0, transport.exchanges - 1),
            ignored=transport.strays.count,
        )

    def open_channel(self, kind: str, details: bytes, on_event: EventHandler, on_data: DataHandler) -> Channel:
        """Ask the peer for a channel; `ChannelOpened` or `ChannelRefused` follows.

        Raises `ConnectionClosed` before the login and after the end, `ChannelOpenError` if too many are open.
        """
        if self.failure is not None:
            raise ConnectionClosed("the connection is closed", phase="connection", received=self.failure.message)
        if not self.logged_in:
            raise ConnectionClosed("no user is logged in yet", phase=self.phase.value)
        return self.connection.open_channel(kind, details, on_event, on_data)

    def rekey(self) -> None:
        """Begin a key re-exchange, if a user is logged in."""
        self.transport.rekey()

    def disconnect(self, reason: int = n.SSH_DISCONNECT_BY_APPLICATION, text: str = "") -> None:
        """Send SSH_MSG_DISCONNECT and end the session."""
        self.transport.disconnect(reason, text)


class ClientSession(Session):
    """A session in the client's role."""

    def __init__(self, settings: Settings, on_event: Callable[[Event], None]) -> None:
        super().__init__(Role.CLIENT, settings, on_event)
        self.authentication = ClientAuthentication(self.transport, self._event)
        self.transport.register(self.authentication.handlers)

    def accept_host_key(self) -> None:
        """Answer `HostKeyOffered`: the key is trusted."""
        self.transport.accept_host_key()

    def reject_host_key(self, error: HostKeyError) -> None:
        """Answer `HostKeyOffered`: end the session with ``error``."""
        self.transport.fail(error)


class ServerSession(Session):
    """A session in the server's role."""

    def __init__(self, settings: Settings, on_event: Callable[[Event], None]) -> None:
        super().__init__(Role.SERVER, settings, on_event)
        self.authentication = ServerAuthentication(self.transport, settings.banner, self._event)
        self.transport.register(self.authentication.handlers)
