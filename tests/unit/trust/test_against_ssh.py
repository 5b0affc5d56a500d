"""The same known_hosts files given to OpenSSH's ssh and to ours: both must come to the same verdict."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import PublicKey, generate, save_private_key
from jupyter_ssh.ssh.trust import KnownHosts, Status
from jupyter_ssh.ssh.trust.host_names import hash_name
from tests.support.peers import require_tool
from tests.support.servers import PRIVILEGE_SEPARATION

# What ssh -v says, the first that occurs.
SIGNS = (
    ("REVOKED HOST KEY DETECTED", Status.REVOKED),
    ("HOST IDENTIFICATION HAS CHANGED", Status.CHANGED),
    ("is known and matches the ED25519 host key", Status.KNOWN),
    ("Host key verification failed", Status.UNKNOWN),
)
ECDSA, OTHER = generate("ecdsa").public.line(), generate().public.line()
DAMAGED = OTHER[:-5]


@dataclass(frozen=True)
class Server:
    """An sshd that ssh starts itself, so that the host may have any name and port."""

    folder: Path
    key: PublicKey
    command: str

    def ask_ssh(self, known_hosts: Path, host: str, port: int) -> Status:
        """The verdict of OpenSSH's ssh."""
        options = {
            "BatchMode": "yes",
            "CheckHostIP": "no",
            "GlobalKnownHostsFile": os.devnull,
            "PreferredAuthentications": "none",
            "ProxyCommand": self.command,
            "StrictHostKeyChecking": "ask",
            "UserKnownHostsFile": known_hosts,
            "HostKeyAlgorithms": "ssh-ed25519",
        }
        argv = [require_tool("ssh", "openssh-client"), "-F", "none", "-v", "-p", str(port)]
        for name, value in options.items():
            argv += ["-o", f"{name}={value}"]
        done = subprocess.run(
            [*argv, host, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        for sign, status in SIGNS:
            if sign in done.stderr:
                return status
        pytest.fail(f"ssh came to no verdict:\n{done.stderr}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    sshd = require_tool("sshd", "openssh-server")
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    folder = tmp_path_factory.mktemp("sshd")
    key = generate()
    save_private_key(folder / "host_key", key)
    (folder / "config").write_text(f"HostKey {folder / 'host_key'}\nPidFile none\nStrictModes no\nUsePAM no\n")
    return Server(folder, key.public, shlex.join([sshd, "-i", "-e", "-f", str(folder / "config")]))


@pytest.mark.parametrize("port", [22, 2222])
@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["host.example KEY"],
        ["HOST.Example,192.0.2.1 KEY a comment"],
        ["host.example OTHER"],
        ["host.example ECDSA"],
        ["host.example OTHER", "host.example KEY"],
        ["[host.example]:2222 KEY"],
        ["[host.example]:2222 OTHER"],
        ["[host.example]:2222 OTHER", "host.example KEY"],
        ["[host.example]:2222 KEY", "host.example OTHER"],
        ["[host.example]:2223 OTHER"],
        ["[host.example]:22 OTHER"],
        ["HASHED KEY"],
        ["HASHED OTHER"],
        ["HASHED-PORT KEY"],
        ["HASHED-PORT OTHER"],
        ["*.example KEY"],
        ["*.example OTHER"],
        ["*.example,!host.example OTHER"],
        ["*,!*.example KEY"],
        ["host.exampl? OTHER"],
        ["[host.example]:* OTHER"],
        ["* OTHER"],
        ["@revoked * KEY"],
        ["@revoked host.example KEY"],
        ["@revoked * OTHER"],
        ["@revoked * OTHER", "host.example KEY"],
        ["host.example KEY", "@revoked * KEY"],
        ["@cert-authority * KEY"],
        ["@cert-authority * OTHER"],
        ["@unknown host.example OTHER"],
        ["@revoked @revoked host.example KEY"],
        ["host.example DAMAGED"],
        ["host.example DAMAGED", "host.example KEY"],
        ["host.example"],
        ["# host.example OTHER"],
        ["  \t host.example\t\tKEY"],
        ["host.example ssh-unknown AAAAC3NzaC11bmtub3duAAAAAXg="],
        ["host.example 1024 35 1234567890"],
        ["|1|broken|broken OTHER"],
        ["host.example KEY\r"],
        ["host.example OTHER\r"],
    ],
    ids=" / ".join,
)
def test_same_verdict(lines: list[str], port: int, server: Server, tmp_path: Path) -> None:
    words = {
        "KEY": server.key.line(),
        "OTHER": OTHER,
        "ECDSA": ECDSA,
        "DAMAGED": DAMAGED,
        "HASHED-PORT": hash_name("[host.example]:2222", bytes(20)),
        "HASHED": hash_name("host.example", bytes(20)),
    }
    content = "".join(f"{line}\n" for line in lines)
    for word, replacement in words.items():
        content = content.replace(word, replacement)
    path = tmp_path / "known_hosts"
    path.write_text(content)
    ours = KnownHosts.load([path]).check("host.example", port, server.key).status
    assert ours is server.ask_ssh(path, "host.example", port)


def test_stricter_than_ssh_with_a_key_revoked_under_the_bare_name(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"[host.example]:2222 {server.key.line()}\n@revoked host.example {server.key.line()}\n")
    assert server.ask_ssh(path, "host.example", 2222) is Status.KNOWN
    assert KnownHosts.load([path]).check("host.example", 2222, server.key).status is Status.REVOKED
