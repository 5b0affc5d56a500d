"""The socket of a lent agent, at the edges that no client reaches on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.forwarding.agent_socket import AgentSocket


class Ending:
    """A connection that ends in the same turn of the loop: what it has started never begins."""

    peer = "somebody"

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.task = asyncio.get_running_loop().create_task(work)
        self.task.cancel()
        return self.task


async def test_nothing_is_left_of_a_socket_whose_connection_ends_at_once() -> None:
    connection = Ending()
    made = AgentSocket(cast(ChannelHost, connection))
    folder = Path(made.path).parent
    assert folder.is_dir()
    await asyncio.wait([connection.task])
    await asyncio.sleep(0)
    assert not folder.exists()
