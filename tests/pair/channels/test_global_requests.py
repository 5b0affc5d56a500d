"""Global requests of ours: awaited, with a deadline, their answers told apart by their order alone (RFC 4254 §4)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.errors import AgentUnavailable, ConnectionClosed, ConnectionLost, DeadlineExceeded, SSHError
from jupyter_ssh.ssh.protocol.events import GlobalRequested
from jupyter_ssh.ssh.server.registry import SERVER
from tests.pair.channels.loopback import SECONDS, loopback, until

SLOW, QUICK, FAILING = "slow@example.com", "quick@example.com", "failing@example.com"


class Answers:
    """The server's handlers: one waits until it is let go, one answers at once, one fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def slow(self, host: ChannelHost, event: GlobalRequested) -> bytes:
        self.asked.append(event.name)
        await self.go.wait()
        return b"slow " + event.details

    def quick(self, host: ChannelHost, event: GlobalRequested) -> bytes:
        self.asked.append(event.name)
        return b"quick " + event.details

    async def failing(self, host: ChannelHost, event: GlobalRequested) -> bytes:
        raise AgentUnavailable("nobody is there")


@pytest.fixture
async def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = Answers()
    for name, handler in ((SLOW, made.slow), (QUICK, made.quick), (FAILING, made.failing)):
        monkeypatch.setitem(SERVER.requests, name, handler)
    return made


async def test_answers_keep_the_order_of_the_requests(tmp_path: Path, answers: Answers) -> None:
    async with loopback(tmp_path) as (connection, _):
        host = connection.channel_host
        first = asyncio.ensure_future(host.ask(SLOW, b"1", timeout=SECONDS))
        await until(lambda: SLOW in answers.asked)
        # A keepalive stands in the same queue.
        host.session.woke_up(asyncio.get_running_loop().time(), SECONDS, 1.0)
        second = asyncio.ensure_future(host.ask(QUICK, b"2", timeout=SECONDS))
        await until(lambda: QUICK in answers.asked)
        assert not first.done()
        assert not second.done()
        answers.go.set()
        assert await asyncio.gather(first, second) == [b"slow 1", b"quick 2"]


async def test_an_answer_that_is_too_late_is_nobody_elses(tmp_path: Path, answers: Answers) -> None:
    async with loopback(tmp_path) as (connection, _):
        host = connection.channel_host
        with pytest.raises(DeadlineExceeded, match=SLOW):
            await host.ask(SLOW, b"1", timeout=0.01)
        second = asyncio.ensure_future(host.ask(QUICK, b"2", timeout=SECONDS))
        await until(lambda: QUICK in answers.asked)
        answers.go.set()
        assert await second == b"quick 2"


async def test_refusals(tmp_path: Path, answers: Answers) -> None:
    async with loopback(tmp_path) as (connection, _):
        host = connection.channel_host
        assert await host.ask("unheard-of@example.com", timeout=SECONDS) is None
        assert await host.ask(FAILING, timeout=SECONDS) is None
        assert await host.ask(QUICK, timeout=SECONDS) == b"quick "


async def test_a_request_that_wants_no_answer_is_heard(tmp_path: Path, answers: Answers) -> None:
    async with loopback(tmp_path) as (connection, _):
        host = connection.channel_host
        host.session.connection.request_global(QUICK)
        assert await host.ask(QUICK, b"2", timeout=SECONDS) == b"quick 2"
        assert answers.asked == [QUICK, QUICK]


async def test_a_connection_that_ends_answers_nothing(tmp_path: Path, answers: Answers) -> None:
    async with loopback(tmp_path) as (connection, server):
        host = connection.channel_host
        asking = asyncio.ensure_future(host.ask(SLOW, timeout=SECONDS))
        await until(lambda: SLOW in answers.asked)
        assert server.server is not None
        await server.server.close()
        with pytest.raises(SSHError) as ended:
            await asking
        assert not isinstance(ended.value, DeadlineExceeded)
        with pytest.raises((ConnectionClosed, ConnectionLost)):
            await host.ask(QUICK)
