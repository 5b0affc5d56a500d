"""Terminals of our server, used by the clients of others."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncssh
import psutil
import pytest

from tests.peers.server_support import TIMEOUT, asyncssh_client, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.peers import require_tool
from tests.support.processes import wait_until


async def until(process: Any, pattern: str, seen: str = "") -> str:
    """Reads output until it holds ``pattern``."""

    async def read() -> str:
        nonlocal seen
        while re.search(pattern, seen) is None:
            data = await process.stdout.read(65536)
            assert data, f"ended before {pattern}: {seen!r}"
            seen += data
        return seen

    return await asyncio.wait_for(read(), TIMEOUT)


def terminal(connection: Any, command: str | None = None, **options: Any) -> Any:
    settings: dict[str, Any] = {"term_type": "xterm-256color", "term_size": (100, 30), "errors": "replace", **options}
    return connection.create_process(command, **settings)


def test_ssh_gets_a_terminal(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    command = "tty; echo $SSH_TTY $TERM; stty -a; exit 3"
    done = ssh(embedded_server, peer_clients, command, "-tt").run()
    assert done.returncode == 3
    lines = done.stdout.decode().split("\r\n")
    assert lines[0].startswith("/dev/")
    assert lines[1] == f"{lines[0]} xterm-256color"


def test_plink_gets_a_terminal(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    server = embedded_server
    done = peer_clients.plink(
        server.host,
        server.port,
        server.user,
        "tty && exit 6",
        known_hosts=server.known_hosts,
        identity=server.identity,
        options=["-t"],
    ).run()
    assert done.returncode == 6
    assert done.stdout.startswith(b"/dev/")


async def test_size_and_resizing(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection, "trap 'stty size' WINCH; stty size; while :; do sleep 0.02; done")
        await until(process, r"30 100\r\n")
        process.change_terminal_size(132, 50)
        await until(process, r"50 132\r\n")
        process.close()


async def test_a_login_shell(embedded_server: EmbeddedServer) -> None:
    (embedded_server.home / ".profile").write_text("echo the profile was read\n")
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection)
        process.stdin.write('PS1=; echo "name=$0 shlvl=$SHLVL"; exit 7\n')
        text = await until(process, r"name=-bash shlvl=1\r\n")
        assert "the profile was read" in text
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert process.exit_status == 7


async def test_interrupt_by_key_by_signal_and_by_break(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        for interrupt in ("key", "signal", "break"):
            process = await terminal(connection)
            process.stdin.write('PS1=; stty brkint -ignbrk; echo rea""dy; sleep 1000\n')
            await until(process, r"ready\r\n")
            child = psutil.Process().children(recursive=True)
            wait_until(lambda: any("sleep" in c.name() for c in psutil.Process().children(recursive=True)), "sleep")
            assert child
            if interrupt == "key":
                process.stdin.write("\x03")
            elif interrupt == "signal":
                process.send_signal("INT")
            else:
                process.send_break(200)
            process.stdin.write("echo status=$?; exit 0\n")
            await until(process, r"status=130\r\n")
            await asyncio.wait_for(process.wait_closed(), TIMEOUT)
            assert process.exit_status == 0


def test_the_end_of_input_ends_what_reads_the_terminal(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    done = ssh(embedded_server, peer_clients, "stty -echo; cat; echo end; exit 5", "-tt").run(b"one\ntwo")
    assert done.returncode == 5
    assert done.stdout.endswith(b"one\r\ntwoend\r\n")


async def test_modes_of_the_client(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        modes = {asyncssh.PTY_ECHO: 0, asyncssh.PTY_VINTR: 24, asyncssh.PTY_OP_OSPEED: 19200}
        process = await terminal(connection, "stty -a", term_modes=modes)
        text = await until(process, r"(?s)-echo .*")
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert "intr = ^X" in text
        assert "speed 19200" in text


async def test_a_full_screen_editor(embedded_server: EmbeddedServer) -> None:
    vim = require_tool("vim", "vim")
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection, f"{vim} -u NONE -N notes.txt")
        text = await until(process, r"\x1b\[\?1049h")  # the alternate screen
        await until(process, "notes.txt", text)
        process.stdin.write("ihello from vim\x1b")
        await until(process, "hello from vim")
        process.change_terminal_size(60, 10)
        # The whole screen again, with the status line on its last row.
        await until(process, r"\x1b\[10;1H")
        process.stdin.write(":wq\r")
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert process.exit_status == 0
    assert (embedded_server.home / "notes.txt").read_text() == "hello from vim\n"


async def test_a_pager(embedded_server: EmbeddedServer) -> None:
    less = require_tool("less", "less")
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection, f"seq 1 5000 | {less}")
        await until(process, r"\b29\b")
        process.stdin.write("G")
        await until(process, r"\b5000\b")
        process.stdin.write("q")
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert process.exit_status == 0


async def test_htop_draws(embedded_server: EmbeddedServer) -> None:
    htop = require_tool("htop", "htop")
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection, htop)
        await until(process, r"F10")
        process.stdin.write("q")
        await asyncio.wait_for(process.wait_closed(), TIMEOUT)
        assert process.exit_status == 0


async def test_much_output_is_complete(embedded_server: EmbeddedServer) -> None:
    async with asyncssh_client(embedded_server) as connection:
        process = await terminal(connection, "seq 1 200000; exit 4")
        text, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        assert process.exit_status == 4
        assert text.split() == [str(number) for number in range(1, 200_001)]


async def test_a_terminal_can_be_forbidden(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(permit_tty=False)
    async with asyncssh_client(server) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await terminal(connection, "tty")
        assert (await connection.run("echo plain", timeout=TIMEOUT)).stdout == "plain\n"
