"""The transport knows no service: one of a single file has verbs, streams and announcements beside the terminals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.frames import Data, FrameError, decode_control, encode_control
from jupyter_ssh.pages.limits import CONTROL_BYTES, LARGE_CONTROL_BYTES, STREAMS, VERSION
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.pages.transport import PageTransport
from tests.support.services import Echo


class Page(PageTransport):
    """A page that keeps all that it is sent."""

    def __init__(self, place: Place, **hello: Any) -> None:
        self.frames: list[dict[str, Any]] = []
        self.output: list[tuple[int, int, bytes]] = []
        self.accepts = True
        self.closed: int | None = None
        self.connection: PageConnection = place.connected(self)
        if hello:
            self.send("hello", version=VERSION, client="test", **hello)

    @property
    def writable(self) -> bool:
        return self.accepts

    def control(self, message: dict[str, Any]) -> None:
        self.frames.append(decode_control(encode_control(message)))

    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        self.output.append((stream, offset, b"".join(pieces)))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def send(self, kind: str, /, **members: Any) -> None:
        """A control frame."""
        body = json.dumps({"type": kind, **members})
        self.connection.control(decode_control(body), len(body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The frames of a type that came, without it."""
        return [
            {name: value for name, value in frame.items() if name != "type"}
            for frame in self.frames
            if frame["type"] == kind
        ]


SPEAKS = {"services": ["echo", "questions"]}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    place = Place("kernel-1", QuestionService(), Echo())
    yield place
    await place.close()


@pytest.fixture
def echo(place: Place) -> Echo:
    service = place.services["echo"]
    assert isinstance(service, Echo)
    return service


async def test_a_verb_is_answered_and_what_is_announced_is_told(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("say", word="hello")
    assert page.of("said") == [{"word": "hello"}]
    later = Page(place, **SPEAKS)
    assert later.of("welcome")[0]["count"] == 1


async def test_a_stream_is_the_services_until_it_is_closed(place: Place, echo: Echo) -> None:
    page = Page(place, **SPEAKS)
    page.send("listen", stream=3)
    page.connection.data(Data(3, 0, b"abc"))
    page.accepts = False
    page.connection.data(Data(3, 3, b"de"))
    assert page.output == [(3, 0, b"abc")]
    page.accepts = True
    page.connection.writable_again()
    assert page.output == [(3, 0, b"abc"), (3, 3, b"de")]
    page.connection.data(Data(3, 9, b"x"))
    page.connection.data(Data(4, 0, b"x"))
    assert [(error["stream"], error["code"]) for error in page.of("error")] == [(3, "bad-offset"), (4, "no-stream")]
    page.send("listen", stream=3)
    assert [stream.over for stream in echo.streams] == [True, False], "the number has another stream now"
    with pytest.raises(FrameError):
        page.connection.data(Data(3, 0, bytes(1001)))
    page.connection.gone()
    assert [stream.over for stream in echo.streams] == [True, True]
    assert echo.left == [page.connection]


async def test_streams_are_bounded_whichever_service_has_them(place: Place) -> None:
    page = Page(place, **SPEAKS)
    for number in range(1, STREAMS + 2):
        page.send("listen", stream=number)
    [error] = page.of("error")
    assert (error["code"], error["stream"]) == ("too-many", STREAMS + 1)
    page.send("listen", stream=STREAMS)
    assert len(page.of("error")) == 1, "one in place of another is not more"


async def test_what_cannot_be_done_is_answered(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("say", word="hush", request=7)
    page.send("say", word=5)
    page.send("sing", word="la")
    refused, bad, unknown = page.of("error")
    assert refused == {
        "request": 7,
        "word": "hush",
        "code": "failed",
        "text": "This is not echoed.",
        "next_step": "Say something else.",
    }
    assert bad["code"] == "bad-frame"
    assert "word is invalid" in bad["text"]
    assert unknown["code"] == "unknown-type"
    assert page.closed is None


async def test_only_the_verbs_that_a_service_names_may_be_large(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("shout", word="x" * CONTROL_BYTES)
    assert page.of("said") == [{"word": "x" * CONTROL_BYTES}]
    for kind in ("say", "listen", "sing"):
        with pytest.raises(FrameError, match="too long"):
            page.send(kind, word="x" * CONTROL_BYTES)
    with pytest.raises(FrameError, match="too long"):
        page.connection.control({"type": "shout", "word": ""}, LARGE_CONTROL_BYTES + 1)
    with pytest.raises(FrameError, match="too long"):
        Page(place).send("hello", version=VERSION, client="x" * CONTROL_BYTES)
