"""The server's lease on the host process, while one process ends and the next one begins."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from jupyter_ssh.bridge import host_process
from jupyter_ssh.bridge.host_process import HostProcess
from jupyter_ssh.bridge.relay import OnEnd, OnFrame, PlaceConnection
from jupyter_ssh.pages.rendezvous import HOST_PLACE, PlaceFile, new_token, private_folder, publish


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
