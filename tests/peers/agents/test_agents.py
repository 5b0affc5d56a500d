"""OpenSSH's agent, gpg-agent and ours, each used by our client, by ssh, by ssh-add and by AsyncSSH."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jupyter_ssh.ssh.agent import Constraints
from jupyter_ssh.ssh.errors import AgentRefused, AuthenticationError
from jupyter_ssh.ssh.keys import CertifiedKey, generate, load_private_key
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.net.agent import open_agent
from tests.peers.client_support import reach
from tests.support.agents import OwnAgent, PeerAgent
from tests.support.clients import PeerClients
from tests.support.identities import make_identity, ssh_keygen
from tests.support.made_keys import OPENSSH_TYPES, new_key
from tests.support.peers import require_tool

FIRST_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}


@pytest.fixture
def filled(any_agent: PeerAgent, openssh_server: Any) -> PeerAgent:
    """Each agent with the key that the server lets in."""
    any_agent.ssh_add(str(openssh_server.client_key))
    return any_agent


# --- the four clients -------------------------------------------------------------------------------------------------


async def test_our_client_logs_in(filled: PeerAgent, openssh_server: Any) -> None:
    async with reach(openssh_server, identity_file="none", identity_agent=filled.socket) as connection:
        result = await connection.run("echo in")
        assert result.stdout == b"in\n"
        public = load_private_key(openssh_server.client_key).public
        assert connection.info.key_fingerprint == public.fingerprint


def test_ssh_logs_in(filled: PeerAgent, openssh_server: Any, peer_clients: PeerClients) -> None:
    options = ("-oIdentityAgent=" + filled.socket, "-oIdentitiesOnly=no")
    done = peer_clients.ssh(
        openssh_server.host,
        openssh_server.port,
        openssh_server.user,
        "echo in",
        known_hosts=openssh_server.known_hosts,
        options=options,
    ).run()
    assert done.stdout == b"in\n", done.stderr


async def test_asyncssh_logs_in(filled: PeerAgent, openssh_server: Any) -> None:
    async with asyncssh.connect(
        openssh_server.host,
        openssh_server.port,
        username=openssh_server.user,
        known_hosts=str(openssh_server.known_hosts),
        agent_path=filled.socket,
        config=None,
    ) as connection:
        assert (await connection.run("echo in")).stdout == "in\n"


def test_ssh_add_lists_and_tests(filled: PeerAgent, openssh_server: Any) -> None:
    public = openssh_server.client_key.with_suffix(".pub")
    assert public.read_text().split()[1] in filled.ssh_add("-L")
    filled.ssh_add("-T", str(public))
    if filled.name != "gpg-agent":  # which keeps the key and only stops showing it
        filled.ssh_add("-d", str(openssh_server.client_key))
        assert "no identities" in filled.ssh_add("-l", status=1)


# --- our client with each agent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
async def test_adding_listing_signing(any_agent: PeerAgent, key_type: str) -> None:
    key = new_key(key_type, "a key")
    async with await open_agent(any_agent.socket) as agent:
        await agent.add(key)
        assert key.public in [item.key for item in await agent.identities()]
        for algorithm in FIRST_SIGNATURES.get(key_type, (key_type,)):
            signature = await agent.sign(key.public, b"data", algorithm)
            assert key.public.verify(signature, b"data", (algorithm,)) == algorithm


@pytest.mark.parametrize("key_type", [name for name in OPENSSH_TYPES if not name.startswith("sk-")])
@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
async def test_every_key_type_and_its_certificate(request: Any, which: str, key_type: str) -> None:
    peer: PeerAgent = request.getfixturevalue(which)
    key = new_key(key_type, "a key")
    certified = CertifiedKey(key, sign_certificate(generate("ed25519"), key.public, principals=["alice"]))
    async with await open_agent(peer.socket) as agent:
        for item in (key, certified):
            await agent.add(item)
            signature = await agent.sign(item.public, b"data", item.public.signature_algorithms[0])
            assert item.public.verify(signature, b"data", item.public.signature_algorithms)
        assert [item.key for item in await agent.identities()] == [key.public, certified.public]
        await agent.remove(key.public.blob)
        assert [item.key for item in await agent.identities()] == [certified.public]
        await agent.remove_all()
        assert await agent.identities() == []


@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
async def test_locking(request: Any, which: str) -> None:
    peer: PeerAgent = request.getfixturevalue(which)
    async with await open_agent(peer.socket) as agent:
        await agent.add(generate("ed25519"))
        await agent.lock("secret")
        assert await agent.identities() == []
        with pytest.raises(AgentRefused):
            await agent.add(generate("ed25519"))
        with pytest.raises(AgentRefused):
            await agent.unlock("guess")
        await agent.unlock("secret")
        assert len(await agent.identities()) == 1


async def test_what_is_refused_is_an_error_of_its_own(any_agent: PeerAgent) -> None:
    key = generate("ed25519")
    async with await open_agent(any_agent.socket) as agent:
        with pytest.raises(AgentRefused, match="signature"):
            await agent.sign(key.public, b"data", "ssh-ed25519")
        assert isinstance(await agent.identities(), list)  # it goes on


# --- the order of keys ------------------------------------------------------------------------------------------------


async def test_only_the_public_half_is_needed(openssh_agent: PeerAgent, openssh_server: Any, tmp_path: Path) -> None:
    openssh_agent.ssh_add(str(openssh_server.client_key))
    public = tmp_path / "key.pub"
    public.write_text(openssh_server.client_key.with_suffix(".pub").read_text())
    for named in (public, public.with_suffix("")):
        options = {"identity_file": named, "identities_only": True, "identity_agent": openssh_agent.socket}
        async with reach(openssh_server, **options) as connection:
            assert (await connection.run("echo in")).stdout == b"in\n"


async def test_agent_keys_of_named_files_come_first(
    openssh_agent: PeerAgent, openssh_server: Any, tmp_path: Path
) -> None:
    others = [make_identity(tmp_path, kind, bits=bits) for kind, bits in (("ecdsa", None), ("rsa", 2048))]
    file_only = ssh_keygen(tmp_path / "file_only")
    for identity in others:
        openssh_agent.ssh_add(str(identity.openssh))
    options = {"identity_file": [file_only, others[1].openssh], "identity_agent": openssh_agent.socket}
    with pytest.raises(AuthenticationError) as caught:
        await reach(openssh_server, **options, password_authentication=False)
    tried = [offered.split()[0] for method, offered, _ in caught.value.attempts if method == "publickey"]
    assert tried == [str(others[1].openssh), "made", str(file_only)]
    with pytest.raises(AuthenticationError) as caught:
        await reach(openssh_server, **options, identities_only=True, password_authentication=False)
    tried = [offered.split()[0] for method, offered, _ in caught.value.attempts if method == "publickey"]
    assert tried == [str(others[1].openssh), str(file_only)]


# --- constraints, as OpenSSH's programs see ours ----------------------------------------------------------------------


def test_confirmation(own_agent: OwnAgent, tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    own_agent.ssh_add("-c", str(key))
    assert "refused" in own_agent.ssh_add("-T", f"{key}.pub", status=1)
    own_agent.answer = True
    own_agent.ssh_add("-T", f"{key}.pub")
    assert len(own_agent.asked) == 2
    assert "made for a test" in own_agent.asked[0]


def test_ssh_add_locks_ours(own_agent: OwnAgent, tmp_path: Path, peer_clients: PeerClients) -> None:
    key = ssh_keygen(tmp_path / "key")
    own_agent.ssh_add(str(key))
    askpass = {"SSH_ASKPASS": peer_clients.askpass(), "SSH_ASKPASS_REQUIRE": "force", "PEER_PASSWORD": "secret"}
    own_agent.ssh_add("-x", environment=askpass)
    assert "no identities" in own_agent.ssh_add("-l", status=1)
    own_agent.ssh_add("-X", status=1, environment={**askpass, "PEER_PASSWORD": "guess"})
    own_agent.ssh_add("-X", environment=askpass)
    assert "ED25519" in own_agent.ssh_add("-l")


async def test_lifetime(own_agent: OwnAgent) -> None:
    async with await open_agent(own_agent.socket) as agent:
        await agent.add(generate("ed25519"), constraints=Constraints(lifetime=1000))
        held = own_agent.server.keyring.held()
        assert held[0].expires is not None
        own_agent.server.keyring.clock = lambda base=own_agent.server.keyring.clock: base() + 1001  # type: ignore[misc]
        assert await agent.identities() == []


def test_ssh_keygen_signs_with_ours(own_agent: OwnAgent, tmp_path: Path) -> None:
    keygen = require_tool("ssh-keygen", "openssh-client")
    authority, user = ssh_keygen(tmp_path / "ca"), ssh_keygen(tmp_path / "user")
    own_agent.ssh_add(str(authority))
    authority.unlink()
    own_agent.run(keygen, "-q", "-U", "-s", f"{authority}.pub", "-I", "id", "-n", "alice", f"{user}.pub")
    assert (tmp_path / "user-cert.pub").exists()
    (tmp_path / "text").write_text("text")
    own_agent.run(keygen, "-Y", "sign", "-f", f"{authority}.pub", "-n", "file", str(tmp_path / "text"))
    assert "BEGIN SSH SIGNATURE" in (tmp_path / "text.sig").read_text()


def test_a_certificate_is_added_with_its_key(own_agent: OwnAgent, tmp_path: Path) -> None:
    keygen = require_tool("ssh-keygen", "openssh-client")
    authority, user = ssh_keygen(tmp_path / "ca"), ssh_keygen(tmp_path / "user")
    own_agent.run(keygen, "-q", "-s", str(authority), "-I", "id", "-n", "alice", f"{user}.pub")
    own_agent.ssh_add(str(user))
    assert "ED25519-CERT" in own_agent.ssh_add("-l")
    own_agent.ssh_add("-T", f"{user}-cert.pub")
