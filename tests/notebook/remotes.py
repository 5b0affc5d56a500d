"""Our own server as a remote for kernels; it runs in a thread of the tests."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_ssh.ssh.keys import generate, save_private_key
from jupyter_ssh.ssh.server import listen
from tests.support.passwords import hashed_at_first_use

HOST = "127.0.0.1"
SECONDS = 90


@dataclass(frozen=True)
class Remote:
    """What a kernel needs in order to log in."""

    host: str
    port: int
    user: str
    password: str
    client_key: Path
    known_hosts: Path
    host_key_fingerprint: str


@contextmanager
def embedded_server(folder: Path, **options: Any) -> Iterator[Remote]:
    """The embedded server, for the user of the tests."""
    host_key, client_key = generate(), generate()
    key_file = folder / "client_key"
    save_private_key(key_file, client_key)
    authorized = folder / "authorized_keys"
    authorized.write_text(key_file.with_suffix(".pub").read_text())
    user, password = getpass.getuser(), secrets.token_urlsafe(12)
    options.setdefault("passwords", hashed_at_first_use(user, password))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded server")
    thread.start()

    def call(awaitable: Any) -> Any:
        async def work() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(work(), loop).result(SECONDS)

    try:
        server = call(listen(HOST, 0, host_keys=[host_key], authorized_keys=authorized, **options))
        try:
            known_hosts = folder / "known_hosts"
            known_hosts.write_text(f"[{HOST}]:{server.port} {host_key.public.line()}\n")
            yield Remote(HOST, server.port, user, password, key_file, known_hosts, host_key.public.fingerprint)
        finally:
            call(server.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
