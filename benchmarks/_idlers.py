"""Connections that idle, in a process of their own: ``_idlers.py ROLE WHOSE JSON``.

Reads a command a line, JSON, and answers each with a line: ``["open", n]`` opens n connections, runs ``true`` on each
and keeps them; ``["measure"]`` says what the process holds.  Run by `idle`, not by people.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

sys.path[0] = str(Path(__file__).resolve().parents[1])

AT_ONCE = 10
"""How many are opened side by side."""

SETTLING = 1.0
"""Seconds after which the last messages have come and the last children are reaped."""

Request = dict[str, Any]
Open = Callable[[], Awaitable[Any]]


async def ours_client(request: Request) -> Open:
    """Opens connections of ours."""
    from jupyter_ssh.ssh import connect

    async def open_one() -> Any:
        connection = await connect(
            f"{request['user']}@{request['host']}",
            port=request["port"],
            config="none",
            known_hosts=request["known_hosts"],
            identity_file=request["key"],
            kex_algorithms=[request["kex"]],
        )
        assert (await connection.run("true")).exit_status == 0
        return connection

    return open_one


async def asyncssh_client(request: Request) -> Open:
    """Opens connections of AsyncSSH's."""
    import asyncssh

    async def open_one() -> Any:
        connection = await asyncssh.connect(
            request["host"],
            request["port"],
            username=request["user"],
            client_keys=[request["key"]],
            known_hosts=request["known_hosts"],
            kex_algs=[request["kex"]],
            agent_path=None,
            config=None,
        )
        assert (await connection.run("true")).exit_status == 0
        return connection

    return open_one


async def ours_server(request: Request) -> int:
    """Listens; the port."""
    from jupyter_ssh.ssh import listen

    server = await listen(
        "127.0.0.1",
        0,
        host_keys=[request["host_key"]],
        authorized_keys=request["authorized_keys"],
        kex_algorithms=[request["kex"]],
    )
    KEPT.append(server)
    return server.port


async def asyncssh_server(request: Request) -> int:
    """Listens; the port."""
    import asyncssh

    async def run(process: Any) -> None:
        child = await asyncio.create_subprocess_shell(process.command)
        process.exit(await child.wait())

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[request["host_key"]],
        authorized_client_keys=request["authorized_keys"],
        kex_algs=[request["kex"]],
        process_factory=run,
        config=None,
    )
    KEPT.append(server)
    return int(server.get_port())


CLIENTS = {"ours": ours_client, "asyncssh": asyncssh_client}
SERVERS = {"ours": ours_server, "asyncssh": asyncssh_server}

KEPT: list[Any] = []
"""What must not be collected."""


async def open_many(open_one: Open, count: int) -> None:
    """Opens so many connections, a few at a time."""
    for start in range(0, count, AT_ONCE):
        KEPT.extend(await asyncio.gather(*(open_one() for _ in range(start, min(start + AT_ONCE, count)))))


async def held() -> dict[str, int]:
    """Bytes that the process holds of the system, and of those that Python counts where it traces them."""
    await asyncio.sleep(SETTLING)
    for _ in range(3):
        gc.collect()
    traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    return {"rss": psutil.Process().memory_info().rss, "traced": traced}


async def obey(role: str, whose: str, request: Request) -> None:
    """Does what comes on stdin until it ends."""
    loop = asyncio.get_running_loop()
    open_one = await CLIENTS[whose](request) if role == "client" else None
    answer: Any = None if open_one else await SERVERS[whose](request)
    if request.get("trace"):
        tracemalloc.start(request.get("frames", 1))
    while True:
        print(json.dumps(answer), flush=True)
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        command, *arguments = json.loads(line)
        if command == "open":
            assert open_one is not None
            await open_many(open_one, *arguments)
            answer = len(KEPT)
        else:
            answer = await held()


def main() -> None:
    """The command line."""
    role, whose, text = sys.argv[1:]
    asyncio.run(obey(role, whose, json.loads(text)))


if __name__ == "__main__":
    main()
