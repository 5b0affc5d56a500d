"""Agent forwarding in both roles: our client to sshd, ssh to our server, and destination constraints on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.forwarding.agent import AgentForwarding
from jupyter_ssh.ssh.keys import load_private_key
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.wire.requests import AGENT_CHANNEL
from tests.peers.client_support import reach
from tests.support.agents import OwnAgent, PeerAgent
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, embedded_in_loop
from tests.support.identities import ssh_keygen
from tests.support.peers import require_tool
from tests.support.processes import wait_until

LIST = "ssh-add -l"
WITHOUT = b"Could not open a connection to your authentication agent"


@pytest.fixture
def lent_key(tmp_path: Path) -> Path:
    """A key in the agent that is lent; the server does not let it in."""
    return ssh_keygen(tmp_path / "lent")


def fingerprint(key: Path) -> bytes:
    return load_private_key(key).public.fingerprint.encode()


# --- our client -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["openssh_server", "embedded_server"], indirect=True)
async def test_the_remote_side_uses_the_agent(any_agent: PeerAgent, server: Any, lent_key: Path) -> None:
    require_tool("ssh-add", "openssh-client")
    any_agent.ssh_add(str(lent_key))
    async with reach(server, identity_agent=any_agent.socket, forward_agent=True) as connection:
        assert fingerprint(lent_key) in (await connection.run(LIST)).stdout
        public = lent_key.with_suffix(".pub").read_text()
        tested = await connection.run("cat > key.pub && ssh-add -T key.pub", input=public)
        assert tested.ok, tested.stderr


@pytest.mark.parametrize("server", ["openssh_server", "embedded_server"], indirect=True)
async def test_not_unless_asked_for(own_agent: OwnAgent, server: Any) -> None:
    async with reach(server, identity_agent=own_agent.socket) as connection:
        assert connection.channel_host.parts.find(AgentForwarding) is None
        assert WITHOUT in (await connection.run(LIST)).stderr


async def test_another_agent_than_that_of_the_login(
    own_agent: OwnAgent, openssh_agent: PeerAgent, openssh_server: Any, lent_key: Path
) -> None:
    openssh_agent.ssh_add(str(lent_key))
    options = {"identity_agent": own_agent.socket, "forward_agent": openssh_agent.socket}
    async with reach(openssh_server, **options) as connection:
        assert fingerprint(lent_key) in (await connection.run(LIST)).stdout


async def test_an_agent_that_is_gone_ends_nothing_else(openssh_server: Any, tmp_path: Path) -> None:
    async with reach(openssh_server, forward_agent=str(tmp_path / "nothing")) as connection:
        listed = await connection.run(LIST)
        # It has written before the channel is refused, or writes after: then the closed socket's signal ends it.
        assert b"communication with agent failed" in listed.stderr or listed.exit_signal == "PIPE"
        assert (await connection.run("echo on")).stdout == b"on\n"


async def test_a_server_does_not_hear_where_the_agent_should_be(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing")
    async with embedded_in_loop(tmp_path / "server") as server, reach(server, forward_agent=missing) as connection:
        await connection.run("true")
        assert server.server is not None
        (client,) = server.server._connections  # a server hands its connections to nobody
        refused: asyncio.Future[e.ChannelEvent] = asyncio.get_running_loop().create_future()
        client.session.open_channel(AGENT_CHANNEL, b"", refused.set_result, lambda data, code: None)
        event = await refused
        assert isinstance(event, e.ChannelRefused)
        assert missing not in repr(event)
        assert "does not answer" in repr(event)


@pytest.mark.parametrize("lent", [False, True])
async def test_a_server_may_not_open_what_no_session_was_lent(own_agent: OwnAgent, tmp_path: Path, lent: bool) -> None:
    options = {"identity_agent": own_agent.socket, "forward_agent": lent}
    async with embedded_in_loop(tmp_path / "server") as server, reach(server, **options):
        assert server.server is not None
        (connection,) = server.server._connections  # a server hands its connections to nobody
        refused: asyncio.Future[e.ChannelEvent] = asyncio.get_running_loop().create_future()
        connection.session.open_channel(AGENT_CHANNEL, b"", refused.set_result, lambda data, code: None)
        assert isinstance(await refused, e.ChannelRefused)


# --- our server -------------------------------------------------------------------------------------------------------


def ssh(server: Any, clients: PeerClients, agent: PeerAgent, command: str, *options: str) -> bytes:
    client = clients.ssh(
        server.host,
        server.port,
        server.user,
        command,
        identity=server.identity,
        known_hosts=server.known_hosts,
        options=(f"-oIdentityAgent={agent.socket}", *options),
    )
    done = client.run()
    return done.stdout + done.stderr


def test_ssh_lends_its_agent_to_our_server(
    openssh_agent: PeerAgent, embedded_server: EmbeddedServer, peer_clients: PeerClients, lent_key: Path
) -> None:
    openssh_agent.ssh_add(str(lent_key))
    assert fingerprint(lent_key) in ssh(embedded_server, peer_clients, openssh_agent, LIST, "-A")
    assert WITHOUT in ssh(embedded_server, peer_clients, openssh_agent, LIST, "-a")


def test_the_socket_is_private_and_goes_with_the_connection(
    openssh_agent: PeerAgent, embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    look = 'stat -c %a "$SSH_AUTH_SOCK" "$(dirname "$SSH_AUTH_SOCK")"; echo "$SSH_AUTH_SOCK"'
    file_mode, folder_mode, path = ssh(embedded_server, peer_clients, openssh_agent, look, "-A").split()
    assert (file_mode, folder_mode) == (b"600", b"700")
    wait_until(lambda: not Path(path.decode()).parent.exists(), "the socket is gone")


@pytest.mark.parametrize("option", ["no-agent-forwarding", "restrict"])
def test_authorized_keys_forbids_it(
    openssh_agent: PeerAgent, embedded_server: EmbeddedServer, peer_clients: PeerClients, option: str
) -> None:
    embedded_server.authorized_keys.write_text(f"{option} {embedded_server.identity.public_line}\n")
    assert WITHOUT in ssh(embedded_server, peer_clients, openssh_agent, LIST, "-A")


def test_the_server_forbids_it(
    openssh_agent: PeerAgent, embedded_server_factory: Any, peer_clients: PeerClients
) -> None:
    server = embedded_server_factory(allow_agent_forwarding=False)
    assert WITHOUT in ssh(server, peer_clients, openssh_agent, LIST, "-A")


# --- keys limited to destinations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
async def test_a_key_for_one_server_is_used_there_and_not_shown_on_it(
    request: Any, which: str, openssh_server: Any, embedded_server: EmbeddedServer
) -> None:
    agent: PeerAgent = request.getfixturevalue(which)
    here = f"[{openssh_server.host}]:{openssh_server.port}"
    agent.ssh_add("-H", str(openssh_server.known_hosts), "-h", here, str(openssh_server.client_key))
    embedded_server.authorize(openssh_server.identity.public_line)
    options = {"identity_agent": agent.socket, "identity_file": "none", "forward_agent": True}
    async with reach(openssh_server, **options) as connection:
        listed = await connection.run(LIST)
        assert fingerprint(openssh_server.client_key) not in listed.stdout + listed.stderr
    with pytest.raises(Exception, match="authentication failed"):
        await reach(embedded_server, **options, password_authentication=False)


@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
async def test_a_key_may_be_used_from_one_server_to_another(
    request: Any, which: str, openssh_server: Any, embedded_server: EmbeddedServer, tmp_path: Path
) -> None:
    agent: PeerAgent = request.getfixturevalue(which)
    known = tmp_path / "both"
    known.write_text(openssh_server.known_hosts.read_text() + embedded_server.known_hosts.read_text())
    first = f"[{openssh_server.host}]:{openssh_server.port}"
    second = f"[{embedded_server.host}]:{embedded_server.port}"
    key = openssh_server.client_key
    embedded_server.authorized_keys.write_text(openssh_server.identity.public_line + "\n")
    agent.ssh_add("-H", str(known), "-h", first, "-h", f"{first}>{second}", str(key))
    options = {"identity_agent": agent.socket, "identity_file": "none", "forward_agent": True}
    onward = (
        f"ssh -F none -oBatchMode=yes -oUserKnownHostsFile=/dev/null -oStrictHostKeyChecking=no -oLogLevel=ERROR"
        f" -p {embedded_server.port} {embedded_server.user}@{embedded_server.host} echo far"
    )
    async with reach(openssh_server, **options) as connection:
        assert fingerprint(key) in (await connection.run(LIST)).stdout
        result = await connection.run(onward)
        assert result.stdout == b"far\n", result.stderr


@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
def test_ssh_is_held_to_the_destinations(
    request: Any, which: str, openssh_server: Any, embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    agent: PeerAgent = request.getfixturevalue(which)
    here = f"[{openssh_server.host}]:{openssh_server.port}"
    agent.ssh_add("-H", str(openssh_server.known_hosts), "-h", here, str(openssh_server.client_key))
    embedded_server.authorize(openssh_server.identity.public_line)
    said = []
    for server in (openssh_server, embedded_server):
        command = peer_clients.ssh(
            server.host,
            server.port,
            server.user,
            "echo in",
            known_hosts=server.known_hosts,
            options=(f"-oIdentityAgent={agent.socket}", "-oIdentitiesOnly=no"),
        )
        said.append(command.run().stdout)
    assert said == [b"in\n", b""]
