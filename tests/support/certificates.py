"""Authorities and their certificates, made by ssh-keygen while the tests run."""

from __future__ import annotations

from pathlib import Path

from tests.support.identities import run_quietly, ssh_keygen
from tests.support.peers import require_tool


def make_authority(folder: Path, name: str = "ca", key_type: str = "ed25519") -> Path:
    """A fresh authority ``folder``/name; its public half lies beside it."""
    return ssh_keygen(folder / name, key_type, bits=2048 if key_type == "rsa" else None)


def certify(authority: Path, key: Path, *options: str, principals: str | None = None, key_id: str = "a test") -> Path:
    """Certifies the public half of the private key file ``key`` with ssh-keygen's ``options``: ``key``-cert.pub."""
    tool = require_tool("ssh-keygen", "openssh-client")
    names = ["-n", principals] if principals is not None else []
    run_quietly([tool, "-q", "-s", str(authority), "-I", key_id, *names, *options, f"{key}.pub"])
    return Path(f"{key}-cert.pub")
