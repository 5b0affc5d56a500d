"""Who opens a connection of a pool, who shares it, and when it ends, in every order of coming and going."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool


class Opened:
    """What the pool uses of a connection."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


class Host:
    """A host that counts its connections."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.fails = 0

    async def connect(self) -> Opened:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise ConnectionRefusedError
        self.opened.append(Opened())
        return self.opened[-1]


async def test_one_that_comes_while_another_enters_shares_its_connection() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()

    async def there_and_back() -> None:
        (await pool.lease("one", host.connect)).release()

    leaving = asyncio.create_task(there_and_back())
    entering = asyncio.create_task(pool.lease("one", host.connect))
    await leaving  # its connection closes, and the next one opens another
    late = await pool.lease("one", host.connect)
    assert len(host.opened) == 2
    assert late.connection is (await entering).connection is host.opened[1]


async def test_after_a_failure_the_next_one_tries_and_nothing_is_left() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()
    host.fails = 1
    failed, lease = await asyncio.gather(*(pool.lease("one", host.connect) for _ in range(2)), return_exceptions=True)
    assert isinstance(failed, ConnectionRefusedError)
    assert not isinstance(lease, BaseException)
    closing = lease.release()
    assert closing is not None
    await closing
    assert host.opened[0].closed
    host.fails = 1
    with pytest.raises(ConnectionRefusedError):
        await pool.lease("one", host.connect)
    assert (pool._turns, pool._shared) == ({}, [])  # private: what is forgotten there is seen nowhere else


async def test_one_that_is_stopped_while_it_connects_leaves_the_turn_to_the_next() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()
    stuck = asyncio.create_task(pool.lease("one", asyncio.get_running_loop().create_future))
    waiting = asyncio.create_task(pool.lease("one", host.connect))
    await asyncio.sleep(0)
    stuck.cancel()
    assert (await waiting).connection is host.opened[0]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_last_lease_closes_in_whatever_order_they_are_released(order: tuple[int, ...]) -> None:
    told: list[list[str]] = []
    pool: ConnectionPool[Opened] = ConnectionPool(lambda connection, holders: told.append(holders))
    host = Host()
    names = ("a cell", "a terminal", "a jump to far")
    leases = [await pool.lease("one", host.connect, name) for name in names]
    assert [lease.opened for lease in leases] == [True, False, False]
    assert pool.holders(host.opened[0]) == list(names)
    *first, last = order
    for number in first:
        assert leases[number].release() is None
        assert leases[number].release() is None  # again counts once
        assert leases[number].released
        assert pool.connections() == host.opened
    assert told[:3] == [list(names[:1]), list(names[:2]), list(names)]
    assert told[-1] == [names[last]]
    closing = leases[last].release()
    assert closing is not None
    assert told[-1] == []
    assert len(told) == 6
    assert pool.connections() == []
    await closing
    assert leases[last].release() is closing
    assert host.opened[0].closed


async def test_a_lost_connection_is_shared_no_more_and_stays_with_those_who_hold_it() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()
    old = await pool.lease("one", host.connect)
    host.opened[0].closed = True
    assert pool.share(host.opened[0]) is None
    new = await pool.lease("one", host.connect)
    assert (old.connection, new.connection) == tuple(host.opened)
    old.release()
    assert pool.connections() == [new.connection]


async def test_a_fresh_one_is_another_and_the_next_lease_shares_it() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()
    first = await pool.lease("one", host.connect)
    second = await pool.lease("one", host.connect, fresh=True)
    assert first.connection is not second.connection
    assert (await pool.lease("one", host.connect)).connection is second.connection
    assert (await pool.lease("two", host.connect)).connection is host.opened[2]


async def test_a_withdrawn_one_stays_with_its_holders_and_goes_to_nobody_else() -> None:
    pool: ConnectionPool[Opened] = ConnectionPool()
    host = Host()
    first, second = [await pool.lease("one", host.connect) for _ in range(2)]
    first.withdraw()
    assert pool.find("one") is None
    assert pool.share(first.connection) is None
    third = await pool.lease("one", host.connect)
    assert third.connection is host.opened[1]
    assert first.release() is None
    closing = second.release()
    assert closing is not None
    await closing
    assert [opened.closed for opened in host.opened] == [True, False]
