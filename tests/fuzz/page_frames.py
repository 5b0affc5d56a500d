"""What a page may send to a place: frames of the private socket, and messages of the fallback transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jupyter_ssh.kernel.terminals.service import TerminalService
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.pages.batches import Batches
from jupyter_ssh.pages.frames import (
    CONTROL,
    DATA,
    Data,
    Deframer,
    FrameError,
    decode_close,
    decode_control,
    decode_data,
    encode_control,
    encode_data,
    framed,
    service_frame,
)
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.members import Members
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.pages.services import Page
from jupyter_ssh.ssh.client import Connection
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.errors import ConnectionClosed
from tests.fuzz.target import Target
from tests.support.page.plain_page import PlainPage
from tests.support.page.services import Echo

SESSION = "session-of-a-fuzzer-00"
QUESTION = "question-of-a-fuzzer"


class Nowhere:
    """A source of no connection."""

    host = "nowhere"

    async def connect(
        self, prompts: Prompts, tell: Callable[[Sequence[str]], None], *, fresh: bool = False
    ) -> Connection:
        raise ConnectionClosed("there is nothing", phase="fuzzing")

    async def release(self) -> None:
        """Nothing to give back."""


class Terminals(TerminalService):
    """The service, where no page can make it connect to other machines or read this one's files."""

    def open(self, host: str, command: str | None, options: Mapping[str, str], rows: int, cols: int) -> TerminalSession:
        return self.add(Nowhere(), command, rows, cols)

    def _hosts(self, page: Page, members: Members) -> None:
        members.request()


def socket_bytes(data: bytes) -> None:
    """The bytes of a page's connection, given to a place with three services; only `FrameError` may come of them."""
    asyncio.run(_speak(data))


async def _speak(data: bytes) -> None:
    questions = QuestionService()
    terminals = Terminals(questions)
    place = Place("kernel-1", questions, terminals, Echo())
    session = terminals.add(Nowhere(), None, 24, 80)
    terminals.sessions[SESSION] = terminals.sessions.pop(session.id)
    session.id = SESSION
    session.display.written(b"some output\r\n" * 30)
    watcher, page = PlainPage(place, services=["terminals", "echo"]), PlainPage(place)
    asked = asyncio.create_task(questions.general.ask("secret", {"prompt": "Password: ", "again": False}))
    await asyncio.sleep(0)
    question = questions.open[QUESTION] = questions.open.pop(next(iter(questions.open)))
    question.id = QUESTION
    try:
        for kind, body in Deframer().feed(data):
            if kind == CONTROL:
                page.connection.control(decode_control(body), len(body))
            elif kind == DATA:
                page.connection.data(decode_data(body))
            else:
                decode_close(body)
    except FrameError:
        page.connection.gone()
    assert watcher.closed is None, "no page harms another"
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    await place.close()
    assert not place.connections


def spoken(*frames: dict[str, Any] | Data) -> bytes:
    """Frames as they stand on the private socket."""
    return b"".join(
        framed(DATA, encode_data(frame.stream, frame.offset, frame.payload))
        if isinstance(frame, Data)
        else framed(CONTROL, encode_control(frame))
        for frame in frames
    )


HELLO = {"type": "hello", "version": VERSION, "client": "fuzzer", "services": ["terminals", "questions", "echo"]}
SIZE = {"rows": 30, "cols": 90}
ATTACH = {"session": SESSION, "viewer": "v", **SIZE, "visible": True, "have": None, "typed": 0}


def terminal(verb: str, **members: Any) -> dict[str, Any]:
    """A frame of the terminals' service."""
    return service_frame("terminals", verb, members)


def socket_seeds() -> Iterator[bytes]:
    """Every verb of the services."""
    attach = terminal("attach", stream=1, **ATTACH)
    yield spoken(HELLO, attach, Data(1, 0, b"ls\r"), Data(1, 9, b"gap"), terminal("ack", stream=1, offset=20))
    yield spoken(HELLO, attach, terminal("size", stream=1, **SIZE, visible=False), terminal("detach", stream=1))
    yield spoken(HELLO, attach, terminal("snapshot", stream=1, offset=3, **SIZE, text="x"), attach)
    yield spoken(HELLO, attach, terminal("skip", stream=1, offset=5), terminal("title", stream=1, title="vim"))
    yield spoken(HELLO, terminal("open", request=1, host="box", command=None, options={"Port": 22}, **SIZE))
    yield spoken(HELLO, *(terminal(verb, session=SESSION) for verb in ("shown", "reconnect", "end", "end")))
    yield spoken(HELLO, terminal("hosts", request=2), {"type": "ping", "request": 3}, {"type": "other.verb"})
    yield spoken(HELLO, service_frame("questions", "answer", {"question": QUESTION, "answer": "secret"}))
    yield spoken(
        HELLO, service_frame("echo", "listen", {"stream": 4}), Data(4, 0, b"abc"), Data(4, 9, b"gap"), Data(5, 0, b"x")
    )
    yield spoken({**HELLO, "version": 1}, attach)


def messages(data: bytes) -> None:
    """Messages of the fallback transport, one JSON object a line, each with two buffers; only `FrameError` comes."""
    sent: list[dict[str, Any]] = []
    batches = Batches("c", lambda content, buffers: sent.append(content), 0.0)
    batches.control(HELLO, 100)
    buffers = [encode_data(1, 0, b"x"), data[:20]]
    for number, line in enumerate(data.split(b"\n")):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(content, dict):
            continue
        try:
            for frame in batches.receive(content, buffers, float(number)):
                assert isinstance(frame, Data) or isinstance(frame["type"], str)
        except FrameError:
            return
        batches.flush(float(number))
    assert len(sent) <= 2 * (data.count(b"\n") + 1)


def message_seeds() -> Iterator[bytes]:
    """A beginning, acknowledgements, and frames of both kinds."""
    lines: list[dict[str, Any]] = [
        {"connection": "c", "seq": 1, "ack": 0, "frames": [HELLO]},
        {"connection": "c", "seq": 2, "ack": 1, "frames": [0, {"type": "ping"}]},
        {"connection": "c", "seq": 0, "ack": 1, "frames": []},
        {"connection": "c", "seq": 3, "ack": 1, "frames": [], "close": 1000, "reason": ""},
    ]
    yield b"\n".join(encode_control(line) for line in lines)
    yield encode_control(lines[1])


WORDS = (b'"type"', b"terminals.attach", b"questions.answer", b"echo.say", b'"stream":1', b'"offset"', b'"session"')

TARGETS = [
    Target("page-frames", socket_bytes, socket_seeds, words=WORDS),
    Target("page-messages", messages, message_seeds, words=(b'"seq"', b'"ack"', b'"frames"', b"\n")),
]
