"""UpdateHostKeys: new host keys learned with proof, old ones forgotten, between OpenSSH and us in both roles."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.client.login.host_key_updates import HostKeyUpdates
from jupyter_ssh.ssh.keys import generate, load_public_key
from jupyter_ssh.ssh.server.connection import ServerConnection
from jupyter_ssh.ssh.trust import KnownHosts, Marker, rotation
from tests.peers.client_support import Person, reach
from tests.support.embedded import EmbeddedServer, LoopThread
from tests.support.peers import require_tool
from tests.support.servers import start_openssh

TYPES = ("ed25519", "ecdsa", "rsa")
NAMES = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}
OLD = generate().public


@pytest.fixture(scope="module", params=["sshd", "ours"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with three host keys."""
    folder = tmp_path_factory.mktemp("server")
    with ExitStack() as stack:
        if request.param == "sshd":
            peer = start_openssh(folder, host_key_types=TYPES)
            stack.callback(peer.stop)
            yield peer
        else:
            thread = LoopThread()
            stack.callback(thread.stop)
            embedded = EmbeddedServer(folder)
            running = thread.run(embedded.start(host_key_types=TYPES))
            stack.callback(lambda: thread.run(running.close()))
            yield embedded


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def name_of(server: Any) -> str:
    return f"[{server.host}]:{server.port}"


def line_of(server: Any, key_type: str = "ssh-ed25519") -> str:
    """The server's known_hosts line of one key."""
    return next(line for line in server.known_hosts.read_text().splitlines() if f" {key_type} " in line)


async def connect_once(server: Any, mine: Path, **options: Any) -> None:
    settings = {"known_hosts": mine, "strict_host_key_checking": "yes", "update_host_keys": "yes", **options}
    async with reach(server, **settings) as connection:
        # What the server says after the login has come before this is over; closing waits for the rest.
        assert (await connection.run("exit 3")).exit_status == 3


def types_in(mine: Path, server: Any) -> set[str]:
    known = KnownHosts.load([mine]).lookup(server.host, server.port)
    return {entry.key_type for entry in known if entry.marker is Marker.NONE}


async def test_new_keys_are_learned_and_old_ones_forgotten(server: Any, mine: Path) -> None:
    other = f"other.example {generate().public.line('of another')}"
    before = f"# my hosts\n\n{line_of(server)} my comment\n{name_of(server)} {OLD.line()}\nbroken line\n{other}\n"
    mine.write_text(before)
    mine.chmod(0o600)
    await connect_once(server, mine)
    text = mine.read_text()
    assert text.startswith(f"# my hosts\n\n{line_of(server)} my comment\nbroken line\n{other}\n")
    assert types_in(mine, server) == NAMES
    assert OLD.line() not in text
    assert Path(f"{mine}.old").read_text() == before
    assert mine.stat().st_mode & 0o777 == 0o600
    # OpenSSH's client takes every one of the keys, and finds nothing left to do.
    for key_type, algorithm in zip(sorted(NAMES), ("ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512"), strict=True):
        assert algorithm.startswith(key_type[:4]) or key_type == "ssh-rsa"
        await connect_once(server, mine, host_key_algorithms=f"^{algorithm}")
    assert mine.read_text() == text


async def test_keys_in_hashed_lines(server: Any, mine: Path) -> None:
    mine.write_text(f"{name_of(server)} {line_of(server).split(' ', 1)[1]}\n")
    tool = require_tool("ssh-keygen", "openssh-client")
    subprocess.run([tool, "-H", "-f", str(mine)], check=True, capture_output=True, timeout=60)
    await connect_once(server, mine, hash_known_hosts=True)
    assert types_in(mine, server) == NAMES
    assert all(line.startswith("|1|") for line in mine.read_text().splitlines())


async def test_only_keys_of_the_wanted_algorithms(server: Any, mine: Path) -> None:
    mine.write_text(f"{line_of(server)}\n")
    await connect_once(server, mine, host_key_algorithms="ssh-ed25519,ecdsa-sha2-nistp256")
    assert types_in(mine, server) == {"ssh-ed25519", "ecdsa-sha2-nistp256"}


async def test_a_second_file_only_loses_lines(server: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text(f"{name_of(server)} {OLD.line()}\n{line_of(server)}\n")
    await connect_once(
        server, first, known_hosts=None, user_known_hosts_file=[first, second], global_known_hosts_file="none"
    )
    assert second.read_text() == f"{line_of(server)}\n"
    assert types_in(first, server) | {"ssh-ed25519"} == NAMES


Change = Callable[[Any], tuple[str, dict[str, Any]]]


@pytest.mark.parametrize(
    "change",
    [
        lambda server: (line_of(server), {"update_host_keys": "no"}),
        lambda server: (f"alias,{line_of(server)}\n", {"check_host_ip": True, "host_name": server.host}),
        lambda server: (f"a.example,b.example,{line_of(server)}", {}),
        lambda server: (line_of(server).replace(name_of(server), "[127.0.0.*]:*"), {}),
        lambda server: (f"{line_of(server)}\nother.example {line_of(server).split(' ', 1)[1]}", {}),
        lambda server: (f"{line_of(server)}\nother.example {line_of(server, 'ssh-rsa').split(' ', 1)[1]}", {}),
        lambda server: (f"{line_of(server)}\n{name_of(server)} {OLD.line()}\nother.example {OLD.line()}", {}),
        lambda server: (f"{line_of(server)}\n@revoked {name_of(server)} {OLD.line()}", {}),
        lambda server: (f"{line_of(server)}\n@cert-authority * {OLD.line()}", {}),
        lambda server: (line_of(server), {"update_host_keys": "ask", "batch_mode": True}),
        lambda server: (line_of(server), {"update_host_keys": "ask", "prompts": Person(answers=[["no"]])}),
        lambda server: (line_of(server), {"update_host_keys": "ask", "prompts": Person()}),
        lambda server: (
            f"{name_of(server)} {OLD.line()}",
            {"no_host_authentication_for_localhost": True, "strict_host_key_checking": "no"},
        ),
    ],
    ids=[
        "not wanted",
        "an alias",
        "three names",
        "a wildcard",
        "another name",
        "another name of a new key",
        "another name of an old key",
        "a revoked key",
        "an authority",
        "batch",
        "a no",
        "no answer",
        "not checked",
    ],
)
async def test_nothing_changes(change: Change, server: Any, mine: Path) -> None:
    content, options = change(server)
    mine.write_text(f"{content}\n")
    await connect_once(server, mine, **options)
    assert mine.read_text() == f"{content}\n"


async def test_asking(server: Any, mine: Path) -> None:
    mine.write_text(f"{line_of(server)}\n{name_of(server)} {OLD.line()}\n")
    person = Person(answers=[["yes"]])
    async with reach(
        server, known_hosts=mine, strict_host_key_checking="yes", update_host_keys="ask", prompts=person
    ) as connection:
        await connection.run("true")
        updates = connection.channel_host.parts.find(HostKeyUpdates)
        assert updates is not None
        task = updates._task  # nobody is told when an update is over
        assert task is not None
        await task
    (question,) = person.asked
    assert question.startswith("The server has updated its host keys.\nLearned new hostkey: ")
    assert question.endswith("\nAccept updated hostkeys?")
    assert types_in(mine, server) == NAMES
    assert OLD.line() not in mine.read_text()


async def test_a_key_that_was_taken_unseen_brings_no_others(server: Any, mine: Path) -> None:
    await connect_once(server, mine, strict_host_key_checking="accept-new")
    assert len(types_in(mine, server)) == 1
    mine.unlink()
    await connect_once(server, mine, strict_host_key_checking="ask", prompts=Person(host_key=True))
    assert types_in(mine, server) == NAMES


async def test_a_key_of_the_global_file_brings_no_others(server: Any, mine: Path, tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.write_text(f"{line_of(server)}\n")
    await connect_once(server, mine, known_hosts=None, user_known_hosts_file=mine, global_known_hosts_file=system)
    assert not mine.exists()


@pytest.mark.parametrize("lie", ["a key of another", "a wrong proof", "no proof", "twice", "nothing"])
async def test_a_server_that_lies(lie: str, embedded_server_factory: Any, mine: Path, monkeypatch: Any) -> None:
    server = embedded_server_factory(host_key_types=TYPES)
    stranger = generate().public

    def announced(keys: list[Any]) -> bytes:
        good = rotation_encode(keys)
        return {
            "a key of another": good + rotation_encode([stranger]),
            "twice": good + good,
            "nothing": b"",
        }.get(lie, good)

    def prove(details: bytes, session_id: bytes, keys: Any, algorithm: str) -> bytes | None:
        if lie == "no proof":
            return None
        return rotation_prove(details, bytes(32) if lie == "a wrong proof" else session_id, keys, algorithm)

    rotation_encode, rotation_prove = rotation.encode_keys, rotation.prove
    # Our server has no option to lie.
    monkeypatch.setattr(ServerConnection, "_login_told", lambda self, event: _announce(self, announced))
    if lie != "a key of another":
        monkeypatch.setattr(rotation, "prove", prove)
    before = f"{line_of(server)}\n{name_of(server)} {OLD.line()}\n"
    mine.write_text(before)
    try:
        await connect_once(server, mine)
    except Exception:
        assert lie == "a key of another"  # our server ends the connection rather than prove it
    assert mine.read_text() == before


def _announce(connection: ServerConnection, encode: Callable[[list[Any]], bytes]) -> None:
    keys = [key.public for key in connection._server.host_keys]  # handed to nobody else
    connection.session.connection.request_global(rotation.ANNOUNCE, encode(keys))


def test_openssh_learns_from_our_server(embedded_server_factory: Any, peer_clients: Any, mine: Path) -> None:
    server = embedded_server_factory(host_key_types=TYPES)
    mine.write_text(f"{line_of(server)}\n{name_of(server)} {OLD.line()}\n")
    ssh = require_tool("ssh", "openssh-client")
    options = {
        "UserKnownHostsFile": mine,
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "yes",
        "BatchMode": "yes",
        "IdentityFile": server.client_key,
        "IdentitiesOnly": "yes",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    # The session lasts until the server has proved its keys.
    command = f"until grep -q ssh-rsa {mine}; do sleep 0.05; done; exit 3"
    done = subprocess.run(
        [ssh, "-F", "none", "-v", *words, "-p", str(server.port), f"{server.user}@{server.host}", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert types_in(mine, server) == NAMES, done.stderr
    assert OLD.line() not in mine.read_text()
    public = {load_public_key(path.with_suffix(".pub"))[0].blob for path in server.host_key_paths.values()}
    assert {entry.blob for entry in KnownHosts.load([mine]).entries} == public
