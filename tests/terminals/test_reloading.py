"""A page that was reloaded, and attaches all its sessions at once: each waits until the page has read enough."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.bridge.relay import connect_place
from jupyter_ssh.kernel.terminals.display import Snapshot
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.pages.frames import CONTROL, decode_control, encode_control
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.rendezvous import RELAY
from tests.notebook.remotes import Remote
from tests.support.pages import SECONDS, OwnSource, Page, Terminals

SCROLL_BACK = "x" * (1 << 20)
OUTPUT = b"$ "


def added(service: Terminals, server: Remote, count: int) -> list[TerminalSession]:
    """Sessions with some output and a large snapshot of it."""
    sessions = [service.add(OwnSource(server), None, 24, 80) for _ in range(count)]
    for session in sessions:
        session.display.written(OUTPUT)
        session.display.snapshot = Snapshot(len(OUTPUT), 24, 80, SCROLL_BACK)
    return sessions


def attach(session: TerminalSession, stream: int) -> dict[str, Any]:
    """The members of a request."""
    looks = {"rows": 24, "cols": 80, "visible": True, "have": None, "typed": 0}
    return {"session": session.id, "stream": stream, "viewer": f"viewer {stream}", **looks}


@pytest.mark.skipif(os.name == "nt", reason="looks at Unix sockets")
async def test_a_page_that_reads_gets_all_of_its_sessions(service: Terminals, server: Remote, tmp_path: Path) -> None:
    sessions = added(service, server, 12)
    await service.place.listen(tmp_path)
    assert service.place.listener is not None
    over: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    streams: list[int] = []

    def frame(kind: int, body: bytes) -> None:
        told = decode_control(body)
        if told["type"] == "terminals.attached":
            assert told["snapshot"]["text"] == SCROLL_BACK
            streams.append(told["stream"])
            if len(streams) == len(sessions):
                over.set_result(streams)

    relay = await connect_place(service.place.listener.file, RELAY, frame, lambda close: over.set_result(streams))
    hello = {"type": "hello", "version": VERSION, "client": "test", "services": ["terminals"]}
    asked = [{"type": "terminals.attach", **attach(session, n)} for n, session in enumerate(sessions, 1)]
    for message in (hello, *asked):
        relay.send(CONTROL, encode_control(message))
    assert await asyncio.wait_for(over, SECONDS) == list(range(1, len(sessions) + 1))
    relay.close()


async def test_a_session_that_waits_to_be_shown_loses_nothing(service: Terminals, server: Remote) -> None:
    [session] = added(service, server, 1)
    page = Page(service)
    page.accepts = False
    page.send("terminals.attach", **attach(session, 1))
    page.send("terminals.size", stream=1, rows=30, cols=90, visible=True)
    page.send("terminals.skip", stream=1, offset=0)
    page.typed[1] = 0
    page.type("ls\r")
    session.display.written(b"more")
    assert page.of("terminals.attached") == page.of("error") == []
    page.accepts = True
    page.connection.writable_again()
    [attached] = page.of("terminals.attached")
    assert attached["sizes"][-1] == [len(OUTPUT), 30, 90]
    assert (attached["from"], attached["live"], attached["input"]) == (len(OUTPUT), len(OUTPUT + b"more"), 3)
    assert page.output[1] == b"more"


async def test_a_session_that_waits_to_be_shown_may_be_left(service: Terminals, server: Remote) -> None:
    left, ended, shown = added(service, server, 3)
    page = Page(service)
    page.accepts = False
    for stream, session in enumerate((left, ended, shown), 1):
        page.send("terminals.attach", **attach(session, stream))
    page.send("terminals.detach", stream=1)
    service.end(ended)
    page.accepts = True
    page.connection.writable_again()
    assert [attached["stream"] for attached in page.of("terminals.attached")] == [3]
    assert left.display.viewers == []
