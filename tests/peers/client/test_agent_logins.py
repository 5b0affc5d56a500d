"""Keys of all kinds in agents, and what AddKeysToAgent puts there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.errors import AuthenticationError
from jupyter_ssh.ssh.keys import KEY_TYPES, CertifiedKey, generate, load_public_key, save_private_key
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files.saving import save_public_key
from jupyter_ssh.ssh.net.agent import open_agent
from tests.peers.client_support import Person, reach
from tests.support.agents import OwnAgent, PeerAgent
from tests.support.clients import PeerClients
from tests.support.identities import ssh_keygen
from tests.support.made_keys import SoftwareSecurityKey, new_key

ONLY_KEYS = {"password_authentication": False, "identity_file": "none"}


class WithDevice(SoftwareSecurityKey):
    """As if the agent had the device of a security key, and somebody touched it."""

    @property
    def needs_agent(self) -> bool:
        return False


@pytest.mark.parametrize("key_type", [name for name in KEY_TYPES if name.startswith("sk-")])
async def test_security_keys_sign_through_an_agent(
    own_agent: OwnAgent, openssh_server: Any, peer_clients: PeerClients, key_type: str
) -> None:
    key = WithDevice(key_type)
    own_agent.server.keyring.add(key, "a security key")
    openssh_server.authorize(key.public.line())
    async with reach(openssh_server, **ONLY_KEYS, identity_agent=own_agent.socket) as connection:
        assert connection.info.key_fingerprint == key.public.fingerprint
    done = await peer_clients.ssh(
        openssh_server.host,
        openssh_server.port,
        openssh_server.user,
        "echo in",
        known_hosts=openssh_server.known_hosts,
        options=("-oIdentityAgent=" + own_agent.socket, "-oIdentitiesOnly=no"),
    ).run_async()
    assert done.stdout == b"in\n", done.stderr


@pytest.mark.parametrize("key_type", ["ssh-ed25519", "ssh-rsa"])
@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
async def test_certificates_in_an_agent(
    request: Any, which: str, openssh_server_factory: Any, key_type: str, tmp_path: Path
) -> None:
    agent: PeerAgent = request.getfixturevalue(which)
    authority, key = generate("ed25519"), new_key(key_type)
    save_public_key(tmp_path / "ca.pub", authority.public, "")
    server = openssh_server_factory(f"TrustedUserCAKeys {tmp_path / 'ca.pub'}")
    certificate = sign_certificate(authority, key.public, principals=[server.user])
    async with await open_agent(agent.socket) as client:
        await client.add(CertifiedKey(key, certificate))
    async with reach(server, **ONLY_KEYS, identity_agent=agent.socket) as connection:
        assert connection.info.key_fingerprint == key.public.fingerprint


async def test_the_agent_is_named_by_a_variable(
    openssh_agent: PeerAgent, openssh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    openssh_agent.ssh_add(str(openssh_server.client_key))
    monkeypatch.setenv("ANOTHER_AGENT", openssh_agent.socket)
    async with reach(openssh_server, **ONLY_KEYS, identity_agent="$ANOTHER_AGENT"):
        pass
    monkeypatch.setenv("SSH_AUTH_SOCK", openssh_agent.socket)
    for chosen in (None, "SSH_AUTH_SOCK"):
        async with reach(openssh_server, **ONLY_KEYS, identity_agent=chosen):
            pass
    for chosen in ("none", "$NOT_SET"):
        with pytest.raises(AuthenticationError):
            await reach(openssh_server, **ONLY_KEYS, identity_agent=chosen)


# --- AddKeysToAgent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "answers", "added"),
    [
        ("no", [], False),
        ("yes", [], True),
        ("ask", ["yes"], True),
        ("ask", ["no"], False),
        ("confirm", [], True),
        ("1h", [], True),
        ("confirm 1h", [], True),
    ],
)
async def test_keys_that_were_used_are_added(
    own_agent: OwnAgent, openssh_server: Any, tmp_path: Path, wish: str, answers: list[str], added: bool
) -> None:
    key = ssh_keygen(tmp_path / "key", passphrase="open sesame")
    openssh_server.authorize(key.with_suffix(".pub").read_text())
    person = Person(secrets=["open sesame"], answers=[[answer] for answer in answers])
    options = {"identity_file": key, "identity_agent": own_agent.socket, "prompts": person}
    async with reach(openssh_server, **options, command_line=[f"AddKeysToAgent={wish}"]) as connection:
        assert connection.messages == []
    held = own_agent.server.keyring.held()
    assert [item.key.public for item in held] == ([load_public_key(f"{key}.pub")[0]] if added else [])
    if added:
        assert held[0].constraints.confirm is ("confirm" in wish)
        assert held[0].constraints.lifetime == (3600 if "1h" in wish else None)
        assert held[0].comment == "made for a test"


async def test_a_key_that_was_refused_is_not_added(own_agent: OwnAgent, openssh_server: Any, tmp_path: Path) -> None:
    options = {"identity_file": ssh_keygen(tmp_path / "key"), "identity_agent": own_agent.socket}
    with pytest.raises(AuthenticationError):
        await reach(openssh_server, **options, add_keys_to_agent="yes", password_authentication=False)
    assert own_agent.server.keyring.held() == []


async def test_a_locked_agent_does_not_stop_the_login(own_agent: OwnAgent, openssh_server: Any) -> None:
    own_agent.server.keyring.lock(b"secret")
    async with reach(openssh_server, identity_agent=own_agent.socket, add_keys_to_agent="yes") as connection:
        assert "not added to the agent" in connection.messages[0]


@pytest.mark.parametrize(
    ("provider", "variable", "command"),
    [
        ("internal", "/lib/y.so", "ssh-add,"),
        ("/usr/lib/x.so", "/lib/y.so", "ssh-add -S /usr/lib/x.so,"),
        ("/usr/lib/an x.so", None, "ssh-add -S '/usr/lib/an x.so',"),
        ("$SSH_SK_PROVIDER", "/lib/y.so", "ssh-add -S /lib/y.so,"),
        ("$SSH_SK_PROVIDER", None, "ssh-add,"),
        (None, "/lib/y.so", "ssh-add -S /lib/y.so,"),
        (None, None, "ssh-add,"),
    ],
)
async def test_a_key_in_a_device_is_left_to_openssh_s_agent(
    openssh_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: str | None,
    variable: str | None,
    command: str,
) -> None:
    """No library for devices is loaded here, which is said with what does help."""
    path = tmp_path / "id_sk"
    save_private_key(path, new_key("sk-ssh-ed25519@openssh.com"))
    monkeypatch.delenv("SSH_SK_PROVIDER", raising=False)
    if variable is not None:
        monkeypatch.setenv("SSH_SK_PROVIDER", variable)
    options: dict[str, Any] = {"preferred_authentications": "publickey"}
    if provider is not None:
        options["security_key_provider"] = provider
    with pytest.raises(AuthenticationError, match="hardware security key") as caught:
        await reach(openssh_server, identity_file=path, **options)
    assert command in (caught.value.next_step or "")
    assert "OpenSSH's agent" in (caught.value.next_step or "")
