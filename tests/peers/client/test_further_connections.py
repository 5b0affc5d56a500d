"""Sessions that a server no longer allows on one connection run on further ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from jupyter_ssh.ssh.client import Connection, Process, connect
from jupyter_ssh.ssh.client.connection import take_further_from
from jupyter_ssh.ssh.client.pool import further
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool, Lease
from jupyter_ssh.ssh.client.pool.leasing import Overflow, lease_connection
from jupyter_ssh.ssh.client.prompts import NoPrompts, Prompts
from jupyter_ssh.ssh.errors import ChannelOpenError, DeadlineExceeded, PromptUnavailable, SSHError
from jupyter_ssh.ssh.server.channels.session import SessionChannel, Sessions
from tests.support.embedded import EmbeddedServer, Factory

SECONDS = 60.0


class Base:
    """A connection to a server, with its pool and the further connections that were made."""

    def __init__(self, server: EmbeddedServer, prompts: Prompts) -> None:
        self.pool: ConnectionPool[Connection] = ConnectionPool()
        self.made: list[Connection] = []
        self._server = server
        self._overflow = Overflow(lambda: prompts, lambda base, made: self.made.append(made))

    async def connect(self, **options: Any) -> Connection:
        """The connection; it logs in with the server's key."""
        server = self._server
        files = {"known_hosts": server.known_hosts, "identity_file": server.client_key}
        options = {"user": server.user, "port": server.port, "config": "none", **files, **options}
        self.lease = await lease_connection(self.pool, server.host, "a test", overflow=self._overflow, **options)
        return self.lease.connection

    async def release(self) -> None:
        """Gives the connection back: it is closed."""
        if (closing := self.lease.release()) is not None:
            await closing


Reach = Callable[..., "contextlib.AbstractAsyncContextManager[tuple[Base, Connection]]"]


@pytest.fixture
def reach(embedded_server_factory: Factory) -> Reach:
    """Connects to a new server with one session a connection, and checks that nothing is left behind."""

    @contextlib.asynccontextmanager
    async def reached(
        prompts: Prompts | None = None, *, max_sessions: int = 1, password: bool = False
    ) -> AsyncIterator[tuple[Base, Connection]]:
        server: EmbeddedServer = embedded_server_factory(max_sessions=max_sessions)
        base = Base(server, prompts or NoPrompts())
        login = {"password": server.password, "identity_file": "none"} if password else {}
        connection = await base.connect(**login)
        try:
            yield base, connection
        finally:
            await base.release()
        assert base.pool.connections() == []
        assert all(made.closed for made in base.made)

    return reached


@contextlib.asynccontextmanager
async def connected(server: EmbeddedServer) -> AsyncIterator[Connection]:
    """A connection that has no further ones yet."""
    files = {"known_hosts": server.known_hosts, "identity_file": server.client_key}
    async with connect(server.host, user=server.user, port=server.port, config="none", **files) as connection:
        yield connection


async def hold(connection: Connection) -> Process[bytes]:
    """A process that runs until its input ends."""
    return await asyncio.wait_for(connection.start("cat"), SECONDS)


async def test_further_sessions_share_what_was_made_for_the_first(reach: Reach) -> None:
    async with reach() as (base, connection):
        await hold(connection)
        for number in range(5):
            assert (await connection.run(f"echo {number}", timeout=SECONDS)).stdout == f"{number}\n".encode()
        assert len(base.made) == 1
        await hold(connection)
        assert (await connection.run("echo", timeout=SECONDS)).stdout == b"\n"
        assert len(base.made) == 2


async def test_those_who_need_one_at_once_share_it(reach: Reach) -> None:
    async with reach(max_sessions=3) as (base, connection):
        for _ in range(3):
            await hold(connection)
        await asyncio.gather(*(hold(connection) for _ in range(3)))
        assert len(base.made) == 1


async def test_sessions_on_it_end_with_the_connection(reach: Reach) -> None:
    async with reach() as (base, connection):
        await hold(connection)
        process = await hold(connection)
        (made,) = base.made
        await base.release()
        assert connection.closed
        assert made.closed
        assert process.closed
        assert made.closed_because is None


async def test_one_that_nobody_needs_is_closed(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reach() as (base, connection):
        await hold(connection)
        process = await hold(connection)
        monkeypatch.setattr(further, "IDLE_SECONDS", 0.0)
        await process.aclose()
        await asyncio.wait_for(base.made[0].wait_closed(), SECONDS)
        assert not connection.closed
        assert (await connection.run("echo", timeout=SECONDS)).stdout == b"\n"
        assert len(base.made) == 2


async def test_one_that_was_lost_is_replaced(reach: Reach) -> None:
    async with reach() as (base, connection):
        await hold(connection)
        process = await hold(connection)
        base.made[0].channel_host.driver.abandon()
        with pytest.raises(SSHError):
            await asyncio.wait_for(process.wait_closed(), SECONDS)
        assert (await connection.run("echo", timeout=SECONDS)).stdout == b"\n"
        assert len(base.made) == 2


async def test_there_are_no_more_than_so_many(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(further, "MOST_FURTHER", 2)
    async with reach() as (base, connection):
        for _ in range(3):
            await hold(connection)
        with pytest.raises(ChannelOpenError) as caught:
            await hold(connection)
        assert "2 further connections have no room either" in str(caught.value)
        assert len(base.made) == 2


class Lingering(set[object]):
    """Sessions that the server still counts after their channel is closed."""

    def discard(self, session: object, /) -> None:
        """Keep it, as OpenSSH's server does until it has waited for the process."""


async def test_a_connection_may_be_full_for_a_while_after_its_last_session(
    reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    def __init__(self: Sessions) -> None:
        self.open, self.no_more = cast("set[SessionChannel]", Lingering()), False

    monkeypatch.setattr(Sessions, "__init__", __init__)
    monkeypatch.setattr(further, "MOST_FURTHER", 2)
    async with reach() as (base, connection):
        for number in range(5):
            assert (await connection.run("echo", timeout=SECONDS)).stdout == b"\n"
            assert len(base.made) == number
        assert sum(not made.closed for made in base.made) <= 2


async def test_no_further_one_is_made_again_if_an_empty_one_refuses_too(
    reach: Reach, embedded_server_factory: Factory
) -> None:
    refusing: EmbeddedServer = embedded_server_factory(max_sessions=0)
    elsewhere = Base(refusing, NoPrompts())
    lent: list[Lease[Connection]] = []

    async def lend() -> Lease[Connection]:
        await elsewhere.connect()
        lent.append(elsewhere.lease)
        return elsewhere.lease

    async with connected(embedded_server_factory(max_sessions=1)) as connection:
        take_further_from(connection, lend)
        await hold(connection)
        for reason in ("at most 0 sessions", "at most 1 sessions.*on an empty connection too"):
            with pytest.raises(ChannelOpenError, match=reason):
                await hold(connection)
        assert [lease.released for lease in lent] == [True]


# --- what goes wrong --------------------------------------------------------------------------------------------------


class Answers(NoPrompts):
    """Answers the question for the password as a test says."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer
        self.asked = asyncio.Event()

    async def ask_secret(self, prompt: str) -> str | None:
        self.asked.set()
        answer: str | None = await self._answer()
        return answer


async def _cancels() -> None:
    return None


async def _is_not_there() -> None:
    raise PromptUnavailable("there is nobody to ask")


async def _takes_too_long() -> None:
    raise DeadlineExceeded.after(30, "password")


async def _never_answers() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_cancels, "no answer was given"),
        (_is_not_there, "there is nobody to ask"),
        (_takes_too_long, "no answer within 30 s"),
    ],
)
async def test_why_none_can_be_made_is_told_with_the_refusal(
    reach: Reach, answer: Callable[[], Any], reason: str
) -> None:
    async with reach(Answers(answer), password=True) as (base, connection):
        await hold(connection)
        with pytest.raises(ChannelOpenError) as caught:
            await hold(connection)
        assert reason in (caught.value.received or "").lower()
        assert isinstance(caught.value.__cause__, SSHError)
        assert base.made == []
        assert not connection.closed


@pytest.mark.parametrize("through", ["start", "run"])
async def test_a_person_has_more_time_than_the_command(
    reach: Reach, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    passed, clock = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed)

    async def answer() -> str:
        nonlocal passed
        passed += 2 * SECONDS
        await asyncio.sleep(0.0)
        await asyncio.sleep(0.0)
        return password

    password = ""
    async with reach(Answers(answer), password=True) as (base, connection):
        password = base._server.password
        await hold(connection)
        if through == "run":
            assert (await connection.run("echo", timeout=SECONDS)).stdout == b"\n"
        else:
            await connection.start("cat", timeout=SECONDS)
        assert len(base.made) == 1


async def test_nothing_is_left_of_one_that_is_being_made_at_the_end(reach: Reach) -> None:
    prompts = Answers(_never_answers)
    async with reach(prompts, password=True) as (base, connection):
        await hold(connection)
        starting = asyncio.ensure_future(connection.start("cat"))
        await asyncio.wait_for(prompts.asked.wait(), SECONDS)
        await asyncio.wait_for(base.release(), SECONDS)
        with pytest.raises(ChannelOpenError, match="was closed"):
            await asyncio.wait_for(starting, SECONDS)


async def test_who_gives_up_leaves_the_making_to_the_next(reach: Reach) -> None:
    answers: list[Callable[[], Any]] = [_never_answers]
    prompts = Answers(lambda: answers.pop()())
    async with reach(prompts, password=True) as (base, connection):

        async def gives_it() -> str:
            return base._server.password

        answers.insert(0, gives_it)
        await hold(connection)
        first = asyncio.ensure_future(connection.start("cat"))
        await asyncio.wait_for(prompts.asked.wait(), SECONDS)
        second = asyncio.ensure_future(connection.start("cat"))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.wait_for(second, SECONDS)
        assert len(base.made) == 1
