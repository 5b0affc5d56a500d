"""A line of a certain length: a relay that hands on every byte after a delay, in a process of its own.

``python _relay.py TO_PORT SECONDS`` prints its port.  Each direction has a reader, which notes when a piece came, and a
writer, which waits until its time has come; the line itself is as wide as the machine allows.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 256 * 1024
LINE_LIMIT = 256 * 1024 * 1024
"""Bytes that may be on the line in one direction."""


class Direction:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, target: socket.socket, delay: float) -> None:
        self.source, self.target, self.delay = source, target, delay
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.changed = threading.Condition()
        for work in (self.read, self.write):
            threading.Thread(target=work, daemon=True).start()

    def read(self) -> None:
        """Takes pieces as they come."""
        while True:
            try:
                data = self.source.recv(PIECE)
            except OSError:
                data = b""
            due = time.monotonic() + self.delay
            with self.changed:
                self.changed.wait_for(lambda: self.size < LINE_LIMIT)
                self.pieces.append((due, data))
                self.size += len(data)
                self.changed.notify_all()
            if not data:
                return

    def write(self) -> None:
        """Hands pieces on when it is time."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.pieces)
                due, data = self.pieces.popleft()
                self.size -= len(data)
                self.changed.notify_all()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            try:
                if not data:
                    self.target.shutdown(socket.SHUT_WR)
                    return
                self.target.sendall(data)
            except OSError:
                return


def main() -> None:
    """Listens, and relays each connection."""
    port, delay = int(sys.argv[1]), float(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Direction(near, far, delay)
            Direction(far, near, delay)


@contextmanager
def relay(to_port: int, delay: float) -> Iterator[int]:
    """A relay's port; every byte takes ``delay`` seconds in each direction."""
    process = subprocess.Popen([sys.executable, __file__, str(to_port), str(delay)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main()
