"""The transport knows no service: one of a single file has verbs, streams and announcements beside the terminals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jupyter_ssh.pages.frames import Data, FrameError
from jupyter_ssh.pages.limits import CONTROL_BYTES, LARGE_CONTROL_BYTES, STREAMS, VERSION
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.questions import QuestionService
from tests.support.page.plain_page import PlainPage as Page
from tests.support.page.services import Echo

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
    page, other, stranger = Page(place, **SPEAKS), Page(place, **SPEAKS), Page(place, services=["questions", "unheard"])
    page.send("echo.say", word="hello")
    assert page.of("echo.said") == [{"word": "hello"}]
    assert page.of("echo.counted") == other.of("echo.counted") == [{"count": 1}]
    later = Page(place, **SPEAKS)
    [welcome] = later.of("welcome")
    assert welcome["services"] == {"echo": {"count": 1}, "questions": {"open": []}}
    assert [frame["type"] for frame in stranger.frames] == ["welcome"]
    assert stranger.of("welcome")[0]["services"] == {"questions": {"open": []}}, "what only one end has is left out"


async def test_what_is_announced_waits_for_hello_and_ends_with_the_connection(place: Place, echo: Echo) -> None:
    early, page = Page(place), Page(place, **SPEAKS)
    page.connection.gone()
    echo.tell("counted", {"count": 0})
    assert early.frames == []
    assert page.of("echo.counted") == []


async def test_a_stream_is_the_services_until_it_is_closed(place: Place, echo: Echo) -> None:
    page = Page(place, **SPEAKS)
    page.send("echo.listen", stream=3)
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
    page.send("echo.listen", stream=3)
    assert [stream.over for stream in echo.streams] == [True, False], "the number has another stream now"
    with pytest.raises(FrameError):
        page.connection.data(Data(3, 0, bytes(1001)))
    page.connection.gone()
    assert [stream.over for stream in echo.streams] == [True, True]
    assert echo.left == [page.connection]


async def test_streams_are_bounded_whichever_service_has_them(place: Place) -> None:
    page = Page(place, **SPEAKS)
    for number in range(1, STREAMS + 2):
        page.send("echo.listen", stream=number)
    [error] = page.of("error")
    assert (error["code"], error["stream"]) == ("too-many", STREAMS + 1)
    page.send("echo.listen", stream=STREAMS)
    assert len(page.of("error")) == 1, "one in place of another is not more"


async def test_what_cannot_be_done_is_answered(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("echo.say", word="hush", request=7)
    page.send("echo.say", word=5)
    page.send("echo.sing", word="la")
    page.send("song.say", word="la", stream=2)
    page.send("echo", word="la")
    page.send(".say", word="la")
    page.send("hello", version=VERSION, **SPEAKS)
    refused, bad, unknown, *others = page.of("error")
    assert refused == {
        "request": 7,
        "word": "hush",
        "service": "echo",
        "code": "failed",
        "text": "This is not echoed.",
        "next_step": "Say something else.",
    }
    assert bad["code"] == "bad-frame"
    assert "word is invalid" in bad["text"]
    assert (unknown["code"], unknown["service"], unknown["word"]) == ("unknown-type", "echo", "la")
    assert [error["code"] for error in others] == ["unknown-service", "unknown-type", "unknown-service", "unknown-type"]
    assert others[0]["stream"] == 2
    assert all("service" not in error and "word" not in error for error in others)
    assert page.closed is None


async def test_a_bug_in_a_service_does_not_end_the_connection(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    page = Page(place, **SPEAKS)
    page.send("echo.listen", stream=3)
    page.send("echo.say", word="bug", request=7)
    page.connection.data(Data(3, 0, b"bug"))
    of_verb, of_data = page.of("error")
    assert (of_verb["code"], of_verb["request"], of_verb["service"]) == ("failed", 7, "echo")
    assert (of_data["code"], of_data["stream"], of_data["service"]) == ("failed", 3, "echo")
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    page.send("echo.say", word="hello")
    assert page.of("echo.said") == [{"word": "hello"}]


async def test_an_error_of_a_page_is_not_answered(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("error", code="unknown-type", text="echo.counted")
    assert page.of("error") == []


async def test_only_the_verbs_that_a_service_names_may_be_large(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("echo.shout", word="x" * CONTROL_BYTES)
    assert page.of("echo.said") == [{"word": "x" * CONTROL_BYTES}]
    for kind in ("echo.say", "echo.listen", "echo.sing", "sing.say", "echo", "ping"):
        with pytest.raises(FrameError, match="too long"):
            page.send(kind, word="x" * CONTROL_BYTES)
    with pytest.raises(FrameError, match="too long"):
        page.connection.control({"type": "echo.shout", "word": ""}, LARGE_CONTROL_BYTES + 1)
    with pytest.raises(FrameError, match="too long"):
        Page(place).send("hello", version=VERSION, client="x" * CONTROL_BYTES)


async def test_a_ping_is_answered(place: Place) -> None:
    page = Page(place, **SPEAKS)
    page.send("ping")
    page.send("ping", request=3)
    assert page.of("pong") == [{}, {"request": 3}]


@pytest.mark.parametrize(
    "services",
    [None, "echo", ["echo", 3], [""], ["x" * 65], ["x"] * 65, {"echo": 1}],
    ids=lambda value: str(value)[:20],
)
async def test_hello_without_a_list_of_services(place: Place, services: Any) -> None:
    page = Page(place)
    with pytest.raises(FrameError, match="services"):
        page.send("hello", version=VERSION, services=services)
    assert not page.connection.greeted


async def test_the_first_frame_is_hello(place: Place) -> None:
    for kind in ("ping", "echo.say", "hell"):
        with pytest.raises(FrameError, match="not hello"):
            Page(place).send(kind, word="x")
