"""The same known_hosts files given to OpenSSH's ssh and to ours: both must come to the same verdict."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import HostKeyChanged, HostKeyRevoked
from jupyter_ssh.ssh.keys import Certificate, PublicKey, generate, save_private_key
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.trust import Accept, HostKeyPolicy, KnownHosts, Status
from jupyter_ssh.ssh.trust.host_names import hash_name
from tests.support.peers import require_tool
from tests.support.servers import PRIVILEGE_SEPARATION

# What ssh -v says, the first that occurs.
SIGNS = (
    ("REVOKED HOST KEY DETECTED", Status.REVOKED),
    ("HOST IDENTIFICATION HAS CHANGED", Status.CHANGED),
    ("is known and matches the ED25519", Status.KNOWN),
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
    """For ProxyCommand."""
    words: dict[str, str]
    """Public lines by what they are called in the cases below."""
    certificate: Certificate
    certifying: str
    """As ``command``, of an sshd that shows the certificate."""

    def ask_ssh(self, known_hosts: Path, host: str, port: int, *, certified: bool = False) -> Status:
        """The verdict of OpenSSH's ssh."""
        options = {
            "BatchMode": "yes",
            "CheckHostIP": "no",
            "GlobalKnownHostsFile": os.devnull,
            "PreferredAuthentications": "none",
            "ProxyCommand": self.certifying if certified else self.command,
            "StrictHostKeyChecking": "ask",
            "UserKnownHostsFile": known_hosts,
            "HostKeyAlgorithms": "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519",
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
    ca, other = generate(), generate()
    shown, again, others, certified_ca = (
        sign_certificate(authority, subject.public, kind=CertificateKind.HOST, principals=["host.example"])
        for authority, subject in ((ca, key), (other, key), (ca, other), (other, ca))
    )
    (folder / "certificate").write_text(f"{shown.line()}\n")
    common = f"HostKey {folder / 'host_key'}\nPidFile none\nStrictModes no\nUsePAM no\n"
    (folder / "config").write_text(common)
    (folder / "certifying").write_text(f"{common}HostCertificate {folder / 'certificate'}\n")
    words = {
        "KEY": key.public.line(),
        "CA": ca.public.line(),
        "CERT": shown.line(),
        "CERT2": again.line(),
        "OTHERCERT": others.line(),
        "CACERT": certified_ca.line(),
    }
    commands = [shlex.join([sshd, "-i", "-e", "-f", str(folder / name)]) for name in ("config", "certifying")]
    return Server(folder, key.public, commands[0], words, shown, commands[1])


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


@pytest.mark.parametrize("certified", [False, True], ids=["the key is shown", "the certificate is shown"])
@pytest.mark.parametrize(
    "lines",
    [
        ["@revoked * OTHERCERT", "host.example KEY"],
        ["host.example KEY", "@revoked * CERT2"],
        ["@cert-authority * CA", "@revoked host.example CERT"],
        ["@cert-authority * CA", "@revoked * CACERT"],
        ["@cert-authority * CACERT"],
        ["host.example CERT"],
        ["@cert-authority * CA", "host.example OTHERCERT"],
    ],
    ids=" / ".join,
)
def test_same_verdict_on_certificates(lines: list[str], certified: bool, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    split = [line.rpartition(" ") for line in lines]
    path.write_text("".join(f"{hosts} {server.words[word]}\n" for hosts, _, word in split))
    policy = HostKeyPolicy("ask", [path])
    try:
        judgement = policy.judge("host.example", 22, None, server.certificate if certified else server.key)
        ours = Status.KNOWN if isinstance(judgement, Accept) else Status.UNKNOWN
    except HostKeyRevoked:
        ours = Status.REVOKED
    except HostKeyChanged:
        ours = Status.CHANGED
    assert ours is server.ask_ssh(path, "host.example", 22, certified=certified)


def test_a_damaged_certificate_is_told(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    line = server.words["CERT"].split()
    path.write_text(f"@revoked * {line[0]} {line[1][:-40]}\n@revoked * {line[0]} {server.key.line().split()[1]}\n")
    known = KnownHosts.load([path])
    assert [bad.line for bad in known.bad_lines("host.example", 22)] == [1, 2]
    assert known.entries == []
