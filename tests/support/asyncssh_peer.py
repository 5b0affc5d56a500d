"""AsyncSSH as a server, in the event loop of the test.  Commands really run, in subprocesses."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from tests.support.identities import Identity, make_identity, ssh_keygen, write_known_hosts
from tests.support.processes import HOST

CHUNK = 32768
CLOSE_SECONDS = 10.0


class Accounts(asyncssh.SSHServer):  # type: ignore[misc]
    """Who may log in.  A fresh one is made for each connection."""

    def __init__(self, peer: AsyncSSHPeer) -> None:
        self.peer = peer

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self.peer.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        if username == self.peer.user and "publickey" in self.peer.methods:
            self.connection.set_authorized_keys(str(self.peer.authorized_keys))
        return True

    def public_key_auth_supported(self) -> bool:
        return "publickey" in self.peer.methods

    def password_auth_supported(self) -> bool:
        return "password" in self.peer.methods

    def validate_password(self, username: str, password: str) -> bool:
        return username == self.peer.user and secrets.compare_digest(password, self.peer.password)

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self.peer.methods

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self.peer.submethods = submethods
        return "Sign in", "Two questions.", "", [(prompt, echo) for prompt, echo, _ in self.peer.questions]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return username == self.peer.user and list(responses) == [answer for _, _, answer in self.peer.questions]

    def connection_requested(self, *_: Any) -> bool:
        return True  # direct-tcpip to anywhere


class AsyncSSHPeer:
    """A running server.  ``questions`` of keyboard-interactive are (prompt, echo, the right answer)."""

    name = "AsyncSSH"
    host = HOST

    def __init__(self, folder: Path, user: str, methods: Sequence[str]) -> None:
        self.user = user
        self.methods = tuple(methods)
        self.password = secrets.token_urlsafe(12)
        self.questions = [("Password: ", False, self.password), ("Code: ", True, "271828")]
        self.submethods = ""
        """What a client asked for with keyboard-interactive last."""
        self.identity: Identity = make_identity(folder)
        self.host_key_paths = {"ed25519": ssh_keygen(folder / "host_ed25519")}
        self.authorized_keys = folder / "authorized_keys"
        self.authorized_keys.write_text(self.identity.public_line + "\n")
        self.known_hosts = folder / "known_hosts"
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._sessions: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def client_key(self) -> Path:
        """The private key that is let in (Ed25519, OpenSSH's format, no passphrase)."""
        return self.identity.openssh

    async def start(self, **options: Any) -> None:
        """Listen; ``options`` are asyncssh.listen's, such as encryption_algs or rekey_bytes."""
        settings: dict[str, Any] = {
            "server_host_keys": [str(path) for path in self.host_key_paths.values()],
            "process_factory": self._serve,
            "sftp_factory": True,
            "encoding": None,
            "line_editor": False,
            **options,
        }
        self._server = await asyncssh.listen(HOST, 0, server_factory=lambda: Accounts(self), **settings)
        self.port = self._server.get_port()
        public = [path.with_suffix(".pub").read_text() for path in self.host_key_paths.values()]
        write_known_hosts(self.known_hosts, HOST, self.port, public)

    async def stop(self) -> None:
        """End the server, its connections and the commands."""
        self._server.close()
        for connection in self.connections:
            connection.abort()
            await asyncio.wait_for(connection.wait_closed(), CLOSE_SECONDS)
        for session in self._sessions:
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=CLOSE_SECONDS)
        await asyncio.wait_for(self._server.wait_closed(), CLOSE_SECONDS)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        session = asyncio.current_task()
        assert session
        self._sessions.add(session)
        try:
            await _run_command(process)
        finally:
            self._sessions.discard(session)


async def _run_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """The command in a shell, without a terminal; a session without a command is the shell itself."""
    argv = ["/bin/sh", *(["-c", process.command] if process.command is not None else [])]
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **process.env},
        start_new_session=True,
    )
    feeding = asyncio.ensure_future(_feed(process, child))
    try:
        assert child.stdout
        assert child.stderr
        await asyncio.gather(_drain(child.stdout, process.stdout), _drain(child.stderr, process.stderr))
        status = await child.wait()
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name[len("SIG") :])
        else:
            process.exit(status)
    except (OSError, asyncssh.Error):
        pass  # the connection is gone
    finally:
        feeding.cancel()
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        await asyncio.wait([feeding])


async def _feed(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
    assert child.stdin
    try:
        while True:
            try:
                data = await process.stdin.read(CHUNK)
            except asyncssh.SignalReceived as received:
                os.killpg(child.pid, signal.Signals[f"SIG{received.signal}"])
                continue
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not data:
                return
            child.stdin.write(data)
            await child.stdin.drain()
    except (OSError, asyncssh.Error):
        pass  # the command no longer reads, or the connection is gone
    finally:
        child.stdin.close()


async def _drain(stream: asyncio.StreamReader, writer: asyncssh.SSHWriter[bytes]) -> None:
    while data := await stream.read(CHUNK):
        writer.write(data)
        await writer.drain()
