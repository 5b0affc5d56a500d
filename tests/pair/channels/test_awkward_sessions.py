"""Servers that do not answer requests, grant no terminal, or are gone when the command has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from jupyter_ssh.ssh import Pty, connect
from jupyter_ssh.ssh.client import session_channel
from jupyter_ssh.ssh.errors import ChannelRequestDenied, ConnectionLost
from jupyter_ssh.ssh.protocol import events as e
from tests.pair.awkward_server import AwkwardServer, React, Session

SECONDS = 60.0

STARTS = ("exec", "shell", "subsystem")


def starting(act: React, *, answers: bool = True) -> React:
    """``act`` when a command is started, and if it ``answers``, a yes to every request before."""

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested):
            if answers and event.want_reply:
                session.channel.reply(True)
            if event.name in STARTS:
                act(session, event)

    return react


# --- the connection ends when the command has ended -------------------------------------------------------------------


def _ends_with_the_connection(session: Session, event: e.ChannelEvent) -> None:
    session.prints(b"output\n")
    session.prints(b"complaint\n", 1)
    session.exits(7)
    session.channel.eof()
    session.client.hang_up()


def _says_no_status(session: Session, event: e.ChannelEvent) -> None:
    session.prints(b"output\n")
    session.channel.eof()
    session.client.hang_up()


def _says_no_end(session: Session, event: e.ChannelEvent) -> None:
    session.prints(b"output\n")
    session.exits(0)
    session.client.hang_up()


async def test_a_command_whose_end_is_known_has_ended() -> None:
    async with AwkwardServer(starting(_ends_with_the_connection)) as server:
        connection = await connect("alice@127.0.0.1", **server.options)
        result = await asyncio.wait_for(connection.run("true"), SECONDS)
        assert (result.stdout, result.stderr, result.exit_status) == (b"output\n", b"complaint\n", 7)
        await connection.wait_closed()
        assert isinstance(connection.closed_because, ConnectionLost), "said apart"
        await connection.close()


@pytest.mark.parametrize("act", [_says_no_status, _says_no_end])
async def test_half_an_end_is_none(act: React) -> None:
    async with AwkwardServer(starting(act)) as server:
        connection = await connect("alice@127.0.0.1", **server.options)
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(connection.run("true"), SECONDS)
        await connection.close()


# --- no answer to a request -------------------------------------------------------------------------------------------


async def test_output_and_status_count_without_an_answer() -> None:
    def act(session: Session, event: e.ChannelEvent) -> None:
        session.prints(b"output\n")
        session.ends(3)

    for pty in (None, Pty()):
        async with AwkwardServer(starting(act, answers=False)) as server:
            async with connect("alice@127.0.0.1", **server.options) as connection:
                result = await asyncio.wait_for(connection.run("true", pty=pty), SECONDS)
            assert (result.stdout, result.exit_status) == (b"output\n", 3)


async def test_a_status_alone_counts_without_an_answer() -> None:
    async with (
        AwkwardServer(starting(lambda session, event: session.ends(4), answers=False)) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        assert (await asyncio.wait_for(connection.run("true"), SECONDS)).exit_status == 4


async def test_output_alone_shows_that_a_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_channel, "SILENCE_SECONDS", 2 * SECONDS)

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelEofReceived):
            session.ends(3)
        elif isinstance(event, e.ChannelRequested):
            session.prints(b"ready\n")

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        process = await asyncio.wait_for(connection.start("true"), SECONDS)
        process.stdin.write_eof()
        assert (await asyncio.wait_for(process.wait(), SECONDS)).exit_status == 3


async def test_a_command_that_waits_for_input_is_given_it_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_channel, "SILENCE_SECONDS", 0.1)

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelEofReceived):
            session.prints(bytes(session.input).upper())
            session.ends()

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        result = await asyncio.wait_for(connection.run("tr a-z A-Z", input=b"loud"), SECONDS)
        assert (result.stdout, result.exit_status) == (b"LOUD", 0)


async def test_one_answer_for_two_requests_is_that_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers have no number.  A server that passes over pty-req and answers exec is understood by what it sends."""
    monkeypatch.setattr(session_channel, "SILENCE_SECONDS", 0.1)

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "exec":
            session.channel.reply(True)
        elif isinstance(event, e.ChannelEofReceived):
            session.prints(bytes(session.input).upper())
            session.ends(3)

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        result = await asyncio.wait_for(connection.run("tr a-z A-Z", input=b"loud", pty=Pty()), SECONDS)
        assert (result.stdout, result.exit_status) == (b"LOUD", 3)


async def test_a_no_that_comes_late_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_channel, "SILENCE_SECONDS", 0.1)

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelEofReceived):
            session.channel.reply(False)

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        with pytest.raises(ChannelRequestDenied, match="refused the exec request"):
            await asyncio.wait_for(connection.run("true"), SECONDS)
        assert not connection.closed


def _refuses_after_output(session: Session, event: e.ChannelEvent) -> None:
    """Says why and no, and leaves it to the client to close the channel."""
    if isinstance(event, e.ChannelRequested) and event.name == "exec":
        session.prints(b"% This device takes no\x07 commands\n", 1)
        session.channel.reply(False)


async def test_a_no_after_output_is_a_no() -> None:
    async with (
        AwkwardServer(_refuses_after_output) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        with pytest.raises(ChannelRequestDenied, match="refused the exec request") as caught:
            await asyncio.wait_for(connection.run("true"), SECONDS)
        assert caught.value.received == "% This device takes no? commands"
        assert not connection.closed


@pytest.mark.parametrize("end", [lambda session: None, lambda session: (session.exits(0), session.channel.eof())])
async def test_the_output_before_a_no_can_be_read(end: Callable[[Session], object]) -> None:
    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "exec":
            session.prints(b"hello\nlast words\n")
        elif isinstance(event, e.ChannelEofReceived):
            end(session)
            session.channel.reply(False)

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        process = await connection.start("true")
        assert await process.stdout.readline() == b"hello\n"
        process.stdin.write_eof()
        with pytest.raises(ChannelRequestDenied, match="refused the exec request"):
            await asyncio.wait_for(process.wait_closed(), SECONDS)
        assert await process.stdout.read(100) == b"last words\n"
        for stream in (process.stdout, process.stderr):
            with pytest.raises(ChannelRequestDenied):
                await asyncio.wait_for(stream.read(100), SECONDS)
        assert process.closed


async def test_a_channel_that_is_closed_without_a_word() -> None:
    async with (
        AwkwardServer(starting(lambda session, event: session.channel.close(), answers=False)) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        with pytest.raises(ChannelRequestDenied, match="closed the session without an answer to the exec request"):
            await asyncio.wait_for(connection.run("true"), SECONDS)


# --- no terminal ------------------------------------------------------------------------------------------------------


def _grants_no_terminal(session: Session, event: e.ChannelEvent) -> None:
    if isinstance(event, e.ChannelRequested) and event.want_reply:
        session.channel.reply(event.name != "pty-req")
        if event.name in STARTS:
            session.prints(b"output\n")
            session.prints(b"complaint\n", 1)
            session.ends()


async def test_a_terminal_that_is_required_is_not_granted() -> None:
    async with (
        AwkwardServer(_grants_no_terminal) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        with pytest.raises(ChannelRequestDenied, match="refused a terminal"):
            await asyncio.wait_for(connection.run("true", pty=Pty()), SECONDS)


async def test_a_terminal_that_is_not_required_is_done_without() -> None:
    async with (
        AwkwardServer(_grants_no_terminal) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        told: list[bool] = []
        process = await connection.start("true", pty=Pty(required=False, refused=lambda: told.append(True)))
        assert not process.on_terminal
        assert told == [True]
        result = await asyncio.wait_for(process.wait(), SECONDS)
        assert (result.stdout, result.stderr, result.exit_status) == (b"output\n", b"complaint\n", 0)


async def test_a_terminal_that_is_refused_late_leaves_one_stream() -> None:
    """The owner of the process has seen that stderr ended, so what comes now must come with the output."""
    told: list[bool] = []

    def react(session: Session, event: e.ChannelEvent) -> None:
        if isinstance(event, e.ChannelRequested) and event.name == "shell":
            session.prints(b"early\n")
        elif isinstance(event, e.ChannelEofReceived):
            session.channel.reply(False)
            session.channel.reply(True)
            session.prints(b"output\n")
            session.prints(b"complaint\n" * 1000, 1)
            session.ends(3)

    async with (
        AwkwardServer(react) as server,
        connect("alice@127.0.0.1", **server.options) as connection,
    ):
        process = await connection.start(None, pty=Pty(required=False, refused=lambda: told.append(True)))
        assert process.on_terminal
        assert await asyncio.wait_for(process.stderr.read(), SECONDS) == b""
        assert not told
        process.stdin.write_eof()
        result = await asyncio.wait_for(process.wait(), SECONDS)
        assert (result.stdout, result.exit_status) == (b"early\noutput\n" + b"complaint\n" * 1000, 3)
        assert not process.on_terminal
        assert told == [True]
