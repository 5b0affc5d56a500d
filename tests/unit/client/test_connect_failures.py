"""Every way a connection cannot come to be: a typed error with its phase, what was expected, what came, what to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jupyter_ssh.ssh import connect, errors

SECONDS = 10


@asynccontextmanager
async def pretender(say: bytes, *, hang: bool = False) -> AsyncIterator[int]:
    """A server that says ``say`` and closes, or says nothing more."""
    leave = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(say)
        if hang:
            await leave.wait()
        else:
            writer.write_eof()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        leave.set()


async def attempt(port: int, **options: object) -> errors.SSHError:
    """The error of a connection that cannot work."""
    settings = {"port": port, "config": "none", "known_hosts": "/nonexistent/known_hosts", **options}
    with pytest.raises(errors.SSHError) as caught:
        await asyncio.wait_for(connect("nobody@127.0.0.1", **settings), SECONDS)  # type: ignore[arg-type]
    return caught.value


SAYINGS: list[tuple[bytes, type[errors.SSHError], str]] = [
    (b"", errors.VersionError, "nothing"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", errors.VersionError, "web server"),
    (b"220 mail.example ESMTP\r\n", errors.VersionError, "mail server"),
    (b"Exceeded MaxStartups\r\n", errors.VersionError, "too many connections"),
    (b"\x16\x03\x01\x00\x05\x01" * 30, errors.VersionError, "TLS"),
    (b"x" * 70000, errors.VersionError, "8192 bytes"),
    (b"hello\r\n" * 2000, errors.VersionError, "1024 lines"),
    (b"SSH-1.5-old\r\n", errors.VersionError, "SSH-1.5-old"),
    (b"SSH-2.0-" + b"x" * 9000 + b"\r\n", errors.VersionError, "8192 bytes"),
    (b"SSH-2.0-cut\r\n", errors.ConnectionLost, "closed"),
    (b"SSH-2.0-bad\r\n" + b"\xff" * 100, errors.PacketError, "4294967295"),
    (b"SSH-2.0-bad\r\n" + b"\0\0\0\0" * 10, errors.PacketError, "packet length"),
    # a KEXINIT-sized packet that is a CHANNEL_DATA: out of turn
    (b"SSH-2.0-bad\r\n\0\0\0\x0c\x0a\x5e" + b"\0" * 10, errors.UnexpectedMessage, "SSH_MSG_CHANNEL_DATA (94)"),
]


@pytest.mark.parametrize(("say", "kind", "part"), SAYINGS, ids=[str(n) for n in range(len(SAYINGS))])
async def test_a_server_that_is_none(say: bytes, kind: type[errors.SSHError], part: str) -> None:
    async with pretender(say) as port:
        error = await attempt(port)
    assert isinstance(error, kind)
    assert part in str(error)
    assert error.phase


async def test_a_server_that_says_nothing() -> None:
    async with pretender(b"", hang=True) as port:
        error = await attempt(port, connect_timeout=0.2)
    assert isinstance(error, errors.DeadlineExceeded)
    assert error.next_step


async def test_a_server_that_stops_after_its_name() -> None:
    async with pretender(b"SSH-2.0-slow\r\n", hang=True) as port:
        error = await attempt(port, connect_timeout=1)
    assert isinstance(error, errors.DeadlineExceeded)
    assert error.phase == "key exchange"


async def test_a_closed_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = await attempt(port)
    assert isinstance(error, errors.ConnectError)
    assert "refused" in str(error).lower()
    assert [address for address, _ in error.attempts] == ["127.0.0.1"]
    assert error.next_step


async def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(errors.NameNotFound, match=r"no-such-host\.invalid"):
        await connect("nobody@no-such-host.invalid", config="none")


async def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address refuses, the second is the pretender's."""
    async with pretender(b"SSH-2.0-second\r\n") as port:
        loop = asyncio.get_running_loop()

        async def two_addresses(*_: object, **__: object) -> list[object]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")
            ]

        monkeypatch.setattr(loop, "getaddrinfo", two_addresses)
        error = await attempt(port)
    assert isinstance(error, errors.ConnectionLost)


async def test_wrong_options() -> None:
    wrong: list[dict[str, object]] = [
        {"ciphers": ["no-such-cipher"]},
        {"no_such_option": 1},
        {"port": 70000},
        {"strict_host_key_checking": "perhaps"},
    ]
    for options in wrong:
        with pytest.raises(errors.ConfigError):
            await connect("nobody@127.0.0.1", config="none", **options)  # type: ignore[arg-type]


async def test_nothing_is_left_of_a_failed_connection() -> None:
    """No task of ours remains."""
    async with pretender(b"SSH-2.0-cut\r\n") as port:
        before = asyncio.all_tasks()
        await attempt(port)
        await asyncio.sleep(0)
        assert not {task for task in asyncio.all_tasks() - before if "serve" not in repr(task)}


async def test_the_error_of_one_connection_is_no_concern_of_another() -> None:
    async with pretender(b"garbage\n" * 3) as first, pretender(b"") as second:
        outcomes = await asyncio.gather(attempt(first), attempt(second))
    assert all(isinstance(outcome, errors.VersionError) for outcome in outcomes)
