"""The group that a server names is tested in a thread: the loop, and with it all other connections, goes on."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_ssh.ssh.crypto.key_agreement.dh_groups import is_safe_prime
from jupyter_ssh.ssh.protocol.handshake import group_exchange
from tests.pair.pairing import GROUP_EXCHANGE, SMALL_GROUP, allow_small_groups
from tests.support.embedded import embedded_in_loop
from tests.unit.client.conftest import reach

SECONDS = 60


async def test_the_loop_goes_on_while_a_group_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_small_groups(monkeypatch)
    moduli = tmp_path / "moduli"
    moduli.write_text(f"20220714110357 2 6 100 {SMALL_GROUP.bits - 1} {SMALL_GROUP.g} {SMALL_GROUP.p:X}\n")
    begun, end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))

    def slowly(p: int) -> bool:
        """The test itself, which ends when the loop says so."""
        loop.call_soon_threadsafe(begun.set)
        return end.wait(SECONDS) and is_safe_prime(p)

    monkeypatch.setattr(group_exchange, "is_safe_prime", slowly)
    async with embedded_in_loop(tmp_path / "server", moduli=moduli, kex_algorithms=GROUP_EXCHANGE) as server:
        connecting = asyncio.ensure_future(connected(server))
        await asyncio.wait_for(begun.wait(), SECONDS)
        assert not connecting.done()
        # What looks names up and reads files is free, for others.
        assert await asyncio.wait_for(asyncio.to_thread(int), SECONDS) == 0
        end.set()
        assert await connecting == "through\n"


async def connected(server: object) -> str:
    async with reach(server, kex_algorithms=GROUP_EXCHANGE) as connection:
        return (await connection.run("echo through")).text
