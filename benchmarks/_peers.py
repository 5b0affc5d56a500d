"""The server that all clients are measured against, and the clients as programs of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from _support import KEX, MAC, MIB, ROOT

from tests.support.servers import start_openssh

DEADLINE = 300.0
"""Seconds after which a client is given up."""

ZEROS = "zeros"
"""A file of zeros in the peer's folder, for a client that sends what it reads."""


@dataclass(frozen=True)
class Peer:
    """A server, and all that a client needs in order to log in to it."""

    host: str
    port: int
    user: str
    key: str
    known_hosts: str
    folder: str

    def through(self, port: int) -> Peer:
        """The same server behind a relay; its known_hosts must name that port, too."""
        text = Path(self.known_hosts).read_text()
        with Path(self.known_hosts).open("a") as file:
            file.write(text.replace(f":{self.port}", f":{port}"))
        return replace(self, port=port)

    @property
    def ssh(self) -> list[str]:
        """OpenSSH's client with the options that make it this server's."""
        return [
            shutil.which("ssh") or "ssh",
            "-F",
            "none",
            "-p",
            str(self.port),
            "-i",
            self.key,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "LogLevel=ERROR",
            "-o",
            f"UserKnownHostsFile={self.known_hosts}",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
        ]


@contextmanager
def sshd() -> Iterator[Peer]:
    """OpenSSH's server on a free port of the loopback interface, with keys of its own."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        server = start_openssh(folder, "LogLevel ERROR", "MaxSessions 100", host_key_types=("ed25519",))
        try:
            yield Peer(server.host, server.port, server.user, str(server.client_key), str(server.known_hosts), name)
        finally:
            server.stop()


@dataclass(frozen=True)
class Use:
    """What one client used: seconds."""

    wall: float
    """From the command to its end: no start of an interpreter, no connecting (`Use.whole_wall` has those)."""
    cpu: float
    """User and system time of the same span."""
    whole_wall: float
    whole_cpu: float
    """User and system time of the whole process."""
    report: dict[str, Any]
    """What else the client said."""


def run_child(
    argv: Sequence[str], *, stdin: str | None = None, keep: bool = False, env: Mapping[str, str] | None = None
) -> tuple[float, float, str]:
    """Runs a program: seconds, CPU seconds, and its output if it is to be kept.  Raises `RuntimeError` if it fails."""
    with (
        open(stdin or os.devnull, "rb") as source,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        sink = output if keep else subprocess.DEVNULL
        began = time.perf_counter()
        child = subprocess.Popen(argv, stdin=source, stdout=sink, stderr=errors, env=env)
        killer = threading.Timer(DEADLINE, child.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            killer.cancel()
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(f"{argv[0]} ended with {child.returncode}:\n{errors.read().decode(errors='replace')}")
        output.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, output.read().decode()


def run_python(peer: Peer, *argv: str) -> tuple[float, float, str]:
    """Runs Python in a fresh process: as `run_child`, its output kept.

    The compiled modules of everybody are kept in the peer's folder: what is measured is not the compiler.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return run_child([sys.executable, *argv], keep=True, env={**env, "PYTHONPYCACHEPREFIX": f"{peer.folder}/pycache"})


def python_client(client: str, task: str, peer: Peer, *, kex: str | None = KEX, **options: Any) -> Use:
    """One of `_clients` in a fresh interpreter; without ``kex`` and ``cipher`` it takes its own defaults."""
    request = {"host": peer.host, "port": peer.port, "user": peer.user, "key": peer.key, **options}
    request |= {"known_hosts": peer.known_hosts, "kex": kex, "mac": MAC}
    program = str(ROOT / "benchmarks" / "_clients.py")
    wall, cpu, output = run_python(peer, program, client, task, json.dumps(request))
    report = json.loads(output)
    return Use(report["wall"], report["cpu"], wall, cpu, report)


def openssh_client(task: str, peer: Peer, *, kex: str | None = KEX, cipher: str | None = None, size: int = 0) -> Use:
    """OpenSSH's ``ssh`` doing the same: "download", "upload" or "true".

    It writes to /dev/null and reads from a file of zeros.  There is no span without connecting to be measured in it:
    take that of "true" off.
    """
    chosen = {"KexAlgorithms": kex, "Ciphers": cipher, "MACs": MAC if cipher else None}
    options = [word for name, value in chosen.items() if value for word in ("-o", f"{name}={value}")]
    stdin = None
    if task == "upload":
        stdin = f"{peer.folder}/{ZEROS}-{size // MIB}"
        if not Path(stdin).exists():
            with open(stdin, "wb") as file:
                file.truncate(size)
    argv = [*peer.ssh, *options, f"{peer.user}@{peer.host}", remote_command(task, size)]
    wall, cpu, _ = run_child(argv, stdin=stdin)
    return Use(wall, cpu, wall, cpu, {})


def remote_command(task: str, size: int) -> str:
    """What runs on the server for a task."""
    return {"download": f"head -c {size} /dev/zero", "upload": "cat > /dev/null", "true": "true"}[task]
