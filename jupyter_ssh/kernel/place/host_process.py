"""``python -m jupyter_ssh.kernel.place.host_process RUNTIME``: the place ``host``, for terminals without a notebook.

The extension of the Jupyter server starts this process.  It serves the same socket as a kernel does, needs neither
ipykernel nor zmq, and outlives the server.  It ends by itself: see `Lifetime`.
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
"""With nothing in use and without a page."""
ABANDONED_SECONDS: Final = 600.0
"""Without any server, whatever is in use."""
_LOOK_SECONDS: Final = 1.0


class Lifetime:
    """Decides when the process is no longer needed; times are those of a monotonic clock."""

    def __init__(self, now: float) -> None:
        self._needed_at = now
        self._served_at = now

    def over(self, now: float, *, in_use: bool, pages: int, servers: int) -> bool:
        """Return whether to end, with so many pages and servers (leases); ``in_use`` as a place says it."""
        if in_use or pages:
            self._needed_at = now
        if servers or pages:
            self._served_at = now
        return now - self._needed_at >= IDLE_SECONDS or now - self._served_at >= ABANDONED_SECONDS


async def serve(runtime: Path) -> None:
    """Serve until nobody needs the process."""
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
    """Return a file locked as long as this process lives; None if another one has it."""
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
    """Run the process; return 0 when it ended in its time, or when another one runs already."""
    from jupyter_ssh.kernel.engine import get_engine

    runtime = Path(arguments[0])
    lock = _alone(private_folder(runtime))
    if lock is None:
        return 0
    os.chdir(Path.home())
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
