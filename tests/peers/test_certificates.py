"""Certificates we made, of users and of hosts: shown by OpenSSH's client to its server, and judged by both."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import generate, save_private_key
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files.saving import save_public_key
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.peers import require_tool
from tests.support.servers import PeerServer, start_openssh

CA = generate()
TYPES = [name for name in OPENSSH_TYPES if not key_of(name).needs_agent]
ALGORITHMS = "+ssh-rsa*,ssh-dss*"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    """An sshd that believes our authority and shows a host certificate of it."""
    folder = tmp_path_factory.mktemp("sshd")
    host_key = generate("ecdsa")
    save_private_key(folder / "host", host_key)
    certificate = sign_certificate(
        CA, host_key.public, kind=CertificateKind.HOST, principals=["127.0.0.1", "localhost"]
    )
    save_public_key(folder / "host-cert.pub", certificate)
    save_public_key(folder / "ca.pub", CA.public)
    running = start_openssh(
        folder,
        f"HostKey {folder / 'host'}",
        f"HostCertificate {folder / 'host-cert.pub'}",
        f"TrustedUserCAKeys {folder / 'ca.pub'}",
        f"PubkeyAcceptedAlgorithms {ALGORITHMS}",
        host_key_types=(),
    )
    try:
        running.known_hosts.write_text(f"@cert-authority * {CA.public.line()}\n")
        yield running
    finally:
        running.stop()


def ssh(server: PeerServer, identity: Path) -> subprocess.CompletedProcess[str]:
    options = {
        "BatchMode": "yes",
        "CertificateFile": f"{identity}-cert.pub",
        "ConnectTimeout": "30",
        "GlobalKnownHostsFile": "none",
        "IdentitiesOnly": "yes",
        "PubkeyAcceptedAlgorithms": ALGORITHMS,
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(server.known_hosts),
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = [require_tool("ssh", "openssh-client"), "-F", "none", *words, "-i", str(identity), "-p", str(server.port)]
    return subprocess.run(
        [*command, f"{server.user}@{server.host}", "echo done"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("key_type", TYPES)
def test_a_user_certificate_lets_in(key_type: str, server: PeerServer, tmp_path: Path) -> None:
    key = key_of(key_type)
    save_private_key(tmp_path / "id", key)
    certificate = sign_certificate(CA, key.public, key_id="our user", principals=["somebody", server.user], serial=7)
    save_public_key(tmp_path / "id-cert.pub", certificate)
    done = ssh(server, tmp_path / "id")
    assert done.stdout == "done\n", done.stderr + server.log()
    assert "our user" in server.log()


@pytest.mark.parametrize("authority", ["ssh-rsa", "ecdsa-sha2-nistp521"])
def test_of_an_unknown_authority(authority: str, server: PeerServer, tmp_path: Path) -> None:
    key = key_of("ssh-ed25519")
    save_private_key(tmp_path / "id", key)
    certificate = sign_certificate(key_of(authority), key.public, principals=[server.user])
    save_public_key(tmp_path / "id-cert.pub", certificate)
    assert ssh(server, tmp_path / "id").returncode == 255


def test_what_it_demands_is_done(server: PeerServer, tmp_path: Path) -> None:
    key = key_of("ssh-ed25519")
    save_private_key(tmp_path / "id", key)
    options = {"force-command": "echo forced", "source-address": "192.0.2.0/24,127.0.0.0/8"}
    certificate = sign_certificate(CA, key.public, principals=[server.user], critical_options=options)
    save_public_key(tmp_path / "id-cert.pub", certificate)
    done = ssh(server, tmp_path / "id")
    assert done.stdout == "forced\n", done.stderr
    options["source-address"] = "192.0.2.0/24"
    certificate = sign_certificate(CA, key.public, principals=[server.user], critical_options=options)
    save_public_key(tmp_path / "id-cert.pub", certificate, overwrite=True)
    assert ssh(server, tmp_path / "id").returncode == 255
