"""The servers of others that run as programs: OpenSSH's, Dropbear's and TinySSH's.

Each ``start_…`` makes its keys and its account in a folder of its own and returns a `PeerServer`, which is listening.
"""

from __future__ import annotations

import base64
import functools
import os
import pwd
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.accounts import Account, make_account
from tests.support.identities import Identity, make_identity, run_quietly, ssh_keygen, write_known_hosts
from tests.support.peers import require_tool
from tests.support.processes import HOST, ServerProcess

# OpenSSH's sshd, started by root, wants this folder; Debian makes it only when the service starts.
PRIVILEGE_SEPARATION = Path("/run/sshd")
HOST_KEY_TYPES = ("ed25519", "ecdsa", "rsa")
RSA_BITS = 2048  # the smallest that everyone accepts: the quickest to make


@dataclass(frozen=True)
class PeerServer:
    """A running server, and all that a client needs in order to log in to it."""

    name: str
    host: str
    port: int
    user: str
    password: str
    identity: Identity
    known_hosts: Path
    host_key_paths: Mapping[str, Path]  # by key type, such as "ed25519"
    authorized_keys: Path
    home: Path
    process: ServerProcess
    leftovers: ExitStack  # what is removed when the server ends

    @property
    def client_key(self) -> Path:
        """The private key that is let in (Ed25519, OpenSSH's format, no passphrase)."""
        return self.identity.openssh

    def authorize(self, public_line: str) -> None:
        """Let a further key in."""
        with self.authorized_keys.open("a") as file:
            file.write(public_line.strip() + "\n")

    def log(self) -> str:
        """What the server has logged so far."""
        return self.process.log()

    def stop(self) -> None:
        """End the server and its sessions."""
        self.process.stop()
        self.leftovers.close()


def _serve(
    name: str,
    folder: Path,
    account: Account,
    host_keys: Mapping[str, tuple[Path, str]],
    argv: Callable[[int], Sequence[str]],
) -> PeerServer:
    """Start ``argv``; ``host_keys`` maps a key type to its private file and its public line."""
    identity = make_identity(folder)
    account.authorized_keys.write_text(identity.public_line + "\n")
    account.authorized_keys.chmod(0o600)
    process = ServerProcess(name, argv, folder / "log", account.env)
    public_lines = [public for _, public in host_keys.values()]
    return PeerServer(
        name=name,
        host=HOST,
        port=process.port,
        user=account.name,
        password=account.password,
        identity=identity,
        known_hosts=write_known_hosts(folder / "known_hosts", HOST, process.port, public_lines),
        host_key_paths={key_type: path for key_type, (path, _) in host_keys.items()},
        authorized_keys=account.authorized_keys,
        home=account.home,
        process=process,
        leftovers=ExitStack(),
    )


@functools.cache
def _rsa_host_key() -> tuple[bytes, bytes]:
    """One RSA key pair for all servers of this process: making one takes as long as starting a server."""
    with tempfile.TemporaryDirectory(prefix="peer") as folder:
        path = ssh_keygen(Path(folder) / "host_rsa", "rsa", bits=RSA_BITS)
        return path.read_bytes(), path.with_suffix(".pub").read_bytes()


def _host_key(path: Path, key_type: str) -> Path:
    if key_type != "rsa":
        return ssh_keygen(path, key_type)
    private, public = _rsa_host_key()
    path.write_bytes(private)
    path.chmod(0o600)
    path.with_suffix(".pub").write_bytes(public)
    return path


def _openssh_host_keys(folder: Path, key_types: Iterable[str]) -> dict[str, tuple[Path, str]]:
    paths = {key_type: _host_key(folder / f"host_{key_type}", key_type) for key_type in key_types}
    return {key_type: (path, path.with_suffix(".pub").read_text()) for key_type, path in paths.items()}


def start_openssh(
    folder: Path, *lines: str, user: str | None = None, host_key_types: Iterable[str] = HOST_KEY_TYPES
) -> PeerServer:
    """OpenSSH's sshd.  ``lines`` of sshd_config win over those below.  No keyboard-interactive: that needs PAM."""
    sshd = require_tool("sshd", "openssh-server")
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    account = make_account(folder, user)
    host_keys = _openssh_host_keys(folder, host_key_types)
    config = [
        *lines,
        *(f"HostKey {path}" for path, _ in host_keys.values()),
        f"AuthorizedKeysFile {account.authorized_keys}",
        "AcceptEnv LANG LC_* JUPYTER_SSH_*",
        "KbdInteractiveAuthentication no",
        "LogLevel VERBOSE",
        "MaxStartups 100",
        "PasswordAuthentication yes",
        "PermitRootLogin yes",
        "PidFile none",
        "PrintLastLog no",
        "PrintMotd no",
        "StrictModes no",
        "Subsystem sftp internal-sftp",
        "UseDNS no",
        "UsePAM no",
    ]
    config_file = folder / "sshd_config"
    config_file.write_text("\n".join(config) + "\n")
    return _serve(
        "OpenSSH sshd",
        folder,
        account,
        host_keys,
        # sshd runs itself anew for each connection: its own path and the file's must be absolute.
        lambda port: [sshd, "-D", "-e", "-f", str(config_file), "-o", f"ListenAddress={HOST}:{port}"],
    )


def start_dropbear(
    folder: Path, *options: str, user: str | None = None, host_key_types: Iterable[str] = HOST_KEY_TYPES
) -> PeerServer:
    """Dropbear, with further command-line ``options``."""
    dropbear = require_tool("dropbear", "dropbear-bin")
    convert = require_tool("dropbearconvert", "dropbear-bin")
    account = make_account(folder, user)
    host_keys = {}
    for key_type, (path, public) in _openssh_host_keys(folder, host_key_types).items():
        converted = folder / f"dropbear_{key_type}"
        run_quietly([convert, "openssh", "dropbear", str(path), str(converted)])
        host_keys[key_type] = (converted, public)
    keys = [word for path, _ in host_keys.values() for word in ("-r", str(path))]
    pid_file = str(folder / "pid")
    return _serve(
        "Dropbear",
        folder,
        account,
        host_keys,
        lambda port: [dropbear, "-F", "-E", "-m", "-p", f"{HOST}:{port}", "-P", pid_file, *keys, *options],
    )


def _guarded_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in which, and above which, nobody else may write: /tmp is none."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), "/run", pwd.getpwuid(os.getuid()).pw_dir):
        above = [Path(parent), *Path(parent).parents] if parent else []
        if above and os.access(parent, os.W_OK) and not any(folder.stat().st_mode & 0o022 for folder in above):
            return tempfile.TemporaryDirectory(prefix="peer", dir=parent)
    pytest.skip("there is no folder that only this user may write to")


def start_tinyssh(folder: Path, *options: str, user: str | None = None) -> PeerServer:
    """TinySSH behind socat, which listens for it.  It knows Ed25519 only, and no passwords."""
    tinysshd = require_tool("tinysshd", "tinysshd")
    makekey = require_tool("tinysshd-makekey", "tinysshd")
    socat = require_tool("socat", "socat")
    keys = folder / "keys"
    run_quietly([makekey, "-q", str(keys)])
    # The public key is bare; RFC 8709 §4: string "ssh-ed25519", string key.
    blob = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", (keys / "ed25519.pk").read_bytes())
    )
    public = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    command = " ".join([tinysshd, *(options or ("-v",)), str(keys)])
    with ExitStack() as stack:
        # It looks at the mode of every folder above the home, too.
        account = make_account(folder, user, Path(stack.enter_context(_guarded_folder())))
        server = _serve(
            "TinySSH",
            folder,
            account,
            {"ed25519": (keys / ".ed25519.sk", public)},
            lambda port: [socat, f"TCP-LISTEN:{port},bind={HOST},reuseaddr,fork", f"EXEC:{command}"],
        )
        server.leftovers.enter_context(stack.pop_all())
        return server
