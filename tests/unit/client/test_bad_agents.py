"""Agents that are silent, lie, flood or vanish: typed errors, and a login that goes on without them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.errors import AgentError, AgentRefused, AgentUnavailable, DeadlineExceeded
from jupyter_ssh.ssh.keys import PrivateKey, generate
from jupyter_ssh.ssh.net import agent as net_agent
from jupyter_ssh.ssh.net.agent import open_agent
from jupyter_ssh.ssh.wire.types import Reader, string, uint32
from tests.peers.client_support import reach
from tests.support.embedded import EmbeddedServer

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(*answers: bytes) -> Behaviour:
    """An agent that gives these answers to its first requests, and then hangs up."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            writer.write(answer)
            await writer.drain()

    return behave


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1000):
        pass


FAILURE = string(bytes((n.SSH_AGENT_FAILURE,)))


def identities(count: int, *blobs: bytes) -> bytes:
    body = b"".join(string(blob) + string("comment") for blob in blobs)
    return string(bytes((n.SSH_AGENT_IDENTITIES_ANSWER,)) + uint32(count) + body)


MANY = [string("ssh-ed25519") + string(number.to_bytes(32, "big")) for number in range(10_000)]

BAD: dict[str, tuple[Behaviour, type[Exception]]] = {
    "never answers": (silent, DeadlineExceeded),
    "vanishes": (says(), AgentUnavailable),
    "vanishes in the middle": (says(identities(1, MANY[0])[:20]), AgentUnavailable),
    "a length beyond all bounds": (says(uint32(0xFFFFFFFF) + b"x"), AgentError),
    "an empty message": (says(uint32(0)), AgentError),
    "too short for its count": (says(identities(3, MANY[0])), AgentError),
    "a count of billions": (says(identities(0xFFFFFFFF)), AgentError),
    "10,000 keys": (says(identities(10_000, *MANY)), AgentError),
    "another message": (says(string(bytes((n.SSH_AGENT_SUCCESS,)))), AgentError),
    "no message of the protocol": (says(string(b"\xf0")), AgentError),
    "two answers": (says(identities(0) * 2), AgentError),
}


@asynccontextmanager
async def agent(folder: Path, behave: Behaviour) -> AsyncIterator[str]:
    path = str(folder / "s")
    clients: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await behave(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_unix_server(connected, path)
    try:
        yield path
    finally:
        server.close()
        await asyncio.gather(*clients)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is what is tested, not its length."""
    ask = net_agent.Agent.ask

    async def soon(self: net_agent.Agent, message: bytes, seconds: float | None = None) -> bytes:
        return await ask(self, message, 0.2)

    monkeypatch.setattr(net_agent.Agent, "ask", soon)


@pytest.mark.parametrize("case", BAD)
async def test_it_is_an_error_of_its_own(case: str, short_folder: Path) -> None:
    behave, expected = BAD[case]
    async with agent(short_folder, behave) as path, await open_agent(path) as client:
        with pytest.raises(expected) as caught:
            await client.identities()
        assert type(caught.value) is expected
        assert str(caught.value)
        if expected is not AgentError:
            with pytest.raises(AgentUnavailable):
                await client.identities()


@pytest.mark.parametrize("case", BAD)
async def test_the_login_goes_on(case: str, short_folder: Path, embedded_server: EmbeddedServer) -> None:
    behave, _ = BAD[case]

    async def after_the_binding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if behave is not silent:
            await says(FAILURE)(reader, writer)
        await behave(reader, writer)

    async with (
        agent(short_folder, after_the_binding) as path,
        reach(embedded_server, identity_agent=path) as connection,
    ):
        assert (await connection.run("echo in")).stdout == b"in\n"
        assert any("agent" in message for message in connection.messages)


KEY = generate("ed25519")
OLD_REFUSALS = (n.SSH2_AGENT_FAILURE, n.SSH_COM_AGENT2_FAILURE)


def listing(key: PrivateKey, behind: bytes = b"") -> bytes:
    body = string(key.public.blob) + string("comment")
    return string(bytes((n.SSH_AGENT_IDENTITIES_ANSWER,)) + uint32(1) + body + behind)


def signing(key: PrivateKey, to_bind: bytes, behind: bytes = b"") -> Behaviour:
    """An agent with a key, which answers ``to_bind`` to all else, and leaves ``behind`` at the end of its answers."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            if request[0] == n.SSH_AGENTC_REQUEST_IDENTITIES:
                writer.write(listing(key, behind))
            elif request[0] == n.SSH_AGENTC_SIGN_REQUEST:
                fields = Reader(request, 1)
                fields.string()
                signature = string(key.sign(fields.string()))
                writer.write(string(bytes((n.SSH_AGENT_SIGN_RESPONSE,)) + signature + behind))
            else:
                writer.write(string(to_bind))

    return behave


@pytest.mark.parametrize("to_bind", [b"\x1e", b"\x66", b"\x05", b"\xf0", b"\x0c" + uint32(0)], ids=repr)
@pytest.mark.parametrize("behind", [b"", b"more"])
async def test_it_is_used_although_its_answers_are_strange(
    to_bind: bytes,
    behind: bytes,
    short_folder: Path,
    embedded_server: EmbeddedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It cannot bind a session and says so in its own way, or has something behind its answers, as with OpenSSH."""
    with embedded_server.authorized_keys.open("a") as file:
        file.write(KEY.public.line() + "\n")
    caplog.set_level(logging.DEBUG, "jupyter_ssh")
    async with (
        agent(short_folder, signing(KEY, to_bind, behind)) as path,
        reach(embedded_server, identity_agent=path, identity_file="none") as connection,
    ):
        assert connection.info.key_fingerprint == KEY.public.fingerprint
        assert not any("agent" in message for message in connection.messages)
    for what in ("the list of its keys", "a signature"):
        assert (f"the agent left 4 bytes behind {what}" in caplog.text) is bool(behind)


@pytest.mark.parametrize("number", OLD_REFUSALS)
async def test_older_numbers_for_a_refusal(number: int, short_folder: Path) -> None:
    """SSH2_AGENT_FAILURE of SSH's agent in OpenSSH's words, and SSH_COM_AGENT2_FAILURE."""
    behave = says(*[string(bytes((number,)))] * 2, listing(KEY))
    async with agent(short_folder, behave) as path, await open_agent(path) as client:
        with pytest.raises(AgentRefused):
            await client.sign(KEY.public, b"data", "ssh-ed25519")
        with pytest.raises(AgentRefused):
            await client.add(KEY)
        assert [item.key for item in await client.identities()] == [KEY.public]


async def test_a_socket_that_is_not_there(short_folder: Path, embedded_server: EmbeddedServer) -> None:
    with pytest.raises(AgentUnavailable, match="the socket does not exist"):
        await open_agent(str(short_folder / "nothing"))
    (short_folder / "file").write_text("")
    with pytest.raises(AgentUnavailable):
        await open_agent(str(short_folder / "file"))
    with pytest.raises(AgentUnavailable):
        await open_agent(str(short_folder / ("x" * 200)))
    async with reach(embedded_server, identity_agent=str(short_folder / "nothing")) as connection:
        assert [message for message in connection.messages if "the socket does not exist" in message]


async def test_a_stale_ssh_auth_sock_is_passed_over(
    short_folder: Path, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(short_folder / "nothing"))
    async with reach(embedded_server) as connection:
        assert connection.messages == []


async def test_key_types_nobody_knows_are_skipped(short_folder: Path, embedded_server: EmbeddedServer) -> None:
    known = generate("ed25519").public.blob
    blobs = (string("ssh-newtype@example.org") + string(b"x"), b"", b"\0\0", known)
    async with agent(short_folder, says(identities(4, *blobs))) as path, await open_agent(path) as client:
        found = await client.identities()
    assert [item.key is not None for item in found] == [False, False, False, True]
    assert all(item.problem for item in found[:3])
    async with (
        agent(short_folder, says(FAILURE, identities(4, *blobs))) as path,
        reach(embedded_server, identity_agent=path) as connection,
    ):
        assert (await connection.run("echo in")).ok


async def test_a_signature_of_another_algorithm(short_folder: Path) -> None:
    key = generate("rsa", 2048)
    old = key.sign(b"data", "ssh-rsa")
    answer = string(bytes((n.SSH_AGENT_SIGN_RESPONSE,)) + string(old))
    async with agent(short_folder, says(answer)) as path, await open_agent(path) as client:
        with pytest.raises(AgentError, match="rsa-sha2-512"):
            await client.sign(key.public, b"data", "rsa-sha2-512")
