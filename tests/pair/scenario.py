"""One whole session that uses everything a session can do, told to both ends as reactions to what they hear.

Neither end waits for anything but what the other one sends, so the same bytes come out however the bytes come in.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

from jupyter_ssh.ssh.errors import ConnectionClosed, DisconnectedByPeer
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings
from jupyter_ssh.ssh.wire import requests as r
from jupyter_ssh.ssh.wire.terminal_modes import encode_modes
from tests.pair.pairing import FAST_KEX, HOST_KEY, End, Pair, seeded, server_algorithms, suite

INPUT = bytes(range(0, 256, 3))
OUTPUT = b"the answer\r\n" * 6
COMPLAINT = b"on stderr\n"
TUNNELED = b"through the tunnel"
PTY = r.PtyRequest("xterm-256color", 80, 24, 0, 0, encode_modes({"ECHO": 1, "VINTR": 3}))
TUNNEL = r.DirectTcpip("db.example", 5432, "127.0.0.1", 40000)


class Story:
    """What one end did and heard, by channel, in order."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.log: list[tuple] = []
        end.react = self._react
        end.react_channel = self._react_channel
        self._plays = self._play_client if end.role is Role.CLIENT else self._play_server

    def _react(self, event: e.Event) -> None:
        if isinstance(event, e.ChannelOpenRequested):
            self.log.append((event.channel.number, "open", event.kind, event.details))
        elif isinstance(event, (e.KeysRenewed, e.Closed)):
            pass
        elif isinstance(event, e.HostKeyOffered):
            self.log.append(("host key", event.key.fingerprint))
        else:
            self.log.append((type(event).__name__,))
        self.end.accept_all(event)
        if isinstance(event, e.ChannelOpenRequested):
            self._watch_data(event.channel)
        if isinstance(event, e.Authenticated) and self.end.role is Role.CLIENT:
            self._watch_data(self.end.open("session"))
            self._watch_data(self.end.open("direct-tcpip", TUNNEL.encode()))

    def _watch_data(self, channel: Channel) -> None:
        # How data is cut into pieces is nobody's business, so it is told as one piece.
        def on_data(data: bytes, code: int | None) -> None:
            last = self.log[-1]
            if last[:3] == (channel.number, "data", code):
                self.log[-1] = (*last[:3], last[3] + data)
            else:
                self.log.append((channel.number, "data", code, data))
            channel.credit(len(data))

        channel.on_data = on_data

    def _react_channel(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested):
            self.log.append((channel.number, event.name, event.want_reply, event.details))
        elif not isinstance(event, e.ChannelWritable):
            self.log.append((channel.number, type(event).__name__))
        self._plays(channel, event)

    def _play_client(self, channel: Channel, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelOpened) and channel.kind == "session":
            channel.request("pty-req", PTY.encode(), lambda success: self.log.append((channel.number, "pty", success)))
            channel.request("env", r.EnvRequest("LANG", "C.UTF-8").encode())
            channel.request("exec", r.ExecRequest(b"talk").encode(), lambda success: self._started(channel, success))
        elif isinstance(event, e.ChannelOpened):
            channel.write(TUNNELED)
            channel.eof()
        elif isinstance(event, e.ChannelEofReceived):
            channel.close()
        elif isinstance(event, e.ChannelClosed) and len(self.end.of(e.ChannelClosed)) == 2:
            self.end.session.disconnect(text="done")

    def _started(self, channel: Channel, success: bool) -> None:
        self.log.append((channel.number, "exec", success))
        if not success:
            return
        channel.write(INPUT)
        channel.request("window-change", r.WindowChange(132, 50, 0, 0).encode())
        channel.request("signal", r.SignalRequest("USR1").encode())
        channel.eof()

    def _play_server(self, channel: Channel, event: e.ChannelEvent) -> None:
        if channel.kind == "direct-tcpip":
            if isinstance(event, e.ChannelEofReceived):
                channel.write(TUNNELED[::-1])
                channel.eof()
        elif isinstance(event, e.ChannelRequested) and event.name == "exec":
            channel.write(OUTPUT)
            channel.write(COMPLAINT, 1)
        elif isinstance(event, e.ChannelEofReceived):
            channel.write(OUTPUT[::-1])
            channel.request("exit-status", r.ExitStatus(3).encode())
            channel.request("exit-signal", r.ExitSignal("TERM", False, "as asked").encode())
            channel.eof()
            channel.close()


CLIENT_TALE = {
    0: [
        (0, "ChannelOpened"),
        (0, "pty", True),
        (0, "exec", True),
        (0, "data", None, OUTPUT),
        (0, "data", 1, COMPLAINT),
        (0, "data", None, OUTPUT[::-1]),
        (0, "exit-status", False, b"\0\0\0\3"),
        (0, "exit-signal", False, b"\0\0\0\4TERM\0\0\0\0\x08as asked\0\0\0\0"),
        (0, "ChannelEofReceived"),
        (0, "ChannelClosed"),
    ],
    1: [(1, "ChannelOpened"), (1, "data", None, TUNNELED[::-1]), (1, "ChannelEofReceived"), (1, "ChannelClosed")],
    None: [("host key", HOST_KEY.public.fingerprint), ("AuthenticationStarted",), ("Authenticated",)],
}
"""What the client hears, by channel."""

SERVER_TALE = {
    0: [
        (0, "open", "session", b""),
        (0, "pty-req", True, PTY.encode()),
        (0, "env", False, b"\0\0\0\4LANG\0\0\0\7C.UTF-8"),
        (0, "exec", True, b"\0\0\0\4talk"),
        (0, "data", None, INPUT),
        (0, "window-change", False, r.WindowChange(132, 50, 0, 0).encode()),
        (0, "signal", False, b"\0\0\0\4USR1"),
        (0, "ChannelEofReceived"),
        (0, "ChannelClosed"),
    ],
    1: [
        (1, "open", "direct-tcpip", TUNNEL.encode()),
        (1, "data", None, TUNNELED),
        (1, "ChannelEofReceived"),
        (1, "ChannelClosed"),
    ],
    None: [("AuthenticationRequested",), ("Authenticated",)],
}
"""What the server hears, by channel."""


def by_channel(log: list[tuple]) -> dict[int | None, list[tuple]]:
    """A story's log, apart for each channel; what belongs to none under None."""
    tale: dict[int | None, list[tuple]] = {}
    for entry in log:
        tale.setdefault(entry[0] if isinstance(entry[0], int) else None, []).append(entry)
    return tale


TALES = {Role.CLIENT: CLIENT_TALE, Role.SERVER: SERVER_TALE}


def settings(role: Role, chosen: Algorithms, seed: int | None = None, **others: object) -> Settings:
    """Settings of a role; with a seed its bytes are always the same."""
    made = Settings(chosen, **others)
    if role is Role.SERVER:
        made = replace(made, host_keys=(HOST_KEY,), algorithms=server_algorithms((HOST_KEY,), chosen))
    return made if seed is None else replace(made, random=seeded(seed + (role is Role.SERVER)))


def told_pair(client: Settings, server: Settings) -> tuple[Pair, dict[Role, Story]]:
    """A pair whose ends will play the whole session."""
    pair = Pair(client, server)
    pair.server.known_requests = {"pty-req", "exec"}
    return pair, {end.role: Story(end) for end in pair.ends}


def told_end(role: Role, chosen: Settings) -> tuple[End, Story]:
    """One end alone that will play its part."""
    end = End(role, chosen)
    end.known_requests = {"pty-req", "exec"}
    return end, Story(end)


SEED = 20


def assert_told(pair: Pair, stories: dict[Role, Story]) -> None:
    """Both ends did and heard all there is, and left nothing behind."""
    for role, story in stories.items():
        assert by_channel(story.log) == TALES[role], role
    assert isinstance(pair.client.session.failure, ConnectionClosed)
    assert isinstance(pair.server.session.failure, DisconnectedByPeer)
    for end in pair.ends:
        assert end.session.connection.channels == {}


STEP = 7
NEAR = (-17, -16, -1, 0, 1, 3, 4, 5, 16, 17)
"""Offsets from a packet's end: its tag, the next one's length, padding and message, and a block."""


def places(ends: Iterable[int], size: int, step: int = STEP) -> list[int]:
    """Positions in a stream of ``size`` bytes at which to cut it: at and around each packet's end, and some between."""
    around = {end + offset for end in (0, *ends) for offset in NEAR}
    return sorted(position for position in around | set(range(0, size, step)) if 0 <= position < size)


class Recording:
    """The bytes each role received and sent in one seeded session."""

    def __init__(self, cipher: str, kex: str = FAST_KEX) -> None:
        self.algorithms = suite(cipher, kex)
        pair, stories = told_pair(*(self.settings(role) for role in Role))
        pair.run()
        assert_told(pair, stories)
        self.received = {role: b"".join(pair.carried[role]) for role in Role}
        self.ends = {role: list(itertools.accumulate(map(len, pair.carried[role]))) for role in Role}
        """Where its packets end."""
        self.places = {role: places(self.ends[role], len(self.received[role])) for role in Role}
        """Where to cut what a role received."""
        plain = 4  # version, KEXINIT, key exchange message, NEWKEYS
        self.first_sealed = {role: len(b"".join(pair.carried[role][:plain])) for role in Role}
        self.sent = {Role.CLIENT: self.received[Role.SERVER], Role.SERVER: self.received[Role.CLIENT]}

    def cuts(self, role: Role, first: int = 0) -> Iterator[list[int]]:
        """The places from ``first`` on, a set at a time: each set has at most one in each packet."""
        by_packet: dict[int, list[int]] = {}
        for place in self.places[role]:
            if place >= first:
                by_packet.setdefault(bisect.bisect(self.ends[role], place), []).append(place)
        for cuts in itertools.zip_longest(*by_packet.values()):
            yield [place for place in cuts if place is not None]

    def settings(self, role: Role) -> Settings:
        """The settings of a role; with them its part can be played again."""
        return settings(role, self.algorithms, SEED)

    def replay(self, role: Role, pieces: list[bytes]) -> None:
        """Feeds one end alone with the bytes its peer sent, in these pieces."""
        end, story = told_end(role, self.settings(role))
        sent = []
        for piece in pieces:
            end.session.feed(piece)
            while packets := end.session.data_to_send():
                sent += packets
        assert b"".join(sent) == self.sent[role]
        assert by_channel(story.log) == TALES[role]
