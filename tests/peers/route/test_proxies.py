"""Ways through a ProxyCommand, and through SOCKS and HTTP proxies of others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from tests.peers.client_support import Person, reach
from tests.support.fixtures import watch
from tests.support.peers import require_tool
from tests.support.processes import HOST, ServerProcess, free_port
from tests.support.servers import PeerServer, start_openssh

USER, PASSWORD = "alice", "correct-horse"
BIG = b"0123456789abcdef" * 20_000


@pytest.fixture(autouse=True)
def no_proxy_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def openssh_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    """One for all proxies of this file."""
    server = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd"), host_key_types=["ed25519"]))
    yield server
    server.stop()


async def goes_through(server: Any, **options: Any) -> str:
    """Data went both ways; what the way is called."""
    async with reach(server, **options) as connection:
        assert (await connection.run("cat", input=BIG)).stdout == BIG
        return connection.info.via


# --- ProxyCommand -----------------------------------------------------------------------------------------------------


def noted(folder: Path, command: str) -> tuple[str, Path]:
    """The command, and a file that holds its process id once it runs."""
    file = folder / "pid"
    return f"sh -c {shlex.quote(f'echo $$ > {file}; exec {command}')}", file


def is_gone(file: Path) -> bool:
    try:
        os.kill(int(file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(("tool", "words"), [("nc", "%h %p"), ("socat", "- TCP:%h:%p")])
async def test_a_program_carries_the_connection_and_ends_with_it(
    openssh_server: PeerServer, tmp_path: Path, tool: str, words: str
) -> None:
    package = {"nc": "netcat-openbsd", "socat": "socat"}[tool]
    command, pid = noted(tmp_path, f"{require_tool(tool, package)} {words}")
    async with reach(openssh_server, proxy_command=command) as connection:
        assert (await connection.run("cat", input=BIG)).stdout == BIG
        assert connection.info.via == "ProxyCommand"
        assert not is_gone(pid)
    assert is_gone(pid)


async def test_a_program_is_given_two_pipes(openssh_server: PeerServer, tmp_path: Path) -> None:
    """As OpenSSH gives them: programs that look at their input and output behave differently with a socket."""
    seen = tmp_path / "seen"
    look = "$(readlink /proc/$$/fd/0) $(readlink /proc/$$/fd/1)"
    command = f"sh -c {shlex.quote(f'echo {look} > {seen}; exec nc %h %p')}"
    assert await goes_through(openssh_server, proxy_command=command) == "ProxyCommand"
    first, second = seen.read_text().split()
    assert first.startswith("pipe:[")
    assert second.startswith("pipe:[")
    assert first != second


async def test_none_is_the_straight_way(openssh_server: PeerServer) -> None:
    assert await goes_through(openssh_server, proxy_command="none") == ""


async def test_a_program_that_fails_is_the_reason(openssh_server: PeerServer) -> None:
    person = Person()
    command = "sh -c 'echo no such tunnel >&2; exit 3'"
    with pytest.raises(errors.ProxyError, match=r"the ProxyCommand ended.*exit status 3; no such tunnel"):
        await reach(openssh_server, proxy_command=command, prompts=person)
    assert person.banners == ["ProxyCommand: no such tunnel\n"]


async def test_a_program_that_ends_without_an_error_and_a_word(openssh_server: PeerServer) -> None:
    with pytest.raises(errors.ProxyError, match=r"the ProxyCommand ended.*exit status 0"):
        await reach(openssh_server, proxy_command="true")
    with pytest.raises(errors.VersionError, match="Exceeded MaxStartups"):
        await reach(openssh_server, proxy_command="echo Exceeded MaxStartups")


async def test_a_program_that_does_not_exist(openssh_server: PeerServer) -> None:
    with pytest.raises(errors.ProxyError, match=r"exit status 127.*no-such-program"):
        await reach(openssh_server, proxy_command="no-such-program %h")


async def test_a_program_that_prints_nonsense(openssh_server: PeerServer, tmp_path: Path) -> None:
    command, pid = noted(tmp_path, "yes nonsense")
    with pytest.raises(errors.SSHError):
        await reach(openssh_server, proxy_command=command)
    assert is_gone(pid)


async def out_of_time(server: Any, command: str, pid: Path) -> None:
    """Connect through a silent program, with as much time as this machine needs to start it."""
    for seconds in (1, 5, 25):
        with pytest.raises(errors.DeadlineExceeded):
            await reach(server, proxy_command=command, connect_timeout=seconds)
        if pid.exists() and pid.read_text():
            return
    raise AssertionError("it was not started")


async def test_a_program_that_says_nothing(openssh_server: PeerServer, tmp_path: Path) -> None:
    command, pid = noted(tmp_path, "sleep 1000")
    await out_of_time(openssh_server, command, pid)
    assert is_gone(pid)


async def test_a_program_that_minds_no_signal_is_killed(openssh_server: PeerServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = f"sh -c {shlex.quote(f'trap : HUP TERM; echo $$ > {pid}; while :; do sleep 0.1; done')}"
    await out_of_time(openssh_server, command, pid)
    assert is_gone(pid)


# --- proxies ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxies(openssh_server: PeerServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Ports: "ssh" is SOCKS 4 and 5 by ``ssh -D``, "microsocks" SOCKS 5 with a login, "tinyproxy" and "login" HTTP."""
    folder = tmp_path_factory.mktemp("proxies")
    server = openssh_server

    def ssh(port: int) -> list[str]:
        options = ["-F", "none", "-N", "-D", f"{HOST}:{port}", "-p", str(server.port), "-i", str(server.client_key)]
        known = f"-oUserKnownHostsFile={server.known_hosts}"
        failing = "-oExitOnForwardFailure=yes"
        return [require_tool("ssh", "openssh-client"), *options, known, failing, f"{server.user}@{server.host}"]

    def microsocks(port: int) -> list[str]:
        login = ["-u", USER, "-P", PASSWORD]
        return [require_tool("microsocks", "microsocks"), "-i", HOST, "-p", str(port), *login]

    def tinyproxy(*lines: str) -> Any:
        def argv(port: int) -> list[str]:
            file = folder / f"tinyproxy{port}.conf"
            allowed = [f"ConnectPort {server.port}", f"Port {port}", f"Listen {HOST}", "Timeout 60", "MaxClients 20"]
            file.write_text("\n".join([*allowed, *lines]) + "\n")
            return [require_tool("tinyproxy", "tinyproxy-bin"), "-d", "-c", str(file)]

        return argv

    commands = {
        "ssh": ssh,
        "microsocks": microsocks,
        "tinyproxy": tinyproxy(),
        "login": tinyproxy(f"BasicAuth {USER} {PASSWORD}"),
    }
    with ExitStack() as stack:
        ports = {}
        for name, argv in commands.items():
            process = ServerProcess(name, argv, folder / f"{name}.log")
            stack.callback(process.stop)
            ports[name] = process.port
        yield ports


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
async def test_socks_by_ssh(openssh_server: PeerServer, proxies: dict[str, int], scheme: str) -> None:
    proxy = f"{scheme}://{HOST}:{proxies['ssh']}"
    assert await goes_through(openssh_server, proxy=proxy) == f"proxy {proxy}"
    # A name is looked up here or there, as the scheme says.
    named = {"host_name": "localhost", "host_key_alias": f"[{openssh_server.host}]:{openssh_server.port}"}
    assert await goes_through(openssh_server, proxy=proxy, **named) == f"proxy {proxy}"


LOGINS = [("socks5", "microsocks"), ("http", "login")]


@pytest.mark.parametrize(("scheme", "which"), LOGINS)
async def test_a_proxy_with_a_login(
    openssh_server: PeerServer, proxies: dict[str, int], scheme: str, which: str
) -> None:
    place = f"{HOST}:{proxies[which]}"
    shown = f"proxy {scheme}://{USER}@{place}"
    assert await goes_through(openssh_server, proxy=f"{scheme}://{USER}:{PASSWORD}@{place}") == shown
    person = Person(secrets=[PASSWORD])
    assert await goes_through(openssh_server, proxy=f"{scheme}://{USER}@{place}", prompts=person) == shown
    assert person.asked == [f"Password for the {shown}: "]


@pytest.mark.parametrize(("scheme", "which"), LOGINS)
@pytest.mark.parametrize("login", ["", f"{USER}:never-to-be-shown@"])
async def test_a_wrong_login_is_told_without_the_password(
    openssh_server: PeerServer, proxies: dict[str, int], scheme: str, which: str, login: str
) -> None:
    proxy = f"{scheme}://{login}{HOST}:{proxies[which]}"
    with pytest.raises(errors.ProxyError, match=f"proxy {scheme}://.*{HOST}") as caught:
        await reach(openssh_server, proxy=proxy)
    assert caught.value.reason == "login"
    assert "never-to-be-shown" not in "".join(traceback.format_exception(caught.value))


async def test_http(openssh_server: PeerServer, proxies: dict[str, int]) -> None:
    proxy = f"http://{HOST}:{proxies['tinyproxy']}"
    assert await goes_through(openssh_server, proxy=proxy) == f"proxy {proxy}"


async def test_the_variables_of_other_programs(
    openssh_server: PeerServer, proxies: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://{HOST}:{proxies['ssh']}")
    assert await goes_through(openssh_server) == ""
    via = await goes_through(openssh_server, proxy="environment")
    assert via == f"proxy socks5://{HOST}:{proxies['ssh']}"
    monkeypatch.setenv("NO_PROXY", HOST)
    assert await goes_through(openssh_server, proxy="environment") == ""


@pytest.mark.parametrize("which", ["ssh", "tinyproxy"])
async def test_a_proxy_that_gives_no_connection(
    openssh_server: PeerServer, proxies: dict[str, int], which: str
) -> None:
    scheme = "http" if which == "tinyproxy" else "socks5"
    with pytest.raises(errors.ProxyError, match=r"refused the connection|closed the connection") as caught:
        await reach(openssh_server, port=free_port(), proxy=f"{scheme}://{HOST}:{proxies[which]}")
    assert caught.value.via == f"{scheme}://{HOST}:{proxies[which]}"


async def test_a_proxy_that_is_not_there(openssh_server: PeerServer) -> None:
    port = free_port()
    with pytest.raises(errors.ConnectError, match=f"proxy socks5://{HOST}:{port}: no connection"):
        await reach(openssh_server, proxy=f"socks5://{HOST}:{port}")


NONSENSE = {
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n" * 20,
    "nothing": b"",
    "endless": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000,
    "zeros": bytes(2000),
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "an unknown kind of address": b"\5\0\5\0\0\x09" + bytes(300),
}


@asynccontextmanager
async def speaking(data: bytes | None) -> AsyncIterator[int]:
    """The port of somebody who says ``data`` and then no more; None: who says nothing, and stays."""
    over = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(1)
            if data is not None:
                writer.write(data)
                writer.write_eof()
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(speak, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.wait_for(over.wait(), 60)


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "http"])
@pytest.mark.parametrize("what", NONSENSE)
async def test_a_proxy_that_speaks_nonsense(openssh_server: PeerServer, scheme: str, what: str) -> None:
    async with speaking(NONSENSE[what]) as port:
        with pytest.raises(errors.ProxyError, match=f"proxy {scheme}://{HOST}:{port}") as caught:
            await reach(openssh_server, proxy=f"{scheme}://{HOST}:{port}")
        assert len(str(caught.value)) < 1000


async def test_a_proxy_that_says_nothing(openssh_server: PeerServer) -> None:
    async with speaking(None) as port:
        with pytest.raises(errors.DeadlineExceeded, match="asking the proxy") as caught:
            await reach(openssh_server, proxy=f"socks5://{HOST}:{port}", connect_timeout=1)
        assert caught.value.via == f"socks5://{HOST}:{port}"
