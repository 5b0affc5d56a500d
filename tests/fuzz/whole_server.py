"""Our server above the protocol: what it makes of any messages, from the login to its commands, which are no real ones.

Inputs are those of `conversations`; each is played in an event loop, with the network and the processes left out.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.server.channels import session as session_channel
from jupyter_ssh.ssh.server.connection import ServerConnection
from jupyter_ssh.ssh.server.logins.accounts import current_account
from jupyter_ssh.ssh.server.logins.file_memory import LoginFiles
from jupyter_ssh.ssh.server.logins.user_rules import UserRules
from jupyter_ssh.ssh.server.options import Ask, ServerOptions
from jupyter_ssh.ssh.server.processes.process import (
    Ending,
    ProcessEvents,
    ProcessStartError,
    ServedProcess,
    TerminalSize,
)
from jupyter_ssh.ssh.wire import messages as m
from tests.fuzz import conversations as c
from tests.fuzz.decoders import folder
from tests.fuzz.target import Target
from tests.pair.pairing import FAST_KEX, GCM, HOST_KEY, USER_KEY, seeded, suite
from tests.pair.puppet import Puppet
from tests.support.messages import ChannelData

TURNS = 4
"""Of the event loop after each step."""
MOST_WAITING = 8 << 20
"""Bytes the server may keep for a client that has sent an input's few."""
COMMAND_FAILS = "fail"


class Process(ServedProcess):
    """Gives back what it is given, and ends with its input."""

    def __init__(self, events: ProcessEvents, program: Any, terminal: tuple[TerminalSize, Mapping[str, int]] | None):
        if COMMAND_FAILS in program.arguments:
            raise ProcessStartError("no such command")
        self.events: ProcessEvents | None = events
        self.tell(lambda told: told.output(b"started", 1))

    def tell(self, what: Callable[[ProcessEvents], None]) -> None:
        """In the next turn of the loop, unless the child was hung up by then."""

        def later() -> None:
            if self.events is not None:
                what(self.events)

        asyncio.get_running_loop().call_soon(later)

    def end(self, ending: Ending) -> None:
        def tell(events: ProcessEvents) -> None:
            self.events = None
            events.ended(ending)

        self.tell(tell)

    def write(self, data: bytes) -> None:
        self.tell(lambda events: events.input_taken(len(data)))
        self.tell(lambda events: events.output(data, None))

    def write_eof(self) -> None:
        self.end(Ending(status=3))

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def signal(self, name: str) -> bool:
        if name == "TERM":
            self.end(Ending(signal="TERM"))
        return True

    def hang_up(self) -> None:
        self.events = None

    @property
    def reaped(self) -> bool:
        return True

    async def wait_reaped(self) -> None:
        pass


class Network(asyncio.Transport):
    """Takes everything."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4000), "sockname": ("127.0.0.1", 22)})
        self.closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        pass

    def writelines(self, list_of_data: Any) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    abort = close


async def check_password(user: str, password: str) -> bool:
    await asyncio.sleep(0)
    return password == "secret"


async def ask_questions(user: str, ask: Ask) -> bool:
    return list(await ask("name", "instruction", [("first?", True), ("second?", False)])) == ["1", "2"]


@functools.cache
def options() -> ServerOptions:
    """Every way to log in, and little that reaches outside."""
    keys = folder() / "authorized_keys"
    keys.write_text(f'environment="A=b",permitopen="nowhere.invalid:1" {USER_KEY.public.line()}\n')
    keys.chmod(0o600)
    return ServerOptions(
        authorized_keys=keys,
        passwords=check_password,
        keyboard_interactive=ask_questions,
        users=["alice"],
        permit_open=["nowhere.invalid:1"],
        allow_agent_forwarding=False,
        subsystems={"sftp": "sftp-server"},
        tcp_keep_alive=False,
        strict_modes=False,
        max_auth_tries=1000,
        kex_algorithms=[FAST_KEX],
        ciphers=[GCM],
        moduli=None,
    )


class Subject:
    """What the puppet wants of its subject."""

    role = Role.SERVER

    def __init__(self, connection: ServerConnection) -> None:
        self.session = connection.session


class Played:
    """One connection of a server, and the puppet as its client."""

    def __init__(self) -> None:
        self.problems: list[dict[str, Any]] = []
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda loop, context: self.problems.append(context))
        nothing = lambda *_: None  # noqa: E731
        account = replace(current_account(), home=str(folder()), shell="/bin/sh")
        server = SimpleNamespace(
            options=options(),
            host_keys=(HOST_KEY,),
            settings=replace(options().settings([HOST_KEY]), random=seeded(53)),
            account=account,
            user_rules=UserRules(options(), account),
            login_files=LoginFiles(),
            gone=nothing,
            logged_in=nothing,
            left_behind=nothing,
        )
        self.connection = ServerConnection(server)  # type: ignore[arg-type]
        self.puppet = Puppet(Role.SERVER, algorithms=suite("gcm", FAST_KEX))
        self.puppet.subject = Subject(self.connection)  # type: ignore[assignment]
        self.session = self.connection.session
        # The driver would take what the puppet has to hear; it sends once the loop turns.
        self.puppet.to_auth()
        self.network = Network()
        self.connection.driver.connection_made(self.network)

    async def turn(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert self.session.unsent < MOST_WAITING
        assert self.problems == [], [repr(p) for p in self.problems]

    async def receive(self, payload: bytes) -> None:
        """One packet from the network."""
        data = self.puppet.seal(payload)
        while data and self.session.failure is None:
            room = self.connection.driver.get_buffer(-1)
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self.connection.driver.buffer_updated(count)
            data = data[count:]
        await self.turn()

    async def end(self) -> None:
        """The network is gone."""
        self.connection.driver.connection_lost(None)
        await self.turn()
        failure = self.session.failure
        assert isinstance(failure, SSHError)
        assert str(failure)
        assert self.session.connection.channels == {}
        assert self.connection.driver.lost.done()


async def play(data: bytes) -> None:
    played = Played()
    if data[0] % 2:
        await played.receive(LOGIN)
        assert played.session.logged_in
    position = 1
    while position < len(data) and played.session.failure is None:
        kind = data[position] % 8
        position += 1
        if kind == c.MESSAGE:
            size = int.from_bytes(data[position : position + 2], "big")
            payload = data[position + 2 : position + 2 + size]
            position += 2 + size
            if payload:
                await played.receive(payload)
        elif kind == c.REKEY_OURS:
            played.session.rekey()
        else:
            await played.turn()
    await played.end()


def start(events: ProcessEvents, program: Any, terminal: Any) -> Process:
    return Process(events, program, terminal)


def run(data: bytes) -> None:
    """The server's part of a conversation."""
    if not data:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_channel, "start", start)
        asyncio.run(play(data))


PASSWORD = m.UserauthRequest("alice", "ssh-connection", "password", b"\0\0\0\0\6secret")
LOGIN = PASSWORD.encode()


def seeds() -> Iterator[bytes]:
    """Logins, and sessions that use everything."""
    opened: Sequence[Any] = (m.ChannelOpen("session", 7, 1 << 20, 32768),)
    yield b"\0" + c.steps(*c.logins(), PASSWORD, *opened, *c.CHANNEL_TALK)
    yield b"\1" + c.steps(*opened, *c.CHANNEL_TALK)
    subsystem = m.ChannelRequest(0, "subsystem", True, b"\0\0\0\4sftp")
    signal = m.ChannelRequest(0, "signal", True, b"\0\0\0\4TERM")
    yield b"\1" + c.steps(*opened, *opened, subsystem, ChannelData(0, b"data"), signal, m.ChannelClose(0), 2)
    forward = c.r.DirectTcpip("nowhere.invalid", 1, "127.0.0.1", 4000).encode()
    elsewhere = c.r.DirectTcpip("127.0.0.1", 22, "127.0.0.1", 4000).encode()
    opens = (m.ChannelOpen("direct-tcpip", 1, 1 << 20, 32768, body) for body in (elsewhere, forward[:5]))
    yield b"\1" + c.steps(*opens, m.GlobalRequest("no-more-sessions@openssh.com", True, b""), *opened, 1, 2)


TARGETS = [Target("whole-server", run, seeds, words=(*c.WORDS, b"secret", b"sftp", b"TERM", b"alice"))]
