"""A ~/.ssh with Include, Match exec, a jump host and LocalCommand, used as it stands by `jupyter-ssh ssh`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.agents import PeerAgent
from tests.support.certificates import certify, make_authority
from tests.support.identities import run_quietly, ssh_keygen
from tests.support.peers import require_tool
from tests.support.servers import PeerServer
from tests.support.tree import TREE

OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]


def folder(home: Path, bastion: PeerServer, inner: PeerServer) -> Path:
    ssh = home / ".ssh"
    keys = "".join(
        f"Host {name}\n  HostName {server.host}\n  Port {server.port}\n  User {server.user}\n"
        f"  IdentityFile {server.client_key}\n  UserKnownHostsFile ~/.ssh/known/%n\n"
        for name, server in (("bastion", bastion), ("inner", inner))
    )
    files = {
        "config": (
            "IgnoreUnknown UseKeychain\nUseKeychain yes\nInclude config.d/*.conf\n"
            'Match originalhost inner exec "test -e %d/outside"\n  ProxyJump bastion\n'
            "Host *\n  GlobalKnownHostsFile none\n"
            "  PermitLocalCommand yes\n  BatchMode yes\n"
            "Match host * originalhost inner\n  LocalCommand echo %n >> %d/reached\n"
        ),
        "config.d/hosts.conf": keys,
        "config.d/notes.txt": "no configuration\n",
        "known/bastion": bastion.known_hosts.read_text(),
        "known/inner": inner.known_hosts.read_text(),
    }
    for name, text in files.items():
        path = ssh / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    return ssh


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home)}
    return subprocess.run(
        [*OURS, *words],
        env=environment,
        cwd=TREE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_hosts_are_reached_as_the_files_say(openssh_server_factory, tmp_path: Path) -> None:
    bastion, inner = openssh_server_factory(), openssh_server_factory()
    folder(tmp_path, bastion, inner)
    direct = run(tmp_path, "inner", "echo $SSH_CONNECTION")
    assert direct.returncode == 0, direct.stderr
    assert direct.stdout.split()[3] == str(inner.port)
    assert "Accepted publickey" not in bastion.log()
    (tmp_path / "outside").touch()
    jumped = run(tmp_path, "inner", "echo $SSH_CONNECTION; exit 3")
    assert jumped.returncode == 3, jumped.stderr
    assert jumped.stdout.split()[3] == str(inner.port)
    assert "Accepted publickey" in bastion.log()
    assert (tmp_path / "reached").read_text() == "inner\ninner\n"
    assert "proxyjump bastion" in run(tmp_path, "-G", "inner").stdout.splitlines()


def test_certificates_agents_and_hashed_names(openssh_server_factory, openssh_agent: PeerAgent, tmp_path: Path) -> None:
    """A bastion that takes certificates only, behind it a host for a key of the agent; with ssh as with ours."""
    authority, work, kept = make_authority(tmp_path), ssh_keygen(tmp_path / "work"), ssh_keygen(tmp_path / "kept")
    bastion = openssh_server_factory(f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none")
    inner = openssh_server_factory()
    inner.authorize(kept.with_suffix(".pub").read_text())
    certificate = certify(authority, work, principals=bastion.user)
    openssh_agent.ssh_add("-q", str(kept))
    kept.unlink()
    known, ca = tmp_path / "known", authority.with_suffix(".pub").read_text()
    known.write_text(f"@revoked * {ca}{bastion.known_hosts.read_text()}{inner.known_hosts.read_text()}")
    run_quietly([require_tool("ssh-keygen", "openssh-client"), "-q", "-H", "-f", str(known)])
    assert "127.0.0.1" not in known.read_text()
    config = tmp_path / "config"
    config.write_text(
        f"Host bastion\n  Port {bastion.port}\n  IdentityFile {work}\n  CertificateFile {certificate}\n"
        f"  IdentityAgent none\n"
        f"Host inner\n  Port {inner.port}\n  ProxyJump bastion\n  IdentityAgent {openssh_agent.socket}\n"
        f"  IdentityFile {kept}.pub\n  SetEnv JUPYTER_SSH_A=set\n"
        f"Match final host 127.0.0.1\n  RequestTTY no\n"
        f"Host *\n  HostName 127.0.0.1\n  User {inner.user}\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
        f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n  ControlPath none\n  BatchMode yes\n"
    )
    config.chmod(0o600)
    for program in ([require_tool("ssh", "openssh-client")], OURS):
        command = [*program, "-F", str(config), "inner", "echo $JUPYTER_SSH_A; exit 3"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False
        )
        assert (done.stdout, done.returncode) == ("set\n", 3), done.stderr
    assert bastion.log().count("Accepted publickey for ") == 2
    assert "ED25519-CERT" in bastion.log()
