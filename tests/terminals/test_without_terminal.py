"""Sessions on a server that grants no terminal (sshd_config, PermitTTY no)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest

from jupyter_ssh.ssh.client import Connection, connect
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.errors import ChannelRequestDenied
from jupyter_ssh.ssh.protocol import events as e
from tests.notebook.remotes import Remote, embedded_server
from tests.pair.awkward_server import AwkwardServer, Session
from tests.support.pages import SECONDS, OwnSource, Page, Terminals, opened


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("strict"), permit_tty=False) as remote:
        yield remote


async def test_a_login_shell_goes_on_without_one(service: Terminals, strict: Remote) -> None:
    session = await opened(service, strict)
    page = Page(service)
    page.attach(session)
    await page.shown(b"PTY allocation request failed: the server grants no terminal. ")
    assert session.description()["text"].endswith(", without a terminal")
    page.type("echo out put\x7f\x7f\x7f\x7f; echo err >&2; tty\r")
    await page.shown(b"echo out put\b \b\b \b\b \b\b \b; echo err >&2; tty\r\n")
    for line in (b"out\r\n", b"err\r\n", b"not a tty\r\n"):
        await page.shown(line)
    page.send("terminals.size", stream=1, rows=30, cols=100, visible=True)
    page.type("sleep 1000\r")
    page.type("\x03")
    await page.shown(b"^C\r\n")
    described = await page.state(session, "ended")  # as a shell that reads commands from a pipe ends by SIGINT
    assert "by signal INT" in described["text"]
    page.send("terminals.reconnect", session=session.id)
    await page.state(session, "open")
    page.type("echo ag''ain\r")
    await page.shown(b"again\r\n")
    page.type("\x04")
    described = await page.state(session, "ended")
    assert described["exit_status"] == 0


class LateSource(OwnSource):
    """A connection to a server that answers no request by itself."""

    def __init__(self, server: AwkwardServer) -> None:
        self.options = server.options
        self.host = "127.0.0.1"
        self.connection = None

    async def connect(
        self, prompts: Prompts, tell: Callable[[Sequence[str]], None], *, fresh: bool = False
    ) -> Connection:
        self.connection = await connect("alice@127.0.0.1", prompts=prompts, **self.options)
        return self.connection


async def test_a_login_shell_goes_on_although_the_no_comes_late(service: Terminals) -> None:
    sessions: list[Session] = []

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "shell":
            sessions.append(session)
            session.prints(b"welcome\n")  # without an answer to either request
        elif isinstance(event, e.ChannelRequested) and event.name == "window-change":
            session.channel.reply(False)
            session.channel.reply(True)
            session.prints(b"one\ntwo\n")

    async with AwkwardServer(react) as server:
        session = service.add(LateSource(server), None, 24, 80)
        session.begin()
        await asyncio.wait_for(session.opened(), SECONDS)
        assert "without" not in session.description()["text"]
        page = Page(service)
        page.attach(session)
        await page.shown(b"welcome\n")
        page.send("terminals.size", stream=1, rows=30, cols=100, visible=True)
        await page.shown(b"PTY allocation request failed: the server grants no terminal. ")
        await page.shown(b"one\r\ntwo\r\n")
        assert session.description()["text"].endswith(", without a terminal")
        page.type("ab")
        await page.shown(b"ab")
        assert not sessions[0].input
        await session.end()


async def test_a_command_needs_one(service: Terminals, strict: Remote) -> None:
    with pytest.raises(ChannelRequestDenied, match="refused a terminal"):
        await opened(service, strict, "top")
    (session,) = service.sessions.values()
    assert session.state == "lost"
