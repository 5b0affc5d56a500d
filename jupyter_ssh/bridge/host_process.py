"""Start of the host process, the extension's own for terminals without a notebook, and the server's lease on it.

It outlives this server.  The lease is a silent connection, by which the process knows that there is a server.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

from jupyter_ssh.bridge.relay import PlaceConnection, connect_place
from jupyter_ssh.pages.frames import Close
from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, LEASE, private_folder, read_place
from jupyter_ssh.ssh.errors import ConnectError, SSHError

MODULE: Final = "jupyter_ssh.kernel.place.host_process"
START_SECONDS: Final = 20.0
AGAIN_SECONDS: Final = 1.0
"""The interval between attempts to start it while another one is ending."""
_POLL: Final = 0.05


class HostProcess:
    """The host process of one user's server; ``runtime`` is the Jupyter runtime directory."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self._lease: PlaceConnection | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._process: subprocess.Popen[bytes] | None = None

    async def ensure(self) -> None:
        """Start the process if it does not run, and wait until it knows of this server.  Raises `ConnectError`."""
        async with self._lock:
            if self._lease is not None or await self._take_lease():
                return
            process = self._process = self._start()
            loop = asyncio.get_running_loop()
            begun = loop.time()
            end = begun + START_SECONDS
            while loop.time() < end:
                if await self._take_lease():
                    return
                status = process.poll()
                if status not in (None, 0):
                    break
                # Status 0 means that it found another host process: one that somebody else has just started, or that
                # is still ending.
                if status == 0 and loop.time() - begun >= AGAIN_SECONDS:
                    process, begun = self._start(), loop.time()
                    self._process = process
                await asyncio.sleep(_POLL)
            raise ConnectError(
                "the process for terminals did not start",
                phase="terminal",
                next_step=f"See {self.runtime / FOLDER / 'host.log'}.",
            )

    def _start(self) -> subprocess.Popen[bytes]:
        folder = private_folder(self.runtime)
        with open(folder / "host.log", "wb") as log:
            (folder / "host.log").chmod(0o600)
            return subprocess.Popen(
                [sys.executable, "-m", MODULE, str(self.runtime)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,  # a random.py in the home directory would shadow Python's; `main` changes to it
                start_new_session=True,  # it survives whatever ends this server
            )

    async def adopt(self) -> None:
        """Take a lease on the process if it already runs."""
        async with self._lock:
            if self._lease is None:
                await self._take_lease()

    def hold(self) -> None:
        """Take the lease again if it is gone: a page has connected to a process that may be a newer one."""
        if self._lease is None:
            task = asyncio.ensure_future(self.adopt())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take_lease(self) -> bool:
        if self._process is not None:
            self._process.poll()  # collects its exit status, so that it does not stay a zombie
        place = read_place(self.runtime / FOLDER, HOST_PLACE)
        if place is None:
            return False

        is_over = False

        def ended(_: Close | None) -> None:
            nonlocal is_over
            is_over = True
            self._lease = None
            if self._process is not None:
                self._process.poll()

        try:
            lease = await connect_place(place, LEASE, lambda kind, body: None, ended)
        except (OSError, SSHError):
            return False
        if is_over:  # the process may end between its proof and here
            return False
        self._lease = lease
        return True
