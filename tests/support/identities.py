"""Keys made while the tests run, by the peers' own programs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.peers import require_tool

KEYGEN_SECONDS = 60


def ssh_keygen(path: Path, key_type: str = "ed25519", *, bits: int | None = None, passphrase: str = "") -> Path:
    """Make an OpenSSH key pair ``path``, ``path``.pub and return ``path``."""
    tool = require_tool("ssh-keygen", "openssh-client")
    size = ["-b", str(bits)] if bits else []
    run_quietly([tool, "-q", "-t", key_type, *size, "-N", passphrase, "-C", "made for a test", "-f", str(path)])
    return path


def fingerprints(public_key_file: Path) -> list[str]:
    """The "SHA256:…" of each key in a .pub or known_hosts file."""
    tool = require_tool("ssh-keygen", "openssh-client")
    return [line.split()[1] for line in run_quietly([tool, "-l", "-f", str(public_key_file)]).splitlines()]


@dataclass(frozen=True)
class Identity:
    """One user key without a passphrase, in the format of each client."""

    openssh: Path

    @property
    def public_line(self) -> str:
        """The line for authorized_keys, without a newline."""
        return self.openssh.with_suffix(".pub").read_text().strip()

    @property
    def ppk(self) -> Path:
        """PuTTY's format."""
        path = self.openssh.with_suffix(".ppk")
        if not path.exists():
            tool = require_tool("puttygen", "putty-tools")
            run_quietly([tool, str(self.openssh), "-O", "private", "-o", str(path)])
        return path

    @property
    def dropbear(self) -> Path:
        """Dropbear's format."""
        path = self.openssh.with_suffix(".dropbear")
        if not path.exists():
            tool = require_tool("dropbearconvert", "dropbear-bin")
            run_quietly([tool, "openssh", "dropbear", str(self.openssh), str(path)])
        return path


def make_identity(folder: Path, key_type: str = "ed25519", *, bits: int | None = None) -> Identity:
    """A fresh key ``folder``/id_TYPE."""
    return Identity(ssh_keygen(folder / f"id_{key_type}", key_type, bits=bits))


def write_known_hosts(path: Path, host: str, port: int, public_lines: list[str]) -> Path:
    """A known_hosts file with each "type base64 …" line for [host]:port and [localhost]:port."""
    names = f"[{host}]:{port},[localhost]:{port}"
    path.write_text("".join(f"{names} {' '.join(line.split()[:2])}\n" for line in public_lines))
    return path


def run_quietly(argv: list[str]) -> str:
    """Run a program that asks nothing; its output."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=KEYGEN_SECONDS)
    assert done.returncode == 0, f"{argv[0]} failed: {done.stdout}{done.stderr}"
    return done.stdout
