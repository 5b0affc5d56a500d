"""Our own server as a peer: on a thread with a loop of its own, or in the test's loop.

``embedded_server`` is one that runs; ``embedded_server_factory`` takes the options of `jupyter_ssh.ssh.listen`.  Both
live on a thread, so that tests with and without a loop can use them.  Children run in a throw-away home.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from jupyter_ssh.ssh.keys import PrivateKey
from jupyter_ssh.ssh.server import Server, listen
from jupyter_ssh.ssh.server.logins.accounts import current_account
from jupyter_ssh.ssh.server.options import Ask
from tests.support.certificates import certify
from tests.support.identities import Identity, make_identity, ssh_keygen, write_known_hosts
from tests.support.passwords import hashed_at_first_use
from tests.support.processes import HOST

T = TypeVar("T")

Factory = Callable[..., "EmbeddedServer"]

START_SECONDS = 90.0
RSA_BITS = 2048


@dataclass
class EmbeddedServer:
    """A server and all that a client needs in order to log in to it."""

    folder: Path
    user: str = field(default_factory=lambda: current_account().name)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    name = "jupyter_ssh"
    host = HOST
    port = 0
    server: Server | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.identity: Identity = make_identity(self.folder)
        self.authorized_keys = self.folder / "authorized_keys"
        self.authorize(self.identity.public_line)
        self.known_hosts = self.folder / "known_hosts"
        self.questions = [("Password: ", False, self.password), ("Code: ", True, "271828")]

    @property
    def client_key(self) -> Path:
        """The private key that is let in (Ed25519, OpenSSH's format, no passphrase)."""
        return self.identity.openssh

    def authorize(self, line: str) -> None:
        """Adds a line to authorized_keys."""
        with self.authorized_keys.open("a") as file:
            file.write(line.strip() + "\n")
        self.authorized_keys.chmod(0o600)

    async def _answers(self, user: str, ask: Ask) -> bool:
        given = await ask("Sign in", "Two questions.", [(prompt, echo) for prompt, echo, _ in self.questions])
        return list(given) == [answer for _, _, answer in self.questions]

    async def start(
        self,
        *,
        host_key_types: Sequence[str] = ("ed25519",),
        methods: Sequence[str] = ("publickey", "password"),
        authority: Path | None = None,
        host_keys: Sequence[PrivateKey] = (),
        **options: Any,
    ) -> Server:
        """Listens in the running loop, with ``host_keys`` or, by types, with new ones; ``options`` as for `listen`.

        ``authority`` makes host certificates of the new ones.
        """
        if host_keys:
            host_key_types = ()
        self.host_key_paths = {
            kind: ssh_keygen(self.folder / f"host_{kind}", kind, bits=RSA_BITS if kind == "rsa" else None)
            for kind in host_key_types
        }
        if authority is not None:
            paths = self.host_key_paths.values()
            options["host_certificates"] = [certify(authority, path, "-h", principals=HOST) for path in paths]
        ways: dict[str, dict[str, Any]] = {
            "publickey": {"authorized_keys": self.authorized_keys},
            "password": {"passwords": hashed_at_first_use(self.user, self.password)},
            "keyboard-interactive": {"keyboard_interactive": self._answers},
        }
        for method in methods:
            options = {**ways[method], **options}
        server = await listen(HOST, 0, host_keys=[*host_keys, *self.host_key_paths.values()], **options)
        server.account = replace(server.account, home=str(self.home), shell="/bin/bash")
        self.server, self.port = server, server.port
        public_lines = [path.with_suffix(".pub").read_text() for path in self.host_key_paths.values()]
        public_lines += [key.public.line() for key in host_keys]
        write_known_hosts(self.known_hosts, HOST, self.port, public_lines)
        return server


@asynccontextmanager
async def embedded_in_loop(folder: Path, **options: Any) -> AsyncIterator[EmbeddedServer]:
    """A server in the running loop."""
    peer = EmbeddedServer(folder)
    async with await peer.start(**options):
        yield peer


class LoopThread:
    """An asyncio loop on a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="embedded server", daemon=True)
        self._thread.start()

    def run(self, work: Any, seconds: float = START_SECONDS) -> Any:
        """Runs a coroutine there and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def call(self, function: Callable[[], T]) -> T:
        """Calls a function there."""

        async def work() -> T:
            return function()

        result: T = self.run(work())
        return result

    def stop(self) -> None:
        """Ends the loop and the thread."""

        async def rest() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.get_running_loop().shutdown_default_executor()

        self.run(rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(START_SECONDS)
        self.loop.close()


@pytest.fixture
def embedded_server_factory(tmp_path: Path) -> Iterator[Factory]:
    """``make(user=…, host_key_types=…, methods=…, **options of listen)``."""
    with ExitStack() as stack:
        thread = LoopThread()
        stack.callback(thread.stop)

        def make(*, user: str | None = None, **options: Any) -> EmbeddedServer:
            folder = tmp_path / f"embedded{len(list(tmp_path.glob('embedded*')))}"
            peer = EmbeddedServer(folder, user or current_account().name)
            server = thread.run(peer.start(**options))
            stack.callback(lambda: thread.run(server.close()))
            return peer

        yield make


@pytest.fixture
def embedded_server(embedded_server_factory: Factory) -> EmbeddedServer:
    return embedded_server_factory()
