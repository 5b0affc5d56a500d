"""A page without a browser or a server: it holds a `PageConnection`, checks every offset, and acknowledges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from jupyter_ssh.kernel.terminals.service import TerminalService
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.frames import decode_control, decode_data, encode_control, encode_data
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.pages.transport import PageTransport
from jupyter_ssh.ssh.channels.changes import Changes
from jupyter_ssh.ssh.client import Connection, connect
from jupyter_ssh.ssh.client.prompts import Prompts
from tests.notebook.remotes import Remote

SECONDS = 90
SERVICES = ["terminals", "questions"]


class OwnSource:
    """A connection of the session's own to an embedded server; ``keywords`` are options of ``connect``."""

    def __init__(self, server: Remote, **keywords: Any) -> None:
        self.server = server
        self.host = "box"
        self.keywords = keywords
        self.connection: Connection | None = None

    async def connect(
        self, prompts: Prompts, tell: Callable[[Sequence[str]], None], *, fresh: bool = False
    ) -> Connection:
        if self.connection is None or self.connection.closed:
            server = self.server
            options: dict[str, Any] = {
                "config": "none",
                "port": server.port,
                "known_hosts": server.known_hosts,
                "identity_file": server.client_key,
                **self.keywords,
            }
            self.connection = await connect(f"{server.user}@{server.host}", prompts=prompts, **options)
            tell(self.connection.messages)
        return self.connection

    async def release(self) -> None:
        if self.connection is not None:
            await self.connection.close()


class Terminals(TerminalService):
    """The service, with the place that it is registered at."""

    def __init__(self, questions: QuestionService, changes: Changes | None = None) -> None:
        super().__init__(questions, changes)
        self.place = Place("kernel-1", questions, self)


class Page(PageTransport):
    """One connection; what the kernel sends is in ``frames`` (control), and in ``output`` of each stream."""

    def __init__(self, service: TerminalService, *, hello: bool = True) -> None:
        self.frames: list[dict[str, Any]] = []
        self.output: dict[int, bytearray] = {}
        self.first: dict[int, int] = {}
        self.typed: dict[int, int] = {}
        self.closed: int | None = None
        self.accepts = True
        self.eager = True
        """Whether output is acknowledged as it comes."""
        self.skipping: dict[int, int] = {}
        """What is not before this offset of a stream is thrown away until the kernel says where the output goes on."""
        self._changed = asyncio.Event()
        assert isinstance(service, Terminals)
        self.connection: PageConnection = service.place.connected(self)
        if hello:
            self.send("hello", version=VERSION, client="test", services=SERVICES)

    # --- the transport ------------------------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        return self.accepts and self.closed is None

    def control(self, message: dict[str, Any]) -> None:
        frame = decode_control(encode_control(message))
        if frame["type"] == "terminals.attached":
            self.skipping.pop(frame["stream"], None)
            self._go_on_from(frame["stream"], frame["from"])
        elif frame["type"] == "terminals.skipped":
            assert self.skipping.pop(frame["stream"]) == frame["from"]
            self._go_on_from(frame["stream"], frame["to"])
        self.frames.append(frame)
        self._changed.set()

    def _go_on_from(self, stream: int, offset: int) -> None:
        if stream not in self.output or self.end(stream) != offset:
            self.first[stream], self.output[stream] = offset, bytearray()

    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        if stream in self.skipping:
            return
        assert offset == self.end(stream), f"output at {offset} in place of {self.end(stream)}"
        payload = b"".join(pieces)
        assert len(payload) == size
        self.output[stream] += payload
        self._changed.set()
        if self.eager:
            asyncio.get_running_loop().call_soon(self.acknowledge, stream)

    def close(self, code: int, reason: str) -> None:
        self.closed = code
        self._changed.set()

    # --- what the tests do --------------------------------------------------------------------------------------------

    def end(self, stream: int = 1) -> int:
        """The output offset behind the last byte that came."""
        return self.first[stream] + len(self.output[stream])

    def send(self, kind: str, /, **members: Any) -> None:
        """A control frame."""
        body = json.dumps({"type": kind, **members})
        self.connection.control(decode_control(body), len(body))

    def acknowledge(self, stream: int = 1) -> None:
        """Say that all that came has been drawn."""
        if self.closed is None and not self.connection.closed:
            self.send("terminals.ack", stream=stream, offset=self.end(stream))

    def skip(self, stream: int = 1, *, drawn: int) -> None:
        """Throw away what is not before the offset ``drawn``."""
        del self.output[stream][drawn - self.first[stream] :]
        self.skipping[stream] = drawn
        self.send("terminals.skip", stream=stream, offset=drawn)

    def attach(self, session: TerminalSession | str, stream: int = 1, **members: Any) -> dict[str, Any]:
        """Look at a session; returns `attached`, or the `error` instead."""
        defaults = {"viewer": f"viewer-{id(self)}-{stream}", "rows": 24, "cols": 80, "visible": True}
        identity = session if isinstance(session, str) else session.id
        count = len(self.frames)
        if members.get("have") is not None:
            self.first[stream], self.output[stream] = members["have"], bytearray()
        rest = {**defaults, "have": None, "typed": self.typed.get(stream, 0), **members}
        self.send("terminals.attach", stream=stream, session=identity, **rest)
        self.typed[stream] = rest["typed"]
        return next(frame for frame in self.frames[count:] if frame["type"] in ("terminals.attached", "error"))

    def type(self, data: bytes | str, stream: int = 1) -> None:
        """Input."""
        data = data.encode() if isinstance(data, str) else data
        self.connection.data(decode_data(encode_data(stream, self.typed[stream], data)))
        self.typed[stream] += len(data)

    def of(self, kind: str, /, **members: Any) -> list[dict[str, Any]]:
        """The frames of a type that came, with these members."""
        return [
            frame
            for frame in self.frames
            if frame["type"] == kind and all(frame.get(name) == value for name, value in members.items())
        ]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """The first true value of the condition, looked at whenever something comes and now and then."""

        async def wait() -> Any:
            while not (value := condition()):
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.05)
                except asyncio.TimeoutError:
                    pass
            return value

        try:
            return await asyncio.wait_for(wait(), SECONDS)
        except asyncio.TimeoutError:
            tail = {stream: bytes(output[-300:]) for stream, output in self.output.items()}
            raise AssertionError(f"not within {SECONDS} s; {self.frames[-4:]} {tail}") from None

    async def shown(self, text: bytes, stream: int = 1) -> None:
        """Wait until ``text`` is in the output."""
        await self.until(lambda: text in self.output[stream])

    async def came(self, kind: str, /, **members: Any) -> dict[str, Any]:
        """The newest frame of this type with these members, once there is one."""
        found: list[dict[str, Any]] = await self.until(lambda: self.of(kind, **members))
        return found[-1]

    async def state(self, session: TerminalSession, state: str) -> dict[str, Any]:
        """The session's description, once it is in this state."""
        await self.until(lambda: session.state == state)
        return session.description()

    def vanish(self) -> None:
        """Be gone, as a page whose network is."""
        self.connection.gone()


@asynccontextmanager
async def terminals(changes: Changes | None = None) -> AsyncIterator[TerminalService]:
    """A service of the running loop, without a socket."""
    service = Terminals(QuestionService(), changes)
    try:
        yield service
    finally:
        await service.place.close()


async def opened(
    service: TerminalService, server: Remote, command: str | None = None, **keywords: Any
) -> TerminalSession:
    """A session that runs."""
    session = service.add(OwnSource(server, **keywords), command, 24, 80)
    session.begin()
    await asyncio.wait_for(session.opened(), SECONDS)
    return session
