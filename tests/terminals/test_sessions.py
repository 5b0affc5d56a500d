"""The life of a session: connecting with questions, running, ending, being lost, coming back, being forgotten."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest

from jupyter_ssh.kernel.terminals.limits import ENDED_KEPT, ENDED_SECONDS, REPORT, SESSIONS
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.pages import questions as questions_module
from jupyter_ssh.pages.limits import CONNECTIONS, SERVER_CLIENT, VERSION
from jupyter_ssh.pages.place import expect_hello
from jupyter_ssh.pages.prompts import PagePrompts
from jupyter_ssh.pages.questions import QuestionService
from jupyter_ssh.ssh.errors import ConnectError, PromptUnavailable
from jupyter_ssh.ssh.keys import generate
from tests.notebook.remotes import Remote
from tests.support.pages import OwnSource, Page, Terminals, opened

PASSWORD = {"identity_file": "none", "preferred_authentications": "password"}


def begun(service: Terminals, remote: Remote, command: str | None = None, **keywords: Any) -> TerminalSession:
    """A session that is being opened, as for a page."""
    session = service.add(OwnSource(remote, **keywords), command, 24, 80)
    session.begin()
    return session


# --- questions --------------------------------------------------------------------------------------------------------


async def test_a_password_is_asked_in_the_page_and_kept_nowhere(
    service: Terminals, server: Remote, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = begun(service, server, **PASSWORD)
    early, late = Page(service), Page(service)
    early.attach(session)
    question = await early.came("questions.question", kind="secret")
    assert question["prompt"].endswith("password: ")
    late.attach(session)
    assert late.of("questions.question") == [question]
    elsewhere = Page(service)
    elsewhere.send("questions.answer", question=question["question"], answer="from a page that does not look")
    early.send("questions.answer", question=question["question"], answer="wrong password")
    again = await late.came("questions.question", kind="secret")
    await late.until(lambda: late.of("questions.question")[-1]["question"] != question["question"])
    again = late.of("questions.question")[-1]
    assert (question["again"], again["again"]) == (False, True)
    assert late.of("questions.answered", question=question["question"])
    late.send("questions.answer", question=again["question"], answer=server.password)
    late.send("questions.answer", question=again["question"], answer="too late")
    await late.state(session, "open")
    frames = repr([page.frames for page in (early, late, elsewhere)])
    for secret in (server.password, "wrong password"):
        assert secret not in frames
        assert secret not in caplog.text
        assert secret not in repr(vars(session))
    assert early.of("questions.answered", question=again["question"])


async def test_a_changed_host_key_is_reported_at_length(service: Terminals, server: Remote, tmp_path: Any) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[{server.host}]:{server.port} {generate().public.line()}\n")
    session = begun(service, server, known_hosts=known)
    page = Page(service)
    page.attach(session)
    described = await page.state(session, "lost")
    assert "\n" not in described["text"]
    assert "What may have happened:\n" in described["report"]
    assert len(described["report"]) <= REPORT


async def test_the_server_that_asks_for_the_sessions_is_no_page(service: Terminals) -> None:
    asking = Page(service, hello=False)
    asking.send("hello", version=VERSION, client=SERVER_CLIENT, services=["terminals"])
    [welcome] = asking.of("welcome")
    assert welcome["services"] == {"terminals": {"sessions": []}}
    assert service.place.pages == 0
    page = Page(service)
    assert service.place.pages == 1
    page.connection.gone()
    assert service.place.pages == 0


async def test_who_gives_no_password_is_not_connected(service: Terminals, server: Remote) -> None:
    session = begun(service, server, **PASSWORD)
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question")
    page.send("questions.answer", question=question["question"], answer=None)
    described = await page.state(session, "lost")
    assert "authentication failed for" in described["text"]
    assert described["reconnect"]
    page.send("terminals.reconnect", session=session.id)
    await page.until(lambda: page.of("questions.question")[-1] != question)
    page.send("questions.answer", question=page.of("questions.question")[-1]["question"], answer=server.password)
    await page.state(session, "open")


@pytest.mark.parametrize(
    ("answer", "state"), [("yes", "open"), ("no", "lost"), ("SHA256:other", "lost"), (None, "lost")]
)
async def test_a_host_key_is_shown_with_its_fingerprint(
    service: Terminals, server: Remote, tmp_path: Any, answer: str | None, state: str
) -> None:
    session = begun(service, server, known_hosts=tmp_path / "known_hosts")
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question", kind="host-key")
    assert question["sha256"] == server.host_key_fingerprint
    assert question["md5"].startswith("MD5:")
    assert question["key_type"] == "ED25519"
    assert len(question["randomart"].splitlines()) == 11
    assert question["kept_in"] == str(tmp_path / "known_hosts")
    page.send("questions.answer", question=question["question"], answer=answer)
    await page.state(session, state)


async def test_the_fingerprint_itself_is_a_yes(service: Terminals, server: Remote, tmp_path: Any) -> None:
    session = begun(service, server, known_hosts=tmp_path / "known_hosts")
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question", kind="host-key")
    page.send("questions.answer", question=question["question"], answer=server.host_key_fingerprint)
    await page.state(session, "open")
    # What ssh says of it stands before the output, as there, and asks for no click.
    await page.until(lambda: b"\r\n" in page.output[1])
    assert page.output[1].startswith(b"Permanently added the ED25519 key of ")
    assert page.of("questions.question") == [question]


async def test_a_wrong_answer_leaves_the_question_open(service: Terminals, server: Remote) -> None:
    session = begun(service, server, **PASSWORD)
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question")
    for answer in (3, ["x"], {"a": 1}, True, "x" * 5000):
        page.send("questions.answer", question=question["question"], answer=answer)
    errors = page.of("error")
    assert [error["code"] for error in errors] == ["bad-frame"] * 5
    assert "xxx" not in repr(errors)
    page.send("questions.answer", question=question["question"], answer=server.password)
    await page.state(session, "open")


async def test_several_prompts_at_once(service: Terminals, server: Remote) -> None:
    session = service.add(OwnSource(server), None, 24, 80)
    prompts = PagePrompts(session.questions)
    prompts.show_banner("Welcome\x1b]52;c;ZXZpbA==\x07\n")
    asked = asyncio.create_task(
        prompts.keyboard_interactive("Sign in\x1b[2J", "Two questions.", [("Password: ", False), ("Code: ", True)])
    )
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question", kind="prompts")
    assert (question["name"], question["instruction"]) == ("Sign in?[2J", "Two questions.")
    assert question["prompts"] == [{"prompt": "Password: ", "echo": False}, {"prompt": "Code: ", "echo": True}]
    [notice] = page.of("questions.question", kind="notice")
    assert (notice["text"], notice["remote"]) == ("Welcome?]52;c;ZXZpbA==?\n", True)
    page.send("questions.answer", question=question["question"], answer=["one"])
    page.send("questions.answer", question=question["question"], answer=["one", "two"])
    assert await asked == ["one", "two"]
    assert await prompts.keyboard_interactive("", "", []) == []


async def test_a_question_of_yes_and_no(service: Terminals, server: Remote) -> None:
    session = service.add(OwnSource(server), None, 24, 80)
    prompts = PagePrompts(session.questions)
    page = Page(service)
    page.attach(session)
    answers: list[tuple[Any, bool]] = [(True, True), (False, False), (None, False)]
    for number, (answer, agreed) in enumerate(answers):
        asked = asyncio.create_task(prompts.confirm("Use the key\x1b[2J?", default=True))
        await page.until(lambda wanted=number + 1: len(page.of("questions.question", kind="confirm")) == wanted)
        question = page.of("questions.question", kind="confirm")[-1]
        assert (question["text"], question["default"]) == ("Use the key?[2J?", True)
        for wrong in ("yes", 1, [True]):
            page.send("questions.answer", question=question["question"], answer=wrong)
        page.send("questions.answer", question=question["question"], answer=answer)
        assert await asked is agreed
    assert [error["code"] for error in page.of("error")] == ["bad-frame"] * 9


async def test_a_question_that_nobody_can_see_does_not_wait_forever(
    service: Terminals, server: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions_module, "QUESTION_SECONDS", 0.0)
    session = service.add(OwnSource(server), None, 24, 80)
    with pytest.raises(PromptUnavailable):
        await PagePrompts(session.questions).ask_secret("Password: ")


async def test_what_is_typed_while_connecting_reaches_the_shell(service: Terminals, server: Remote) -> None:
    session = begun(service, server, **PASSWORD)
    page = Page(service)
    page.attach(session, rows=30, cols=100)
    question = await page.came("questions.question")
    page.type("echo typed ahead; stty size\r")
    page.send("questions.answer", question=question["question"], answer=server.password)
    await page.shown(b"typed ahead\r\n30 100\r\n")
    await page.came("terminals.input", offset=page.typed[1])


# --- its end, and coming back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "exit", "text"),
    [
        ("exit 3", (3, None), "ended with status 3"),
        ("kill -TERM $$; sleep 100", (None, "TERM"), "ended by signal TERM"),
    ],
)
async def test_a_session_that_ended_keeps_its_screen_and_may_begin_anew(
    service: Terminals, server: Remote, command: str, exit: tuple[Any, Any], text: str
) -> None:
    session = await opened(service, server, f"echo last words; {command}")
    page = Page(service)
    page.attach(session)
    described = await page.state(session, "ended")
    assert (described["exit_status"], described["exit_signal"]) == exit
    assert text in described["text"]
    await page.until(
        lambda: page.of("terminals.session") and page.of("terminals.session")[-1]["description"] == described
    )
    page.type("into the void")
    await page.came("terminals.input", offset=13)
    late = Page(service)
    late.attach(session)
    assert late.output[1] == b"last words\r\n"
    page.send("terminals.reconnect", session=session.id)
    await page.until(lambda: page.output[1].count(b"last words") == 2)
    assert re.fullmatch(rb"last words\r\n\x1b7\x1b\[\?1049l.*\r\nlast words\r\n", page.output[1])
    assert late.output[1] == page.output[1]


async def test_a_lost_connection_is_told_with_its_time_and_can_be_made_again(
    service: Terminals, server: Remote
) -> None:
    session = await opened(service, server)
    page = Page(service)
    page.attach(session)
    page.type("echo one\r")
    await page.shown(b"one\r\n")
    source = session.source
    assert isinstance(source, OwnSource)
    assert source.connection is not None
    source.connection.channel_host.driver.abandon()
    described = await page.state(session, "lost")
    assert re.fullmatch(r"The connection was lost at \d\d:\d\d:\d\d: .+", described["text"])
    assert "%ssh" not in described["text"], "the tab has a button for it"
    assert described["reconnect"]
    before = page.end()
    page.send("terminals.reconnect", session=session.id)
    await page.state(session, "open")
    page.type("echo t''wo\r")
    await page.until(lambda: b"two\r\n" in page.output[1][before:])
    left = page.output[1][before:].index(b"\x1b[?1049l")
    assert left < page.output[1][before:].index(b"two"), "the screen of a lost program is left first"


async def test_a_connection_that_was_closed_here_is_lost_too(service: Terminals, server: Remote) -> None:
    session = await opened(service, server)
    await session.source.release()
    described = await Page(service).state(session, "lost")
    assert "closed here" in described["text"]
    assert described["reconnect"]


async def test_what_cannot_be_connected_to_is_told(service: Terminals, server: Remote) -> None:
    session = service.add(OwnSource(server, port=1), None, 24, 80)
    page = Page(service)
    page.attach(session)
    session.begin()
    with pytest.raises(ConnectError):
        await session.opened()
    assert session.state == "lost"
    assert session.description()["text"].startswith("Could not connect to box at ")


async def test_ending_a_session_ends_the_remote_process(service: Terminals, server: Remote, tmp_path: Any) -> None:
    mark = tmp_path / "hung up"
    session = await opened(
        service, server, f"trap 'touch \"{mark}\"; exit' HUP; echo ready; while :; do sleep 0.01; done"
    )
    page, other = Page(service), Page(service)
    page.attach(session)
    await page.shown(b"ready")
    page.send("terminals.end", session=session.id)
    assert page.of("terminals.gone", session=session.id)
    assert other.of("terminals.gone", session=session.id)
    await page.until(mark.exists)
    page.send("terminals.size", stream=1, rows=24, cols=80, visible=True)
    assert page.of("error")[-1]["code"] == "no-stream"
    assert page.attach(session)["code"] == "no-session"
    source = session.source
    assert isinstance(source, OwnSource)
    await page.until(lambda: source.connection is not None and source.connection.closed)


async def test_ending_while_connecting(service: Terminals, server: Remote) -> None:
    session = begun(service, server, **PASSWORD)
    page = Page(service)
    page.attach(session)
    question = await page.came("questions.question")
    page.send("terminals.end", session=session.id)
    await page.came("questions.answered", question=question["question"])
    assert not service.sessions


async def test_ended_sessions_are_forgotten_in_their_time(service: Terminals, server: Remote) -> None:
    sessions = [service.add(OwnSource(server), None, 24, 80) for _ in range(ENDED_KEPT + 3)]
    for number, session in enumerate(sessions):
        session.state = "ended"
        session.display.left_at = float(number)
    page = Page(service)
    page.attach(sessions[0])
    service.sweep(100.0)
    assert list(service.sessions.values()) == [sessions[0], *sessions[3:]]
    service.sweep(10.0 + ENDED_SECONDS)
    assert list(service.sessions.values()) == [sessions[0], *sessions[10:]]
    page.vanish()
    running = service.add(OwnSource(server), None, 24, 80)
    service.sweep(1e12)
    assert list(service.sessions.values()) == [running]


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_a_title_is_text(service: Terminals, server: Remote) -> None:
    session = await opened(service, server)
    page = Page(service)
    page.attach(session)
    page.send("terminals.title", stream=1, title="vim \x1b]0;<b>\x07\u202e" + "x" * 300)
    title = session.description()["title"]
    assert title.startswith("vim ]0;<b>x")
    assert len(title) == 200
    assert title.isprintable()


async def test_wanted_until_it_is_shown(service: Terminals, server: Remote) -> None:
    session = service.add(OwnSource(server), None, 24, 80, wanted=True)
    page = Page(service)
    assert page.of("welcome")[0]["services"]["terminals"]["sessions"][0]["wanted"]
    page.send("terminals.shown", session=session.id)
    await page.came("terminals.session")
    assert not page.of("terminals.session")[-1]["description"]["wanted"]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "terminals.attach"},
        {"type": "terminals.attach", "stream": 0},
        {"type": "terminals.attach", "stream": 1, "session": 5},
        {"type": "terminals.attach", "stream": 1, "session": "ID", "viewer": "v", "rows": 1, "cols": 80},
        {"type": "terminals.attach", "stream": 1, "session": "ID", "viewer": "v", "rows": 24, "cols": 8000},
        {"type": "terminals.attach", "stream": 1, "session": "ID", "viewer": "", "rows": 24, "cols": 80},
        {"type": "terminals.size", "stream": 1, "rows": 24, "cols": "80", "visible": True},
        {"type": "terminals.size", "stream": 1, "rows": 24, "cols": 80, "visible": 1},
        {"type": "terminals.ack", "stream": 1},
        {"type": "terminals.ack", "stream": 1, "offset": -1},
        {"type": "terminals.ack", "stream": 1, "offset": 1.5},
        {"type": "terminals.ack", "stream": 1, "offset": True},
        {"type": "terminals.title", "stream": 1, "title": None},
        {"type": "terminals.snapshot", "stream": 1, "offset": 0, "rows": 24, "cols": 80},
        {"type": "questions.answer", "question": None},
        {"type": "terminals.open", "request": 1, "host": "-oProxyCommand=x", "rows": 24, "cols": 80},
        {"type": "terminals.open", "request": 1, "host": "a\nb", "rows": 24, "cols": 80},
        {"type": "terminals.open", "request": 1, "host": "x" * 300, "rows": 24, "cols": 80},
        {"type": "terminals.open", "request": 1, "host": "", "rows": 24, "cols": 80},
        {"type": "terminals.open", "request": 1, "host": "box", "rows": 24, "cols": 80, "options": ["a"]},
        {"type": "terminals.open", "request": 1, "host": "box", "rows": 24, "cols": 80, "options": {"Port": []}},
        {"type": "terminals.open", "request": 1, "host": "box", "rows": 24, "cols": 80, "options": {"a b": "c"}},
        {"type": "terminals.hosts"},
    ],
    ids=str,
)
async def test_a_frame_with_impossible_members(service: Terminals, server: Remote, frame: dict[str, Any]) -> None:
    session = service.add(OwnSource(server), None, 24, 80)
    page = Page(service)
    page.attach(session)
    members = {**frame, "session": session.id} if frame.get("session") == "ID" else frame
    page.send(members["type"], **{name: value for name, value in members.items() if name != "type"})
    assert page.of("error")[-1]["code"] == "bad-frame"
    assert page.closed is None
    assert list(service.sessions) == [session.id]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"kind": "terminals.attach", "stream": 2, "session": "x" * 22}, "no-session"),
        ({"kind": "terminals.detach", "stream": 2}, "no-stream"),
        ({"kind": "terminals.ack", "stream": 1, "offset": 10}, "bad-offset"),
        ({"kind": "terminals.end", "session": "nothing"}, "no-session"),
        ({"kind": "terminals.reconnect", "session": "nothing"}, "no-session"),
        ({"kind": "terminals.from the future", "stream": 1}, "unknown-type"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_answered(service: Terminals, server: Remote, frame: dict[str, Any], code: str) -> None:
    page = Page(service)
    page.attach(service.add(OwnSource(server), None, 24, 80))
    page.send(frame["kind"], **{name: value for name, value in frame.items() if name != "kind"})
    [error] = page.of("error")
    assert error["code"] == code
    assert {name: error.get(name) for name in frame if name != "kind" and name != "offset"} == {
        name: value for name, value in frame.items() if name not in ("kind", "offset")
    }
    assert error["text"]


async def test_input_with_a_gap_and_input_that_came_already(service: Terminals, server: Remote) -> None:
    session = await opened(service, server)
    page = Page(service)
    page.attach(session)
    page.type("echo a")
    page.typed[1] = 8
    page.type("gap")
    assert page.of("error")[-1]["code"] == "bad-offset"
    assert page.of("terminals.input")[-1]["offset"] == 6
    page.typed[1] = 3
    page.type("o abc\r")
    await page.shown(b"abc\r\n")
    page.connection.data(data(2, 0, b"x"))
    assert page.of("error")[-1]["code"] == "no-stream"


def data(stream: int, offset: int, payload: bytes) -> Any:
    from jupyter_ssh.pages.frames import Data

    return Data(stream, offset, payload)


async def test_versions_that_do_not_fit(service: Terminals) -> None:
    for version in (0, 1, 3, "2", None, True):
        page = Page(service, hello=False)
        page.send("hello", version=version, client="old")
        [error] = page.frames
        assert error["code"] == "version"
        assert "Reload the page" in error["next_step"]
        assert page.closed == 4409
    assert not service.place.connections


async def test_connections_are_bounded_and_must_say_hello(service: Terminals, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = [Page(service, hello=False) for _ in range(CONNECTIONS)]
    assert Page(service, hello=False).closed == 4429
    for page in silent:
        expect_hello(page.connection)
    assert {page.closed for page in silent} == {4408}
    page = Page(service)
    expect_hello(page.connection)
    assert page.closed is None


async def test_sessions_are_bounded(service: Terminals, server: Remote) -> None:
    for _ in range(SESSIONS):
        assert service.has_room()
        service.add(OwnSource(server), None, 24, 80)
    page = Page(service)
    page.send("terminals.open", request="r", host="box", command=None, options={}, rows=24, cols=80)
    assert page.of("error", request="r")[0]["code"] == "too-many"
    next(iter(service.sessions.values())).state = "ended"
    assert service.has_room()
    assert len(service.sessions) == SESSIONS - 1


async def test_the_end_of_the_service_closes_everything(server: Remote) -> None:
    service = Terminals(QuestionService())
    session = await opened(service, server)
    page = Page(service)
    page.attach(session)
    await service.place.close()
    assert page.closed == 4410
    source = session.source
    assert isinstance(source, OwnSource)
    assert source.connection is not None
    assert source.connection.closed
    page.send("terminals.end", session=session.id)  # what was under way is no harm
