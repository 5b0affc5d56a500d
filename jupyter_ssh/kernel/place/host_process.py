"""The host process, for terminals without a notebook: ``python -m jupyter_ssh.kernel.place.host_process RUNTIME``.

The Jupyter server extension starts this process, which is the place named ``host``.  It serves the same kind of socket
as a kernel, needs neither ipykernel nor zmq, outlives the server, and ends when it is not needed: see `Lifetime`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO, Final

from jupyter_ssh.kernel.place.running import place_on_engine
from jupyter_ssh.pages.rendezvous import HOST_PLACE, private_folder

IDLE_SECONDS: Final = 60.0
"""The process ends after this long with nothing in use and no pages."""
ABANDONED_SECONDS: Final = 600.0
"""The process ends after this long without any server or page, even if something is in use."""
_LOOK_SECONDS: Final = 1.0


class Lifetime:
    """Decides when the process is no longer needed; times are those of a monotonic clock."""

    def __init__(self, now: float) -> None:
        self._needed_at = now
        self._served_at = now

    def over(self, now: float, *, in_use: bool, pages: int, servers: int) -> bool:
        """Return whether the process should end.

        ``in_use`` is that of the place; ``pages`` and ``servers`` are the numbers of pages and of servers with a lease.
        """
        if in_use or pages:
            self._needed_at = now
        if servers or pages:
            self._served_at = now
        return now - self._needed_at >= IDLE_SECONDS or now - self._served_at >= ABANDONED_SECONDS


async def serve(runtime: Path) -> None:
    """Serve until the process is no longer needed."""
    place = await place_on_engine(HOST_PLACE, runtime)
    listener = place.listener
    if listener is None:
        raise SystemExit("there is no socket to listen on")
    lifetime = Lifetime(time.monotonic())
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if lifetime.over(time.monotonic(), in_use=place.in_use, pages=place.pages, servers=listener.leases):
            return


def _alone(folder: Path) -> IO[bytes] | None:
    """Return a file that stays locked while this process lives; None if another process has locked it."""
    file = open(folder / "host.lock", "ab")  # noqa: SIM115
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def main(arguments: list[str]) -> int:
    """Run the host process until it is no longer needed; return at once if another one is running."""
    from jupyter_ssh.kernel.engine import get_engine

    runtime = Path(arguments[0])
    lock = _alone(private_folder(runtime))
    if lock is None:
        return 0
    os.chdir(os.path.expanduser("~") if os.path.isdir(os.path.expanduser("~")) else "/")
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupted)
    engine = get_engine()
    try:
        engine.call(lambda: serve(runtime))
    except KeyboardInterrupt:
        pass
    finally:
        engine.stop()
        lock.close()
    return 0


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
