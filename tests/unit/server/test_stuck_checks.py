"""A check that hangs, of a key or a password, holds up nothing else, and ends for the one who waits for it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.errors import AuthenticationError
from jupyter_ssh.ssh.server.logins import authentication
from jupyter_ssh.ssh.server.logins.file_memory import KEY_CHECKS
from jupyter_ssh.ssh.server.logins.key_logins import KeyLogins
from tests.support.embedded import EmbeddedServer, embedded_in_loop

SECONDS = 60


class Hung:
    """A disk or a service in the network that answers nothing until `again`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.again = threading.Event()

    def wait(self) -> None:
        self.loop.call_soon_threadsafe(self.begun.set)
        self.again.wait(SECONDS)


@pytest.fixture
async def hung() -> Any:
    made = Hung()
    made.loop.set_default_executor(ThreadPoolExecutor(1))
    yield made
    made.again.set()


@pytest.fixture
def hung_disk(hung: Hung, monkeypatch: pytest.MonkeyPatch) -> Hung:
    """authorized_keys is on it.  No real file can be made that hangs: a FIFO is not read."""
    judge = KeyLogins.judge

    def slowly(self: KeyLogins, *what: Any) -> Any:
        hung.wait()
        return judge(self, *what)

    monkeypatch.setattr(KeyLogins, "judge", slowly)
    return hung


def reach(server: EmbeddedServer, **options: Any) -> Any:
    """`connect` to the server."""
    given = {"port": server.port, "config": "none", "known_hosts": server.known_hosts, "batch_mode": True}
    return connect(f"{server.user}@{server.host}", **{**given, "identity_file": server.client_key, **options})


async def enter(server: EmbeddedServer, **options: Any) -> str:
    async with reach(server, **options) as connection:
        return (await connection.run("echo in")).text


async def test_a_key_check_that_hangs_leaves_threads_for_others(tmp_path: Path, hung_disk: Hung) -> None:
    async with embedded_in_loop(tmp_path / "server") as server:
        entering = asyncio.ensure_future(enter(server))
        await asyncio.wait_for(hung_disk.begun.wait(), SECONDS)
        assert await asyncio.wait_for(asyncio.to_thread(int), SECONDS) == 0
        assert not entering.done()
        hung_disk.again.set()
        assert await asyncio.wait_for(entering, SECONDS) == "in\n"


async def test_a_key_check_has_a_deadline(tmp_path: Path, hung_disk: Hung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "KEY_CHECK_SECONDS", 0.1)
    async with embedded_in_loop(tmp_path / "server") as server:
        for _ in range(KEY_CHECKS + 1):  # also when all threads are stuck
            with pytest.raises(AuthenticationError):
                await asyncio.wait_for(enter(server), SECONDS)
        hung_disk.again.set()
        monkeypatch.setattr(authentication, "KEY_CHECK_SECONDS", SECONDS)
        assert await asyncio.wait_for(enter(server), SECONDS) == "in\n"


async def test_a_password_check_that_hangs_leaves_threads_for_others(tmp_path: Path, hung: Hung) -> None:
    def check(user: str, password: str) -> bool:
        hung.wait()
        return password == "right"

    async with embedded_in_loop(tmp_path / "server", passwords=check) as server:
        entering = asyncio.ensure_future(enter(server, identity_file="none", password="right", batch_mode=False))
        await asyncio.wait_for(hung.begun.wait(), SECONDS)
        assert await asyncio.wait_for(asyncio.to_thread(int), SECONDS) == 0
        hung.again.set()
        assert await asyncio.wait_for(entering, SECONDS) == "in\n"
