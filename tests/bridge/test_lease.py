"""The server's lease on the host process, while one process ends and the next one begins."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.bridge import host_process
from jupyter_ssh.bridge.host_process import HostProcess
from jupyter_ssh.bridge.relay import OnEnd, OnFrame, PlaceConnection
from jupyter_ssh.pages.rendezvous import (
    FOLDER,
    HOST_PLACE,
    PlaceFile,
    end_host,
    new_token,
    private_folder,
    publish,
    read_place,
)


async def test_a_lease_is_not_kept_if_the_process_ended_right_after_its_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def connect(file: PlaceFile, purpose: bytes, on_frame: OnFrame, on_end: OnEnd) -> PlaceConnection:
        nonlocal asked
        asked += 1
        if asked == 1:
            on_end(None)
        return PlaceConnection(file, purpose, on_frame, on_end)

    monkeypatch.setattr(host_process, "connect_place", connect)
    publish(private_folder(tmp_path), PlaceFile(HOST_PLACE, "", 1, os.getpid(), platform.node(), new_token()))
    host = HostProcess(tmp_path)
    await host.adopt()
    await host.adopt()
    assert asked == 2
    await host.adopt()
    assert asked == 2, "the second lease is kept"


async def test_another_process_is_started_once_an_old_one_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    lock = open(private_folder(tmp_path) / "host.lock", "ab")  # noqa: SIM115 - closed when the old process has ended
    fcntl.flock(lock, fcntl.LOCK_EX)
    started: asyncio.Queue[subprocess.Popen[bytes]] = asyncio.Queue()
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = popen(*arguments, **options)
        started.put_nowait(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    ensured = asyncio.create_task(HostProcess(tmp_path).ensure())
    first = await started.get()
    assert await asyncio.to_thread(first.wait) == 0, "the old process has not ended yet"
    lock.close()
    await ensured
    place = read_place(tmp_path / FOLDER, HOST_PLACE)
    assert place is not None
    later = [started.get_nowait() for _ in range(started.qsize())]
    [second] = [process for process in later if process.pid == place.pid]
    end_host(tmp_path)
    assert await asyncio.to_thread(second.wait) == 0
