"""Who connects to a jump host, and when the connection ends, in every order of coming and going."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyter_ssh.ssh.client.pool.jump_hosts import JumpHosts


class Opened:
    """What the pool uses of a connection."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


class Jump:
    """A jump host that counts its connections."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.fails = 0

    async def connect(self) -> Any:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise ConnectionRefusedError
        self.opened.append(Opened())
        return self.opened[-1]


async def test_one_that_comes_while_another_enters_shares_its_connection() -> None:
    pool, jump = JumpHosts(), Jump()

    async def there_and_back() -> None:
        (await pool.lease("one", jump.connect)).release()

    leaving = asyncio.create_task(there_and_back())
    entering = asyncio.create_task(pool.lease("one", jump.connect))
    await leaving  # its connection closes, and the next one opens another
    late = await pool.lease("one", jump.connect)
    assert len(jump.opened) == 2
    assert late.connection is (await entering).connection is jump.opened[1]


async def test_after_a_failure_the_next_one_tries_and_nothing_is_left() -> None:
    pool, jump = JumpHosts(), Jump()
    jump.fails = 1
    failed, lease = await asyncio.gather(*(pool.lease("one", jump.connect) for _ in range(2)), return_exceptions=True)
    assert isinstance(failed, ConnectionRefusedError)
    assert not isinstance(lease, BaseException)
    closing = lease.release()
    assert closing is not None
    await closing
    assert jump.opened[0].closed
    jump.fails = 1
    with pytest.raises(ConnectionRefusedError):
        await pool.lease("one", jump.connect)
    assert (pool._doors, pool._shared) == ({}, {})
