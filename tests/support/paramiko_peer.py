"""Paramiko as a server, in threads.  Commands really run, in subprocesses."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import paramiko

from tests.support.identities import Identity, make_identity, ssh_keygen, write_known_hosts
from tests.support.processes import HOST, STOP_SECONDS

CHUNK = 32768
AUTH_SECONDS = 30.0


class _Accounts(paramiko.ServerInterface):
    """Who may log in, and what is started for them.  A fresh one is made for each connection."""

    def __init__(self, peer: ParamikoPeer) -> None:
        self.peer = peer

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(self.peer.methods)

    def check_auth_password(self, username: str, password: str) -> int:
        right = username == self.peer.user and secrets.compare_digest(password, self.peer.password)
        return self._outcome("password", right)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._outcome("publickey", username == self.peer.user and key.get_base64() in self.peer.authorized)

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        if "keyboard-interactive" not in self.peer.methods or username != self.peer.user:
            return paramiko.AUTH_FAILED
        prompts = [(prompt, echo) for prompt, echo, _ in self.peer.questions]
        return paramiko.InteractiveQuery("Sign in", "Two questions.", *prompts)

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        right = responses == [answer for _, _, answer in self.peer.questions]
        return self._outcome("keyboard-interactive", right)

    def _outcome(self, method: str, right: bool) -> int:
        return paramiko.AUTH_SUCCESSFUL if right and method in self.peer.methods else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        return False

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return self.peer.execute(channel, ["/bin/sh"])

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self.peer.execute(channel, ["/bin/sh", "-c", os.fsdecode(command)])


class ParamikoPeer:
    """A running server.  ``questions`` of keyboard-interactive are (prompt, echo, the right answer)."""

    name = "Paramiko"
    host = HOST

    def __init__(self, folder: Path, user: str, methods: Sequence[str]) -> None:
        self.user = user
        self.methods = tuple(methods)
        self.password = secrets.token_urlsafe(12)
        self.questions = [("Password: ", False, self.password), ("Code: ", True, "271828")]
        self.identity: Identity = make_identity(folder)
        self.host_key_paths = {"ed25519": ssh_keygen(folder / "host_ed25519")}
        self.authorized = {self.identity.public_line.split()[1]}
        self.transports: list[paramiko.Transport] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self.host_keys: list[paramiko.PKey] = [paramiko.Ed25519Key(filename=str(self.host_key_paths["ed25519"]))]
        """For the connections that come from now on, one of each type."""
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        public = [path.with_suffix(".pub").read_text() for path in self.host_key_paths.values()]
        self.known_hosts = write_known_hosts(folder / "known_hosts", HOST, self.port, public)
        self._acceptor = threading.Thread(target=self._accept, name="paramiko peer", daemon=True)
        self._acceptor.start()

    @property
    def client_key(self) -> Path:
        """The private key that is let in (Ed25519, OpenSSH's format, no passphrase)."""
        return self.identity.openssh

    def stop(self) -> None:
        """End the server, its connections and the commands."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(); close() alone would not
        self._listener.close()
        self._acceptor.join(STOP_SECONDS)
        for transport in self.transports:
            transport.close()
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(STOP_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            for host_key in self.host_keys:
                transport.add_server_key(host_key)
            transport.auth_timeout = AUTH_SECONDS
            self.transports.append(transport)
            try:
                # with an event it does not wait for the exchange, so that the next client is let in meanwhile
                transport.start_server(event=threading.Event(), server=_Accounts(self))
            except (OSError, EOFError, paramiko.SSHException):
                transport.close()

    def execute(self, channel: paramiko.Channel, argv: list[str]) -> bool:
        """Start a command on a channel; threads carry its streams until all have ended."""
        pipe = subprocess.PIPE
        child = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        self._children.append(child)
        threading.Thread(target=_feed, args=(channel, child.stdin), daemon=True).start()
        threading.Thread(target=_serve, args=(channel, child), daemon=True).start()
        return True


def _feed(channel: paramiko.Channel, stdin: IO[bytes]) -> None:
    try:
        while data := channel.recv(CHUNK):
            stdin.write(data)
            stdin.flush()
    except OSError:
        pass
    try:
        stdin.close()
    except OSError:
        pass


def _drain(stream: IO[bytes], send: Any) -> None:
    with stream:
        try:
            while data := os.read(stream.fileno(), CHUNK):
                send(data)
        except OSError:
            pass  # the connection is gone


def _serve(channel: paramiko.Channel, child: subprocess.Popen[bytes]) -> None:
    assert child.stdout
    assert child.stderr
    errors = threading.Thread(target=_drain, args=(child.stderr, channel.sendall_stderr), daemon=True)
    errors.start()
    _drain(child.stdout, channel.sendall)
    errors.join()
    status = child.wait()
    try:
        channel.send_exit_status(status if status >= 0 else 128 - status)
        channel.close()
    except (OSError, EOFError, paramiko.SSHException):
        pass
