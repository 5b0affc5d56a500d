"""keygen with a key that is in an agent: -U, and -Y sign."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_certificate
from tests.support.agents import OwnAgent, PeerAgent
from tests.support.identities import ssh_keygen
from tests.support.peers import require_tool

KEYGEN = (sys.executable, "-m", "jupyter_ssh.commands", "keygen")


@pytest.mark.parametrize("key_type", ["ed25519", "rsa"])
@pytest.mark.parametrize("which", ["openssh_agent", "own_agent"])
def test_a_certificate_of_an_authority_in_the_agent(
    request: pytest.FixtureRequest, which: str, key_type: str, tmp_path: Path
) -> None:
    agent: PeerAgent = request.getfixturevalue(which)
    authority = ssh_keygen(tmp_path / "ca", key_type, bits=2048 if key_type == "rsa" else None)
    user = ssh_keygen(tmp_path / "user")
    words = ("-U", "-s", f"{authority}.pub", "-I", "me", "-n", "alice", f"{user}.pub")
    assert "not found in agent" in agent.run(*KEYGEN, *words, status=255)
    agent.ssh_add(str(authority))
    authority.unlink()
    agent.run(*KEYGEN, *words)
    certificate, _ = load_certificate(tmp_path / "user-cert.pub")
    assert certificate.statement.principals == ("alice",)


@pytest.mark.parametrize("key_type", ["ed25519", "rsa"])
def test_a_file_is_signed_in_the_agent(openssh_agent: PeerAgent, key_type: str, tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key", key_type, bits=2048 if key_type == "rsa" else None)
    openssh_agent.ssh_add(str(key))
    key.unlink()
    text = tmp_path / "text"
    text.write_text("text")
    openssh_agent.run(*KEYGEN, "-Y", "sign", "-f", f"{key}.pub", "-n", "file", str(text))
    check = (require_tool("ssh-keygen", "openssh-client"), "-Y", "check-novalidate", "-n", "file", "-s", f"{text}.sig")
    assert "Good" in openssh_agent.run(*check, input="text")


def test_a_key_in_the_agent_spares_its_passphrase(openssh_agent: PeerAgent, tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    openssh_agent.ssh_add(str(key))
    keygen = require_tool("ssh-keygen", "openssh-client")
    openssh_agent.run(keygen, "-q", "-p", "-N", "a passphrase", "-f", str(key))
    (tmp_path / "text").write_text("text")
    openssh_agent.run("setsid", "-w", *KEYGEN, "-Y", "sign", "-f", str(key), "-n", "file", str(tmp_path / "text"))
    assert (tmp_path / "text.sig").exists()


def test_without_an_agent(own_agent: OwnAgent, tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    (tmp_path / "text").write_text("text")
    words = ("-Y", "sign", "-f", str(key), "-n", "file", str(tmp_path / "text"))
    none = {"SSH_AUTH_SOCK": ""}
    assert "agent" in own_agent.run(*KEYGEN, "-U", *words, environment=none, status=255)
    own_agent.run(*KEYGEN, *words, environment=none)
