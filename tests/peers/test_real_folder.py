"""A ~/.ssh with Include, Match exec, a jump host and LocalCommand, used as it stands by `jupyter-ssh ssh`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.servers import PeerServer

OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]
TREE = Path(__file__).parents[2]


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
