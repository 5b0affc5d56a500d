"""The clients of others, run against our server or any other: OpenSSH's ssh, PuTTY's plink, Dropbear's dbclient.

A method of `PeerClients` builds a command; ``run`` waits for it in the calling thread, ``run_async`` leaves the event
loop free for a server that lives in it.  ``argv`` and ``env`` are there for tests that give the client a terminal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.identities import Identity, fingerprints
from tests.support.peers import require_tool
from tests.support.processes import PeerError

RUN_SECONDS = 90.0


@dataclass(frozen=True)
class ClientCommand:
    """A client's command line and environment."""

    argv: list[str]
    env: dict[str, str]

    def popen(self, **options: Any) -> subprocess.Popen[bytes]:
        """Start it with pipes, in a process group of its own; the caller ends it."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(self.argv, env=self.env, start_new_session=True, **{**pipes, **options})

    def run(self, input: bytes = b"", seconds: float = RUN_SECONDS) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end; PeerError with all output when the deadline comes first."""
        with self.popen() as process:
            try:
                stdout, stderr = process.communicate(input, seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                stdout, stderr = process.communicate()
                raise self._too_late(seconds, stdout, stderr) from None
        return subprocess.CompletedProcess(self.argv, process.returncode, stdout, stderr)

    async def run_async(self, input: bytes = b"", seconds: float = RUN_SECONDS) -> subprocess.CompletedProcess[bytes]:
        """`run` for a test whose event loop has to go on."""
        process = await asyncio.create_subprocess_exec(
            *self.argv,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        talk = asyncio.ensure_future(process.communicate(input))
        try:
            stdout, stderr = await asyncio.wait_for(asyncio.shield(talk), seconds)
        except asyncio.TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            raise self._too_late(seconds, *await talk) from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            talk.cancel()
            raise
        assert process.returncode is not None
        return subprocess.CompletedProcess(self.argv, process.returncode, stdout, stderr)

    def _too_late(self, seconds: float, stdout: bytes, stderr: bytes) -> PeerError:
        return PeerError(f"{self.argv} did not end within {seconds:g} s\nstdout: {stdout!r}\nstderr: {stderr!r}")


class PeerClients:
    """Builds client commands with a throw-away home below ``folder``.

    Where ``known_hosts`` is left out, `ssh` and `dbclient` take any host key; `plink` cannot do without.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self.home / ".ssh").mkdir(mode=0o700, parents=True)

    def _env(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm-256color", **more}

    def askpass(self) -> str:
        """Write the program for SSH_ASKPASS, which answers with PEER_PASSWORD; returns its path."""
        path = self.home / "askpass"
        if not path.exists():
            path.write_text("#!/bin/sh\nprintf '%s\\n' \"$PEER_PASSWORD\"\n")
            path.chmod(0o700)
        return str(path)

    def ssh(
        self,
        host: str,
        port: int,
        user: str,
        command: str | None = None,
        *,
        identity: Identity | None = None,
        password: str | None = None,
        known_hosts: Path | None = None,
        options: Sequence[str] = (),
    ) -> ClientCommand:
        """OpenSSH's ssh; ``options`` are further words before the host, such as "-tt" or "-oCiphers=…"."""
        argv = [require_tool("ssh", "openssh-client"), *options, "-F", "none", "-p", str(port), "-l", user]
        settings = {
            "ConnectTimeout": "20",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": str(identity.openssh) if identity else "none",
            "NumberOfPasswordPrompts": "1",
            "StrictHostKeyChecking": "yes" if known_hosts else "no",
            "UserKnownHostsFile": str(known_hosts or os.devnull),
            "GlobalKnownHostsFile": os.devnull,
            "LogLevel": "INFO" if known_hosts else "ERROR",
        }
        env = self._env()
        if password is None:
            settings["BatchMode"] = "yes"
        else:
            env.update(SSH_ASKPASS=self.askpass(), SSH_ASKPASS_REQUIRE="force", PEER_PASSWORD=password)
        argv += [f"-o{name}={value}" for name, value in settings.items()]
        return ClientCommand([*argv, host, *([command] if command is not None else [])], env)

    def plink(
        self,
        host: str,
        port: int,
        user: str,
        command: str | None = None,
        *,
        known_hosts: Path,
        identity: Identity | None = None,
        password: str | None = None,
        options: Sequence[str] = (),
    ) -> ClientCommand:
        """PuTTY's plink."""
        argv = [require_tool("plink", "putty-tools"), "-ssh", "-batch", "-noagent", "-P", str(port), "-l", user]
        argv += [word for fingerprint in fingerprints(known_hosts) for word in ("-hostkey", fingerprint)]
        if identity:
            argv += ["-i", str(identity.ppk)]
        if password is not None:
            argv += ["-pw", password]
        return ClientCommand([*argv, *options, host, *([command] if command is not None else [])], self._env())

    def dbclient(
        self,
        host: str,
        port: int,
        user: str,
        command: str | None = None,
        *,
        identity: Identity | None = None,
        password: str | None = None,
        known_hosts: Path | None = None,
        options: Sequence[str] = (),
    ) -> ClientCommand:
        """Dropbear's dbclient."""
        argv = [require_tool("dbclient", "dropbear-bin"), "-p", str(port), "-l", user]
        if known_hosts:
            # Its known_hosts has no ports.
            keys = [" ".join(line.split()[1:3]) for line in known_hosts.read_text().splitlines()]
            (self.home / ".ssh" / "known_hosts").write_text("".join(f"{host} {key}\n" for key in keys))
        else:
            argv.append("-y")
        if identity:
            argv += ["-i", str(identity.dropbear)]
        env = self._env() if password is None else self._env(DROPBEAR_PASSWORD=password)
        return ClientCommand([*argv, *options, host, *([command] if command is not None else [])], env)
