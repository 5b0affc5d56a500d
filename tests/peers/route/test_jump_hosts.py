"""Jump hosts: chains of OpenSSH's servers, each hop with its own options, key check and login (ssh_config(5))."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import connect
from jupyter_ssh.ssh.client.pool.connection_pool import ConnectionPool
from jupyter_ssh.ssh.client.route.loops import MAX_JUMPS
from tests.peers.client_support import Person
from tests.support.agents import PeerAgent
from tests.support.fixtures import watch
from tests.support.processes import free_port, wait_until
from tests.support.servers import PeerServer, start_openssh

Chain = tuple[PeerServer, PeerServer, PeerServer]
NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Three servers with keys, known_hosts files and accounts of their own."""
    started = []
    try:
        for name in NAMES:
            folder = tmp_path_factory.mktemp(name)
            started.append(watch(request.node, start_openssh(folder, host_key_types=["ed25519"])))
        yield started[0], started[1], started[2]
    finally:
        for server in started:
            server.stop()


def block(name: str, server: PeerServer, *lines: str, login: bool = True) -> str:
    key = f"IdentityFile {server.client_key}" if login else "IdentityFile none"
    words = [
        f"Host {name}",
        *lines,
        f"HostName {server.host}",
        f"Port {server.port}",
        f"User {server.user}",
        f"UserKnownHostsFile {server.known_hosts}",
        "GlobalKnownHostsFile none",
        key,
    ]
    return "\n  ".join(words) + "\n"


def config(folder: Path, *blocks: str) -> Path:
    path = folder / "config"
    path.write_text("".join(blocks))
    path.chmod(0o600)
    return path


def nested(folder: Path, chain: Chain) -> Path:
    one, two, three = chain
    return config(folder, block("one", one), block("two", two, "ProxyJump one"), block("three", three, "ProxyJump two"))


def logins(chain: Chain) -> list[int]:
    return [server.log().count("Accepted publickey for ") for server in chain]


async def test_each_hop_comes_from_its_own_block(chain: Chain, tmp_path: Path) -> None:
    before = logins(chain)
    pool = ConnectionPool()
    async with connect("three", config=nested(tmp_path, chain), pool=pool) as connection:
        assert (await connection.run("cat", input=b"x" * 300_000)).stdout == b"x" * 300_000
        assert connection.info.via == f"jump host {chain[1].user}@two:{chain[1].port}"
        assert connection.info.address == ""
        assert [jump.info.host for jump in pool.connections()] == ["one", "two"]
    assert pool.connections() == []
    assert [after - first for first, after in zip(before, logins(chain), strict=True)] == [1, 1, 1]


async def test_hops_of_the_command_line_in_their_order(chain: Chain, tmp_path: Path) -> None:
    one, two, three = chain
    file = config(tmp_path, block("one", one), block("two", two), block("three", three))
    before = logins(chain)
    async with connect("three", config=file, command_line=[("ProxyJump", "one,two")]) as connection:
        assert (await connection.run("echo far")).stdout == b"far\n"
    assert [after - first for first, after in zip(before, logins(chain), strict=True)] == [1, 1, 1]
    async with connect("three", config=nested(tmp_path, chain), proxy_jump="none") as connection:
        assert connection.info.via == ""


async def test_a_jump_host_is_shared_until_nobody_needs_it(chain: Chain, tmp_path: Path) -> None:
    before = logins(chain)
    pool = ConnectionPool()
    file = nested(tmp_path, chain)
    async with connect("three", config=file, pool=pool) as first:
        async with connect("three", config=file, pool=pool) as second:
            assert (await second.run("echo two")).stdout == b"two\n"
        assert len(pool.connections()) == 2
        assert (await first.run("echo one")).stdout == b"one\n"
    assert pool.connections() == []
    assert [after - first for first, after in zip(before, logins(chain), strict=True)] == [1, 1, 2]


@pytest.mark.parametrize("wrong", [0, 1])
async def test_the_key_of_each_hop_is_checked(chain: Chain, tmp_path: Path, wrong: int) -> None:
    blocks = [block("one", chain[0]), block("two", chain[1], "ProxyJump one"), block("three", chain[2])]
    known = tmp_path / "known"
    place, _, _ = chain[wrong].known_hosts.read_text().partition(" ")
    known.write_text(f"{place} {chain[2].host_key_paths['ed25519'].with_suffix('.pub').read_text()}")
    blocks[wrong] = blocks[wrong].replace(
        f"UserKnownHostsFile {chain[wrong].known_hosts}", f"UserKnownHostsFile {known}"
    )
    before = logins(chain)
    with pytest.raises(errors.HostKeyChanged, match=f"jump host {chain[wrong].user}@{NAMES[wrong]}:") as caught:
        await connect("three", config=config(tmp_path, *blocks), proxy_jump="two")
    assert caught.value.via == f"{chain[wrong].user}@{NAMES[wrong]}:{chain[wrong].port}"
    passed = [after - first for first, after in zip(before, logins(chain), strict=True)]
    assert passed == [1 if index < wrong else 0 for index in range(3)]


@pytest.mark.parametrize("strict", ["accept-new", "no"])
async def test_what_a_hop_has_to_say_is_said(chain: Chain, tmp_path: Path, strict: str) -> None:
    known = tmp_path / "known"
    wrong = f"[127.0.0.1]:{chain[0].port} {chain[1].host_key_paths['ed25519'].with_suffix('.pub').read_text()}"
    said = {"accept-new": f"to {known}", "no": "THE HOST KEY OF"}[strict]
    first = block("one", chain[0], f"StrictHostKeyChecking {strict}")
    first = first.replace(f"UserKnownHostsFile {chain[0].known_hosts}", f"UserKnownHostsFile {known}")
    file = config(tmp_path, first, block("two", chain[1], "ProxyJump one"), block("three", chain[2], "ProxyJump two"))

    known.write_text(wrong if strict == "no" else "")
    async with connect("three", config=file) as connection:
        assert [said in text for text in connection.messages] == [True]
    # Nor is it lost where the connection fails later: at the login, or on the way from the last hop.
    for options in ({"preferred_authentications": "none"}, {"port": 1}):
        known.write_text(wrong if strict == "no" else "")
        with pytest.raises(errors.SSHError) as caught:
            await connect("three", config=file, **options)
        assert [said in text for text in caught.value.messages] == [True]


async def test_questions_name_the_host_they_are_for(chain: Chain, tmp_path: Path) -> None:
    one, _, three = chain
    file = config(tmp_path, block("one", one, login=False), block("three", three, "ProxyJump one", login=False))
    person = Person(secrets=[one.password, three.password])
    options: dict[str, Any] = {"preferred_authentications": "password"}
    async with connect("three", config=file, prompts=person, **options) as connection:
        assert (await connection.run("echo in")).stdout == b"in\n"
    assert f"{one.user}@one" in person.asked[0]
    assert f"{three.user}@" in person.asked[1]
    assert len(person.asked) == 2


async def test_a_refused_login_names_the_hop_and_no_password(chain: Chain, tmp_path: Path) -> None:
    one, _, three = chain
    file = config(tmp_path, block("one", one, login=False), block("three", three, "ProxyJump one"))
    person = Person(secrets=["never-to-be-shown"] * 3)
    with pytest.raises(errors.AuthenticationError, match=f"jump host {one.user}@one") as caught:
        await connect("three", config=file, prompts=person)
    assert "never-to-be-shown" not in "".join(traceback.format_exception(caught.value))


async def test_an_agent_logs_in_to_all(chain: Chain, tmp_path: Path, openssh_agent: PeerAgent) -> None:
    one, _, three = chain
    for server in (one, three):
        openssh_agent.ssh_add(str(server.client_key))
    agent = f"IdentityAgent {openssh_agent.socket}"
    file = config(
        tmp_path,
        block("one", one, agent, login=False),
        block("three", three, agent, "ProxyJump one", login=False),
    )
    async with connect("three", config=file) as connection:
        assert connection.info.method == "publickey"


async def test_a_hop_that_is_not_there(chain: Chain, tmp_path: Path) -> None:
    file = config(
        tmp_path, block("one", chain[0]).replace(f"Port {chain[0].port}", f"Port {free_port()}"), block("two", chain[1])
    )
    with pytest.raises(errors.ConnectError, match=r"jump host .*@one.*no connection"):
        await connect("two", config=file, proxy_jump="one")


async def test_a_destination_that_the_hop_does_not_reach(chain: Chain, tmp_path: Path) -> None:
    pool, port = ConnectionPool(), free_port()
    with pytest.raises(errors.ProxyError, match=f"jump host .*@one.*cannot reach 127.0.0.1 port {port}") as caught:
        await connect(
            "127.0.0.1", port=port, config=config(tmp_path, block("one", chain[0])), proxy_jump="one", pool=pool
        )
    assert caught.value.reason == "refused"
    assert pool.connections() == []


async def test_a_hop_that_forbids_it(chain: Chain, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    strict = start_openssh(folder, "AllowTcpForwarding no", host_key_types=["ed25519"])
    try:
        file = config(tmp_path, block("strict", strict), block("one", chain[0]))
        with pytest.raises(errors.ProxyError, match=r"jump host .*@strict.*not allowed to connect") as caught:
            await connect("one", config=file, proxy_jump="strict")
        assert caught.value.reason == "forbidden"
    finally:
        strict.stop()


async def test_a_hop_that_leads_to_itself(chain: Chain, tmp_path: Path) -> None:
    file = config(tmp_path, block("one", chain[0], "ProxyJump two"), block("two", chain[1], "ProxyJump one"))
    with pytest.raises(errors.ConfigError, match="through itself"):
        await connect("one", config=file)


async def test_a_way_has_an_end(tmp_path: Path) -> None:
    """It is known before anybody is connected to."""
    blocks = [f"Host {number}\n  HostName 192.0.2.1\n  ProxyJump {number + 1}\n" for number in range(MAX_JUMPS + 1)]
    with pytest.raises(errors.ConfigError, match=f"more than {MAX_JUMPS} jump hosts"):
        await connect("0", config=config(tmp_path, *blocks))


async def test_a_hop_with_the_name_that_the_host_has(chain: Chain, tmp_path: Path) -> None:
    """As OpenSSH: the name in ProxyJump is compared with HostName, the port with the port, the user with the user."""
    one = chain[0]
    everywhere = block("*", one, "ProxyJump 127.0.0.1:" + str(one.port))
    for name in ("one", "127.0.0.1"):
        with pytest.raises(errors.ConfigError, match="through itself"):
            await connect(name, config=config(tmp_path, everywhere))
    with pytest.raises(errors.ConfigError, match="through itself"):
        await connect("one", config=config(tmp_path, block("one", one)), proxy_jump=f"{one.user}@127.0.0.1:{one.port}")


async def test_a_host_is_reached_through_another_name_of_itself(chain: Chain, tmp_path: Path) -> None:
    one = chain[0]
    before = logins(chain)
    file = config(tmp_path, block("gw", one), block("one", one, "ProxyJump gw"))
    async with connect("one", config=file) as connection:
        assert (await connection.run("echo in")).stdout == b"in\n"
        assert connection.info.via == f"jump host {one.user}@gw:{one.port}"
    assert logins(chain)[0] - before[0] == 2
    # The same twice on one way.
    async with connect("one", config=config(tmp_path, block("gw one", one)), proxy_jump="gw,one,gw") as connection:
        assert (await connection.run("echo in")).stdout == b"in\n"
    assert logins(chain)[0] - before[0] == 6


async def test_a_hop_that_ends_ends_what_goes_through_it(chain: Chain, tmp_path: Path) -> None:
    pool = ConnectionPool()
    async with connect("three", config=nested(tmp_path, chain), pool=pool) as connection:
        await pool.connections()[0].close()
        await connection.wait_closed()
        assert connection.closed_because is not None
    assert pool.connections() == []
    wait_until(lambda: "Connection closed" in chain[2].log() or "Disconnected" in chain[2].log(), "the last one saw it")


def test_the_command_goes_through_the_hosts_of_its_line(chain: Chain, tmp_path: Path) -> None:
    one, two, three = chain
    file = config(tmp_path, block("one", one), block("two", two), block("three", three))
    before = logins(chain)
    words = [sys.executable, "-m", "jupyter_ssh.commands", "ssh", "-v", "-F", str(file), "-J", "one,two", "three"]
    done = subprocess.run([*words, "echo far; exit 3"], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stdout) == (3, "far\n"), done.stderr
    assert [after - first for first, after in zip(before, logins(chain), strict=True)] == [1, 1, 1]
    # Each line of a hop's says which.
    assert f"debug1: [{one.user}@one:{one.port}] Authenticating to" in done.stderr
    assert f"debug1: [{two.user}@two:{two.port}] Authenticating to" in done.stderr
    assert f"debug1: Authenticating to {three.host}:{three.port} as '{three.user}'" in done.stderr
