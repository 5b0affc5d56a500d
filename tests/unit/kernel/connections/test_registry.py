"""The registry: who shares a connection, how long it lives, and how a lost one comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.kernel.connections import registry
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import ENDED_SHOWN, Connections
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.ssh.client.pool.connection_pool import Lease
from jupyter_ssh.ssh.client.pool.leasing import lease_connection
from jupyter_ssh.ssh.errors import AuthenticationError, ConfigError, ConnectionClosed, ConnectionLost, SSHError
from tests.notebook.remotes import Remote
from tests.support.network.relay import Relay, relay

Login = dict[str, Any]


def lend(connections: Connections, remote: Remote, login: Login, holder: str = "a terminal", **how: Any) -> Lease:
    """As a terminal asks for a connection."""
    return get_engine().call(lambda: connections.lend_on_engine(remote.host, login, holder, **how))


def give_back(lease: Lease) -> None:
    async def on_engine() -> None:
        if (closing := lease.release()) is not None:
            await closing

    get_engine().call(on_engine)


async def lose(connections: Connections, connection: Connection, line: Relay) -> None:
    """Cut the line, and wait until the connection is lost."""
    entry = connections.entry(connection)
    assert entry is not None
    lost = entry.connection
    line.cut()
    await get_engine().wait(lost.wait_closed)
    assert isinstance(connection.closed_because, ConnectionLost)


async def elsewhere(call: Callable[[], Any]) -> Any:
    """The value of a blocking call, while the relay of the test goes on."""
    return await asyncio.to_thread(call)


# --- sharing ----------------------------------------------------------------------------------------------------------


def test_what_is_asked_for_again_gets_what_is_open(connections: Connections, remote: Remote, login: Login) -> None:
    first = connections.open(remote.host, login)
    again = connections.open(remote.host, login)
    other = connections.open(remote.host, {**login, "server_alive_interval": 99})
    assert again.connection is first.connection
    assert (first.new, again.new, other.new) == (True, False, True)
    assert connections.opened() == [first.connection, other.connection]
    assert connections.is_current(other.connection)


def test_what_comes_to_the_same_options_is_one_connection(
    connections: Connections, remote: Remote, login: Login
) -> None:
    first = connections.open(remote.host, login)
    same = connections.open(remote.host, {**login, "command_line": [("Port", str(remote.port))]})
    assert same.connection is first.connection
    assert not same.new
    assert len(connections.opened()) == 1


def test_the_connection_of_connect_is_its_owners_alone(connections: Connections, remote: Remote, login: Login) -> None:
    own = connections.open_own(remote.host, login)
    shared = connections.open(remote.host, login).connection
    assert own is not shared
    lease = lend(connections, remote, login)
    own.close()
    assert own.closed
    assert shared.run("echo on").stdout == b"on\n"
    give_back(lease)


def test_two_who_ask_at_once_share_one_login(connections: Connections, remote: Remote, login: Login) -> None:
    async def both() -> list[Lease]:
        asked = [connections.lend_on_engine(remote.host, login, f"terminal {number}") for number in range(3)]
        return await asyncio.gather(*asked)

    first, *others = get_engine().call(both)
    assert all(lease.connection is first.connection for lease in others)
    assert len(connections.opened()) == 1
    for lease in (first, *others):
        give_back(lease)
    assert connections.entries() == {}


def test_a_fresh_one_is_another(connections: Connections, remote: Remote, login: Login) -> None:
    first = lend(connections, remote, login)
    second = lend(connections, remote, login, fresh=True)
    assert first.connection is not second.connection
    assert len(connections.opened()) == 2
    for lease in (first, second):
        give_back(lease)


def test_a_jump_leads_through_the_persons_own_connection(
    connections: Connections, remote: Remote, login: Login
) -> None:
    block = (
        f"Host jump\n HostName {remote.host}\n Port {remote.port}\n User {remote.user}\n"
        f" HostKeyAlias [{remote.host}]:{remote.port}\n UserKnownHostsFile {remote.known_hosts}\n"
        f" IdentityFile {remote.client_key}\n"
        f"Host far\n HostName localhost\n ProxyJump jump\n"
    )
    config = remote.known_hosts.parent / "config"
    config.write_text(block + block.replace("Host jump", "Host far").split("Host far\n HostName localhost")[0])
    config.chmod(0o600)
    jump = connections.open("jump", {"config": str(config)}).connection
    far = connections.open("far", {"config": str(config)}).connection
    assert connections.holders(jump) == [f"a jump to {remote.user}@far:{remote.port}"]
    connections.close([jump])
    assert jump.closed
    with pytest.raises(ConnectionClosed, match="was closed"):
        jump.run("true")
    assert far.run("echo on").stdout == b"on\n"  # it needs the connection, and holds it
    connections.close([far])
    assert connections.entries() == {}


# --- how long it lives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(["person", "terminal", "another terminal"])))
def test_it_lives_as_long_as_somebody_holds_it(
    connections: Connections, remote: Remote, login: Login, order: tuple[str, ...]
) -> None:
    connection = connections.open(remote.host, login).connection
    leases = {name: lend(connections, remote, login, name) for name in order if name != "person"}
    [entry] = connections.entries()
    inner = entry.connection
    assert all(lease.connection is inner for lease in leases.values())
    left = set(order)
    for name in order:
        assert not inner.closed
        assert set(connections.holders(connection)) == left - {"person"}
        if name == "person":
            connection.close()
            assert connection.closed
        else:
            give_back(leases[name])
        left.remove(name)
        assert connection.closed == ("person" not in left)
    assert inner.closed
    assert inner.closed_because is None
    assert connections.entries() == {}


def test_a_magic_that_finds_a_terminals_connection_keeps_it(
    connections: Connections, remote: Remote, login: Login
) -> None:
    lease = lend(connections, remote, login)
    connection = connections.open(remote.host, login).connection
    give_back(lease)
    assert connection.run("echo on").stdout == b"on\n"


def test_what_the_person_has_closed_is_not_used_again(connections: Connections, remote: Remote, login: Login) -> None:
    first = connections.open(remote.host, login).connection
    lease = lend(connections, remote, login)
    connections.close([first])
    assert connections.opened() == []
    assert [entry.given_back for entry in connections.entries()] == [True]
    assert get_engine().call(lambda: share(connections, first)) is None
    second = connections.open(remote.host, login)
    assert second.new
    assert second.connection is not first
    assert lend(connections, remote, login).connection is not lease.connection
    give_back(lease)
    assert list(connections.entries().values()) == [second.connection]


async def share(connections: Connections, connection: Connection) -> Lease | None:
    return connections.share_on_engine(connection, "a test")


def test_closing_for_all_leaves_nothing_open(connections: Connections, remote: Remote, login: Login) -> None:
    connection = connections.open(remote.host, login).connection
    lease = lend(connections, remote, login)
    connections.close([connection], for_all=True)
    assert lease.connection.closed
    assert connections.entries() == {}
    give_back(lease)


def test_an_engine_that_stops_closes_all_and_the_next_one_begins_with_nothing(remote: Remote, login: Login) -> None:
    connections = Connections()
    connection = connections.open(remote.host, login).connection
    [entry] = connections.entries()
    get_engine().stop()
    assert entry.connection.closed_because is None
    assert entry.connection.closed
    assert connections.open(remote.host, login).connection is not connection
    assert len(connections.entries()) == 1
    connections.close(connections.opened())


# --- the current one, and names ---------------------------------------------------------------------------------------


def test_without_a_host_the_current_one_is_meant(connections: Connections, remote: Remote, login: Login) -> None:
    with pytest.raises(ConfigError, match="no current connection"):
        connections.current()
    first = connections.open(remote.host, login).connection
    second = connections.open(remote.host, {**login, "server_alive_interval": 99}).connection
    assert connections.current() is second
    connections.close([second])
    assert connections.current() is first
    first.close()
    with pytest.raises(ConnectionClosed, match="was closed"):  # not another one in its place
        connections.current()
    connections.close([first])


def test_the_only_open_connection_is_current_and_then_the_persons_too(
    connections: Connections, remote: Remote, login: Login
) -> None:
    lease = lend(connections, remote, login)
    connection = connections.current()
    give_back(lease)
    assert not connection.closed


def test_names_that_mean_a_connection(connections: Connections, remote: Remote, login: Login) -> None:
    connection = connections.open(remote.host, login).connection
    user, host, port = remote.user, remote.host, remote.port
    for name in (host, f"{user}@{host}", f"{user}@{host}:{port}", connection.name):
        assert connections.find(name) == [connection]
    assert connections.find("elsewhere") == []
    connections.close([connection])
    assert connections.find(host) == []


# --- what is said -----------------------------------------------------------------------------------------------------


def test_what_is_said_while_connecting_is_told_once(connections: Connections, remote: Remote, login: Login) -> None:
    told: list[str] = []
    known = remote.known_hosts.parent / "fresh_known_hosts"
    known.unlink(missing_ok=True)
    asking = {**login, "known_hosts": known, "strict_host_key_checking": "accept-new"}
    same = {**asking, "command_line": [("Port", str(remote.port))]}
    leases = [lend(connections, remote, options, tell=told.extend) for options in (asking, asking, same)]
    assert [str(known) in text for text in told] == [True]
    for lease in leases:
        give_back(lease)
    known.unlink()
    told.clear()
    refused = {**asking, "identity_file": "none", "preferred_authentications": "none"}
    with pytest.raises(AuthenticationError):
        lend(connections, remote, refused, tell=told.extend)
    assert [str(known) in text for text in told] == [True]
    assert connections.entries() == {}


# --- coming back ------------------------------------------------------------------------------------------------------


async def test_of_many_that_use_a_lost_connection_at_once_one_connects(
    connections: Connections, remote: Remote, login: Login, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port, "reconnect": True}
        connection = await connections.open_own_async(remote.host, options)
        await lose(connections, connection, line)
        blocking = [elsewhere(lambda: connection.run("echo back")) for _ in range(2)]
        awaited = [connection.aio.run("echo back") for _ in range(2)]
        results = await asyncio.gather(*awaited, *blocking)
        assert [result.stdout for result in results] == [b"back\n"] * 4
        assert line.connections == 2
        said = capsys.readouterr().err
        assert said.count("; the previous connection was lost at ") == 1
        await connection.aio.close()


async def test_of_magics_that_want_a_lost_one_again_one_connects(
    connections: Connections, remote: Remote, login: Login
) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port}
        connection = (await elsewhere(lambda: connections.open(remote.host, options))).connection
        await lose(connections, connection, line)
        with pytest.raises(ConnectionClosed, match="was lost at"):
            await elsewhere(connections.current)
        openings = await asyncio.gather(*(elsewhere(lambda: connections.open(remote.host, options)) for _ in range(3)))
        assert line.connections == 2
        assert len({id(opening.connection) for opening in openings}) == 1
        assert [opening.new for opening in openings].count(True) == 1
        [opening] = [opening for opening in openings if opening.new]
        assert opening.lost.startswith("lost at ")
        assert list(connections.entries().values()) == [opening.connection]
        await opening.connection.aio.close()


async def test_after_a_failure_the_next_use_tries_again(connections: Connections, remote: Remote, login: Login) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port, "reconnect": True}
        connection = await connections.open_own_async(remote.host, options)
        await lose(connections, connection, line)
        remote.known_hosts.rename(kept := remote.known_hosts.with_suffix(".kept"))
        try:
            with pytest.raises(SSHError):
                await connection.aio.run("true")
        finally:
            kept.rename(remote.known_hosts)
        assert (await connection.aio.run("echo back")).stdout == b"back\n"
        await connection.aio.close()


async def test_one_that_was_closed_does_not_come_back(connections: Connections, remote: Remote, login: Login) -> None:
    async with relay(remote.port) as line:
        connection = await connections.open_own_async(remote.host, {**login, "port": line.port, "reconnect": True})
        await lose(connections, connection, line)
        await connection.aio.close()
        assert connection.closed_because is None
        with pytest.raises(ConnectionClosed, match="was closed"):
            await connection.aio.run("true")
        assert line.connections == 1


async def test_one_that_is_closed_while_it_comes_back_is_not_left_open(
    connections: Connections, remote: Remote, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Lease] = []
    coming, closed = threading.Event(), asyncio.Event()

    async def held_up(*args: Any, **keywords: Any) -> Lease:
        made.append(await lease_connection(*args, **keywords))
        coming.set()
        await closed.wait()
        return made[-1]

    async with relay(remote.port) as line:
        connection = await connections.open_own_async(remote.host, {**login, "port": line.port, "reconnect": True})
        await lose(connections, connection, line)
        monkeypatch.setattr(registry, "lease_connection", held_up)
        running = asyncio.create_task(connection.aio.run("true"))
        await elsewhere(lambda: coming.wait(60))
        await connection.aio.close()
        get_engine().loop.call_soon_threadsafe(closed.set)
        with pytest.raises(ConnectionClosed, match="was closed"):
            await running
        await get_engine().wait(made[0].connection.wait_closed)
        assert made[0].connection.closed_because is None


async def test_lost_ones_are_shown_a_while(connections: Connections, remote: Remote, login: Login) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port}
        opened = [await connections.open_own_async(remote.host, options) for _ in range(ENDED_SHOWN + 2)]
        inner = [entry.connection for entry in connections.entries()]
        line.cut()
        for each in inner:
            await get_engine().wait(each.wait_closed)
        another = await connections.open_own_async(remote.host, options)
        assert list(connections.entries().values()) == [*opened[-ENDED_SHOWN:], another]
        await another.aio.close()


async def test_lost_ones_that_reconnect_are_kept(connections: Connections, remote: Remote, login: Login) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port}
        oldest = await connections.open_own_async(remote.host, {**options, "reconnect": True})
        for _ in range(ENDED_SHOWN):
            await connections.open_own_async(remote.host, options)
        inner = [entry.connection for entry in connections.entries()]
        line.cut()
        for each in inner:
            await get_engine().wait(each.wait_closed)
        another = await connections.open_own_async(remote.host, options)
        assert (await oldest.aio.run("echo back")).stdout == b"back\n"
        await oldest.aio.close()
        await another.aio.close()


async def test_a_lost_terminals_connection_is_forgotten_with_the_terminal(
    connections: Connections, remote: Remote, login: Login
) -> None:
    async with relay(remote.port) as line:
        options = {**login, "port": line.port}
        lease = await elsewhere(lambda: lend(connections, remote, options))
        line.cut()
        await get_engine().wait(lease.connection.wait_closed)
        assert len(connections.entries()) == 1
        await elsewhere(lambda: give_back(lease))
        assert connections.entries() == {}


def test_many_threads_open_the_same_at_once(connections: Connections, remote: Remote, login: Login) -> None:
    found: list[Connection] = []
    threads = [
        threading.Thread(target=lambda: found.append(connections.open(remote.host, login).connection)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(map(id, found))) == 1
    assert found[0].run("echo on").stdout == b"on\n"


async def test_the_current_one_that_was_lost_is_made_again_and_no_other_is_used(
    connections: Connections, remote: Remote, login: Login
) -> None:
    async with relay(remote.port) as line:
        other = (await elsewhere(lambda: connections.open(remote.host, login))).connection
        options = {**login, "port": line.port}
        lost = (await elsewhere(lambda: connections.open(remote.host, options))).connection
        assert not (await elsewhere(connections.open_current)).new
        await lose(connections, lost, line)
        opening = await elsewhere(connections.open_current)
        assert opening.new
        assert opening.lost.startswith("lost at ")
        assert opening.connection not in (lost, other)
        assert opening.connection.info.port == line.port
        assert line.connections == 2
        await elsewhere(opening.connection.close)
        with pytest.raises(ConnectionClosed, match="was closed"):  # on purpose: nothing brings it back
            await elsewhere(connections.open_current)
        await elsewhere(lambda: connections.close([other]))


async def test_the_current_one_is_not_made_again_on_another_machine(
    connections: Connections, remote: Remote, login: Login, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    async with relay(remote.port) as line:
        options = {name: value for name, value in login.items() if name != "port"} | {"config": str(config)}
        config.write_text(f"Host box\n HostName {remote.host}\n Port {line.port}\n")
        lost = (await elsewhere(lambda: connections.open("box", options))).connection
        await lose(connections, lost, line)
        config.write_text(f"Host box\n HostName {remote.host}\n Port {remote.port}\n")
        with pytest.raises(ConnectionClosed, match=r"was lost at .* now means"):
            await elsewhere(connections.open_current)
        assert connections.opened() == []
        with pytest.raises(ConnectionClosed):
            await elsewhere(connections.open_current)
        opening = await elsewhere(lambda: connections.open("box", options))
        assert opening.connection.info.port == remote.port
        await elsewhere(lambda: connections.close([opening.connection]))
