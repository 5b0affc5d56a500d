"""One client doing one thing once, in a process of its own: ``_clients.py CLIENT TASK JSON``.

Prints what it took as JSON.  Run by the benchmarks, not by people.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

READ = 256 * 1024
WRITE = 256 * 1024

Request = dict[str, Any]
Report = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """The module it is in, how it connects, and what it can do on a connection; each task gives the bytes it moved."""

    module: str
    connection: Callable[[Request], contextlib.AbstractAsyncContextManager[Any]]
    tasks: Mapping[str, Callable[[Any, int], Awaitable[int]]]


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def measured(report: Report, prefix: str = "") -> Iterator[None]:
    """Adds ``wall`` and ``cpu`` of the block to the report: seconds."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    yield
    report[f"{prefix}wall"] = time.perf_counter() - wall
    report[f"{prefix}cpu"] = cpu_seconds() - cpu


def command(task: str, size: int) -> str:
    """What runs on the server."""
    return "cat > /dev/null" if task == "upload" else f"head -c {size} /dev/zero"


# --- what each client does: an open connection, then a task on it; Paramiko blocks, which harms nobody here -----------


async def ours_download(connection: Any, size: int) -> int:
    """Reads and drops."""
    process = await connection.start(command("download", size))
    count = 0
    while data := await process.stdout.read(READ):
        count += len(data)
    await process.wait()
    return count


async def ours_run(connection: Any, size: int) -> int:
    """Collects all."""
    return len((await connection.run(command("download", size))).stdout)


async def ours_upload(connection: Any, size: int) -> int:
    """Writes as the channel takes it."""
    process = await connection.start(command("upload", size))
    data = bytes(WRITE)
    for _ in range(size // WRITE):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.write_eof()
    assert (await process.wait()).exit_status == 0
    return size


async def ours_true(connection: Any, size: int) -> int:
    """Runs nothing."""
    assert (await connection.run("true")).exit_status == 0
    return size


@contextlib.asynccontextmanager
async def ours_connection(request: Request) -> AsyncIterator[Any]:
    """Our client, without the person's configuration."""
    from jupyter_ssh.ssh import connect

    async with connect(f"{request['user']}@{request['host']}", **ours_options(request)) as connection:
        yield connection


def ours_options(request: Request) -> dict[str, Any]:
    """The options of our `connect`."""
    chosen = {"ciphers": [request["cipher"]], "macs": [request["mac"]]} if request.get("cipher") else {}
    if request.get("kex"):
        chosen["kex_algorithms"] = [request["kex"]]
    return {
        "port": request["port"],
        "config": "none",
        "known_hosts": request["known_hosts"],
        "identity_file": request["key"],
        **chosen,
    }


async def asyncssh_download(connection: Any, size: int) -> int:
    """Reads and drops."""
    async with connection.create_process(command("download", size), encoding=None) as process:
        count = 0
        while data := await process.stdout.read(READ):
            count += len(data)
    return count


async def asyncssh_run(connection: Any, size: int) -> int:
    """Collects all."""
    return len((await connection.run(command("download", size), encoding=None)).stdout)


async def asyncssh_upload(connection: Any, size: int) -> int:
    """Writes as the channel takes it."""
    async with connection.create_process(command("upload", size), encoding=None) as process:
        data = bytes(WRITE)
        for _ in range(size // WRITE):
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()
        assert (await process.wait()).exit_status == 0
    return size


async def asyncssh_true(connection: Any, size: int) -> int:
    """Runs nothing."""
    assert (await connection.run("true")).exit_status == 0
    return size


@contextlib.asynccontextmanager
async def asyncssh_connection(request: Request) -> AsyncIterator[Any]:
    """AsyncSSH, without the person's configuration and agent."""
    import asyncssh

    chosen = {"encryption_algs": [request["cipher"]], "mac_algs": [request["mac"]]} if request.get("cipher") else {}
    if request.get("kex"):
        chosen["kex_algs"] = [request["kex"]]
    async with asyncssh.connect(
        request["host"],
        request["port"],
        username=request["user"],
        client_keys=[request["key"]],
        known_hosts=request["known_hosts"],
        agent_path=None,
        config=None,
        **chosen,
    ) as connection:
        yield connection


async def paramiko_download(connection: Any, size: int) -> int:
    """Reads and drops."""
    channel = connection.get_transport().open_session()
    channel.exec_command(command("download", size))
    count = 0
    while data := channel.recv(READ):
        count += len(data)
    channel.close()
    return count


async def paramiko_run(connection: Any, size: int) -> int:
    """Collects all."""
    _, stdout, _ = connection.exec_command(command("download", size))
    return len(stdout.read())


async def paramiko_upload(connection: Any, size: int) -> int:
    """Writes as the channel takes it."""
    channel = connection.get_transport().open_session()
    channel.exec_command(command("upload", size))
    data = bytes(WRITE)
    for _ in range(size // WRITE):
        channel.sendall(data)
    channel.shutdown_write()
    assert channel.recv_exit_status() == 0
    return size


async def paramiko_true(connection: Any, size: int) -> int:
    """Runs nothing."""
    channel = connection.get_transport().open_session()
    channel.exec_command("true")
    assert channel.recv_exit_status() == 0
    channel.close()
    return size


@contextlib.asynccontextmanager
async def paramiko_connection(request: Request) -> AsyncIterator[Any]:
    """Paramiko, without agent and other keys."""
    import paramiko

    def transport(*args: Any, **kwargs: Any) -> Any:
        made = paramiko.Transport(*args, **kwargs)
        options = made.get_security_options()
        if request.get("cipher"):
            options.ciphers = (request["cipher"],)
            options.digests = (request["mac"],)
        if request.get("kex"):
            options.kex = tuple(name for name in options.kex if name.startswith(request["kex"]))
        return made

    client = paramiko.SSHClient()
    client.load_host_keys(request["known_hosts"])
    client.connect(
        request["host"],
        request["port"],
        username=request["user"],
        key_filename=request["key"],
        allow_agent=False,
        look_for_keys=False,
        transport_factory=transport,
    )
    try:
        yield client
    finally:
        client.close()


CLIENTS: dict[str, Client] = {
    "ours": Client(
        "jupyter_ssh.ssh.client",
        ours_connection,
        {"download": ours_download, "run": ours_run, "upload": ours_upload, "true": ours_true},
    ),
    "asyncssh": Client(
        "asyncssh",
        asyncssh_connection,
        {"download": asyncssh_download, "run": asyncssh_run, "upload": asyncssh_upload, "true": asyncssh_true},
    ),
    "paramiko": Client(
        "paramiko",
        paramiko_connection,
        {"download": paramiko_download, "run": paramiko_run, "upload": paramiko_upload, "true": paramiko_true},
    ),
}


# --- how a task is run ------------------------------------------------------------------------------------------------


async def once(client: Client, task: str, request: Request) -> Report:
    """One connection, and one task on it, after another connection has loaded what is loaded at first use."""
    size = request.get("size", 0)
    report: Report = {}
    async with client.connection(request) as connection:
        await client.tasks["true"](connection, 0)
    with measured(report, "connect_"):
        opening = client.connection(request)
        connection = await opening.__aenter__()
    with measured(report):
        count = await client.tasks[task](connection, size)
    await opening.__aexit__(None, None, None)
    assert count == size, f"{count} bytes, not {size}"
    return report


async def latency(client: Client, task: str, request: Request) -> Report:
    """Connecting and one task, and the task alone, some times over: seconds of each."""
    report: Report = {"fresh": [], "fresh_cpu": [], "warm": [], "wall": 0.0, "cpu": 0.0}
    times = request["times"]
    for number in range(times + 1):
        fresh: Report = {}
        with measured(fresh):
            opening = client.connection(request)
            connection = await opening.__aenter__()
            await client.tasks[task](connection, 0)
        if number == 0:  # loads what is loaded at first use
            report["first"] = time.perf_counter() - request["began"]
        else:
            report["fresh"].append(fresh["wall"])
            report["fresh_cpu"].append(fresh["cpu"])
            for _ in range(times):
                warm: Report = {}
                with measured(warm):
                    await client.tasks[task](connection, 0)
                report["warm"].append(warm["wall"])
        await opening.__aexit__(None, None, None)
    return report


def beside_a_busy_cell(name: str, task: str, request: Request) -> Report:
    """The task in another thread while the main thread, where cells run, computes in pure Python."""
    if name == "ours":
        return _ours_beside_a_busy_cell(task, request)
    report: Report = {}
    thread = threading.Thread(target=lambda: report.update(asyncio.run(once(CLIENTS[name], task, request))))
    thread.start()
    _compute(thread.is_alive)
    return report


def _ours_beside_a_busy_cell(task: str, request: Request) -> Report:
    """On the engine of the kernel, whose loop is in a thread of its own."""
    import jupyter_ssh
    from jupyter_ssh.kernel.engine import get_engine
    from jupyter_ssh.kernel.faces.face import behind

    connection = jupyter_ssh.connect(f"{request['user']}@{request['host']}", **ours_options(request))
    report: Report = {}

    async def work() -> int:
        with measured(report):
            return await CLIENTS["ours"].tasks[task](behind(connection), request["size"])

    running = get_engine().submit(work)
    _compute(lambda: not running.done())
    assert running.result() == request["size"]
    connection.close()
    return report


def _compute(go_on: Callable[[], bool]) -> None:
    total = 0
    while go_on():
        for number in range(2000):
            total += number * number % 7


def main() -> None:
    """The command line."""
    name, task, text = sys.argv[1:]
    request = {**json.loads(text), "began": time.perf_counter()}
    client = CLIENTS[name]
    importlib.import_module(client.module)
    if request.get("way") == "busy":
        report = beside_a_busy_cell(name, task, request)
    else:
        report = asyncio.run((latency if request.get("way") == "latency" else once)(client, task, request))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
