"""A link that goes silent, and a machine that wakes up: both are noticed, and told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.net import driver, wake
from tests.peers.client_support import reach
from tests.support.embedded import EmbeddedServer, embedded_in_loop
from tests.support.network.relay import Relay, relay

SECONDS = 30


@pytest.fixture
async def link(embedded: EmbeddedServer) -> AsyncIterator[Relay]:
    async with relay(embedded.port) as link:
        yield link


@pytest.fixture
async def embedded(tmp_path: Any) -> AsyncIterator[EmbeddedServer]:
    async with embedded_in_loop(tmp_path / "embedded") as server:
        yield server


def over(link: Relay, server: EmbeddedServer, **options: Any) -> Any:
    return reach(server, port=link.port, host_key_alias=f"[{server.host}]:{server.port}", **options)


def hours_later(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = wake.seconds
    monkeypatch.setattr(wake, "seconds", lambda: seconds() + 3 * 3600)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "PERIOD", 0.02)


async def test_keepalive_notices_a_link_that_drops_everything(embedded: EmbeddedServer, link: Relay) -> None:
    async with over(link, embedded, server_alive_interval=1, server_alive_count_max=1) as connection:
        process = await connection.start("cat")
        link.silent = True
        with pytest.raises(errors.ConnectionLost) as caught:
            await asyncio.wait_for(process.stdout.read(), SECONDS)
    silence = re.fullmatch(r"silence for about (\d+) s", caught.value.received)
    assert silence is not None
    assert int(silence[1]) >= 2
    assert connection.closed_because is caught.value
    assert connection.ended_at is not None


async def test_a_link_that_is_well_outlives_the_sleep(
    embedded: EmbeddedServer, link: Relay, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    async with over(link, embedded) as connection:
        asked = asyncio.Event()
        woke = connection.channel_host.session.woke_up

        def woken(*times: float) -> None:
            woke(*times)
            asked.set()

        monkeypatch.setattr(connection.channel_host.session, "woke_up", woken)
        hours_later(monkeypatch)
        await asyncio.wait_for(asked.wait(), SECONDS)
        assert (await connection.run("echo awake")).stdout == b"awake\n"
        assert not connection.closed


async def test_a_link_that_died_meanwhile_is_told_of_soon_after_waking(
    embedded: EmbeddedServer, link: Relay, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    monkeypatch.setattr(driver, "PROBE_SECONDS", 0.2)
    async with over(link, embedded) as connection:  # no ServerAliveInterval
        link.silent = True
        hours_later(monkeypatch)
        await asyncio.wait_for(connection.wait_closed(), SECONDS)
        error = connection.closed_because
    assert isinstance(error, errors.ConnectionLost)
    assert error.advice == "slept"
    assert error.received == "silence, after a sleep of about 3 h"


async def test_nobody_is_watched_once_connections_are_closed(embedded: EmbeddedServer, link: Relay) -> None:
    watch = wake.wake_watch()
    async with over(link, embedded):
        # Nobody but the watch knows for whom it watches, and whether it has a timer.
        assert len(watch._heard_by) == 2  # the server of this test lives in the same loop
        assert watch._timer is not None  # it looks
    while watch._heard_by:  # until the last goodbye
        await asyncio.sleep(0)
    assert watch._timer is None  # and looks no more
