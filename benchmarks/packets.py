"""What does one packet cost, apart from the socket?

In: packets sealed beforehand lie in the receive buffer; the time is from there to the handler of the channel's data,
which gives the peer room again.  Out: one byte is written on a channel and the packet taken for the network.
Two ends of a connection in one process; for AsyncSSH the same through the connection's ``data_received`` and the
channel's ``write``, with a transport that keeps what is sent.  "Cipher alone" is the decryption and authentication
of as many bytes by the library underneath.  CPU time in microseconds per packet, median (best).
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
from _ciphers import decryption
from _support import (
    CIPHERS,
    KEX,
    MAC,
    MIB,
    Arguments,
    arguments,
    both,
    in_turns,
    median,
    print_load,
    print_setting,
    print_table,
    ratio,
    verdict,
)

from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.session import ClientSession, ServerSession
from jupyter_ssh.ssh.protocol.settings import Algorithms, Settings

READ = 256 * 1024
"""Bytes that one read of the network brings at most."""

SMALL, LARGE = 64, 32768
"""Bytes of channel data in a packet."""

PACKETS = {SMALL: 1000, LARGE: 48}
"""How many packets are received between two looks at the clock: not more than the window holds, and so few that most
looks fall between two interruptions by other processes."""

WRITES = 1000


class Ours:
    """Our two roles, wired to each other in memory."""

    name = "jupyter_ssh"

    def __init__(self, cipher: str) -> None:
        key = generate("ssh-ed25519")
        algorithms = Algorithms(kex=[KEX], host_key=["ssh-ed25519"], ciphers=[cipher], macs=[MAC])
        self.server = ServerSession(Settings(algorithms, host_keys=[key]), self._server_event)
        self.client = ClientSession(Settings(algorithms), self._client_event)
        self.remote: Channel | None = None
        self.carry()
        self.channel = self.client.open_channel("session", b"", lambda event: None, self._on_data)
        self.credit = self.channel.credit
        self.carry()
        assert self.remote is not None

    def _server_event(self, event: e.Event) -> None:
        if isinstance(event, e.AuthenticationRequested):
            self.server.authentication.accept()
        elif isinstance(event, e.ChannelOpenRequested):
            self.remote = event.channel
            event.channel.on_data = lambda data, code: event.channel.credit(len(data))
            event.channel.on_event = lambda event: None
            event.channel.accept()

    def _client_event(self, event: e.Event) -> None:
        if isinstance(event, e.HostKeyOffered):
            self.client.accept_host_key()
            self.client.authentication.start("alice")
        elif isinstance(event, e.AuthenticationStarted):
            self.client.authentication.none()

    def _on_data(self, data: bytes, code: int | None) -> None:
        self.credit(len(data))

    def carry(self) -> None:
        """Carries bytes until both ends are silent."""
        while True:
            to_server, to_client = self.client.data_to_send(), self.server.data_to_send()
            if not to_server and not to_client:
                return
            self.server.feed(b"".join(to_server))
            self.client.feed(b"".join(to_client))

    def receive(self, size: int) -> float:
        """Seconds for one packet in."""
        assert self.remote is not None
        sealed: list[bytes] = []
        for _ in range(PACKETS[size]):
            self.remote.write(bytes(size))
            sealed += self.server.data_to_send()
        rest = memoryview(b"".join(sealed))
        client, used = self.client, 0.0
        while rest:
            began = time.process_time()
            room = client.receive_buffer()
            used += time.process_time() - began
            count = min(READ, len(rest), len(room))
            room[:count] = rest[:count]  # what the socket would do
            began = time.process_time()
            client.received(count)
            used += time.process_time() - began
            rest = rest[count:]
        self.carry()
        return used / PACKETS[size]

    def send(self) -> float:
        """Seconds for one byte out."""
        write, data_to_send = self.channel.write, self.client.data_to_send
        sealed: list[bytes] = []
        began = time.process_time()
        for _ in range(WRITES):
            write(b"x")
            sealed += data_to_send()
        used = time.process_time() - began
        self.server.feed(b"".join(sealed))
        self.carry()
        return used / WRITES


class Wire(asyncio.Transport):
    """The transport that AsyncSSH is given once its connection stands: keeps what is written."""

    def __init__(self, sockets: Any) -> None:
        super().__init__({name: sockets.get_extra_info(name) for name in ("peername", "sockname", "socket")})
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        """Keeps ``data``."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Never."""
        return False

    def take(self) -> bytes:
        """What was written since."""
        data = b"".join(self.written)
        self.written.clear()
        return data


class Server(asyncssh.SSHServer):
    """Lets everybody in."""

    def __init__(self, connections: list[Any]) -> None:
        self.connections = connections

    def connection_made(self, conn: Any) -> None:
        """There is a connection."""
        self.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        """No authentication."""
        return False

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        """A session that does nothing."""
        return ServerSide()


class ServerSide(asyncssh.SSHServerSession[bytes]):
    """Remembers its channel."""

    channels: list[Any] = []

    def connection_made(self, chan: Any) -> None:
        """There is a channel."""
        self.channels.append(chan)

    def shell_requested(self) -> bool:
        """Yes."""
        return True


class ClientSide(asyncssh.SSHClientSession[bytes]):
    """Drops what it receives; AsyncSSH gives the peer room by itself."""

    def data_received(self, data: bytes, datatype: object) -> None:
        """Nothing to do."""


class Theirs:
    """AsyncSSH's two roles in one process."""

    name = "AsyncSSH"

    def __init__(self, cipher: str, loop: asyncio.AbstractEventLoop, key: Path) -> None:
        self.loop = loop
        loop.run_until_complete(self._connect(cipher, key))

    async def _connect(self, cipher: str, key: Path) -> None:
        common: dict[str, Any] = {"encryption_algs": [cipher], "mac_algs": [MAC], "config": None}
        peers: list[Any] = []
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: Server(peers),
            server_host_keys=[str(key)],
            encoding=None,
            **common,
        )
        self.client = await asyncssh.connect(
            "127.0.0.1",
            listener.get_port(),
            known_hosts=None,
            username="alice",
            client_keys=None,
            agent_path=None,
            **common,
        )
        (self.server,) = peers
        listener.close()
        self.channel, _ = await self.client.create_session(ClientSide, encoding=None)
        self.remote = ServerSide.channels.pop()
        await asyncio.sleep(0.1)  # what is still under way between the sockets
        # AsyncSSH has no way to exchange what it sends through.
        self.to_server, self.to_client = Wire(self.client._transport), Wire(self.server._transport)
        self.sockets = (self.client._transport, self.server._transport)  # see above
        self.client._transport, self.server._transport = self.to_server, self.to_client  # see above

    def carry(self) -> None:
        """Carries bytes until both ends are silent."""
        while (to_server := self.to_server.take()) or self.to_client.written:
            self.server.data_received(to_server)
            self.client.data_received(self.to_client.take())

    def receive(self, size: int) -> float:
        """Seconds for one packet in."""
        for _ in range(PACKETS[size]):
            self.remote.write(bytes(size))
        rest = memoryview(self.to_client.take())
        used = 0.0
        while rest:
            data = bytes(rest[:READ])
            began = time.process_time()
            self.client.data_received(data)
            used += time.process_time() - began
            rest = rest[READ:]
        self.carry()
        self._turn()
        return used / PACKETS[size]

    def send(self) -> float:
        """Seconds for one byte out."""
        write = self.channel.write
        began = time.process_time()
        for _ in range(WRITES):
            write(b"x")
        used = time.process_time() - began
        self.carry()
        self._turn()
        return used / WRITES

    def _turn(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))


def bare(cipher: str, size: int) -> float:
    """Seconds for the cipher of one packet."""
    decrypt, times = decryption(cipher, size), PACKETS[size]
    began = time.process_time()
    for _ in range(times):
        decrypt()
    return (time.process_time() - began) / times


def measure(args: Arguments, ends: list[tuple[str, Any]]) -> dict[tuple[str, str, str], list[float]]:
    """All figures, in microseconds, by (what, cipher, who)."""
    work: dict[tuple[str, str, str], Callable[[], float]] = {}
    for cipher, end in ends:
        for what, size in SIZES.items():
            work[what, cipher, end.name] = partial(end.receive, size)
            work[what, cipher, ALONE] = partial(bare, cipher, size)
        work[OUT, cipher, end.name] = end.send
    bytes(
        24 * MIB
    )  # freed at once: from now on glibc keeps freed memory, as it does in a process that has worked a while
    in_turns(work, 2)  # warm-up
    gc.freeze()
    return {key: [value * 1e6 for value in values] for key, values in in_turns(work, args.rounds).items()}


ALONE = "cipher alone"
SIZES = {f"in, {SMALL} B": SMALL, f"in, {LARGE >> 10} KiB": LARGE}
OUT = "out, 1 B"
TARGETS = {f"in, {SMALL} B": 2.5, f"in, {LARGE >> 10} KiB": 7.0, OUT: 3.0}
"""Microseconds, for the first cipher."""


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__, rounds=60, quick_rounds=15)
    print_setting("cryptography", "asyncssh")
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key))
        ends: list[tuple[str, Any]] = []
        for cipher in CIPHERS:
            ends += [(cipher, Ours(cipher)), (cipher, Theirs(cipher, loop, key))]
        figures = measure(args, ends)
    rows = []
    for what, target in TARGETS.items():
        for cipher in CIPHERS:
            ours, theirs = figures[what, cipher, Ours.name], figures[what, cipher, Theirs.name]
            alone = figures.get((what, cipher, ALONE))
            judged = verdict(median(ours), target, "µs") if cipher == CIPHERS[0] else ""
            compared = ratio(median(ours), median(theirs))
            rows.append([f"{what}, {cipher}", both(ours), both(theirs), compared, both(alone) if alone else "", judged])
    headers = ["", "jupyter_ssh", "AsyncSSH", "jupyter_ssh to it", ALONE, "target"]
    print_table("CPU time of one packet, µs: median (best)", headers, rows)
    print_load()


if __name__ == "__main__":
    main()
