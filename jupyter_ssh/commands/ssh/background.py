"""``-f`` and ForkAfterAuthentication: a child connects, and the command returns to the shell after the login."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

if sys.platform == "win32":
    raise ImportError("Windows cannot fork")

LOGGED_IN = b"1"


class Child:
    """Runs the connection in a child process; ``run`` returns the exit status for this process.

    The child is forked before there is a connection, because neither an event loop nor a TCP connection in use survives
    a fork well.  It shares the terminal while it asks for passwords; `logged_in` detaches it from the terminal's
    session and lets the parent exit with 0.
    """

    def __init__(self) -> None:
        self._writer: int | None = None

    def run(self, work: Callable[[], int]) -> int:
        """Fork: the child does ``work`` and exits with its status; the parent waits until it is logged in or fails."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._writer = writer
            return work()
        os.close(writer)
        try:
            return 0 if _read(reader) == LOGGED_IN else _status(child)
        finally:
            os.close(reader)

    def logged_in(self) -> None:
        """Detach from the waiting shell: no terminal and no standard input, but the same output as before."""
        if self._writer is None:
            return
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        with contextlib.suppress(OSError):
            os.write(self._writer, LOGGED_IN)
        os.close(self._writer)
        self._writer = None


def _read(reader: int) -> bytes:
    while True:
        try:
            return os.read(reader, 1)
        except KeyboardInterrupt:
            continue  # the child got the signal too; what counts is how it ends


def _status(child: int) -> int:
    while True:
        try:
            _, status = os.waitpid(child, 0)
        except KeyboardInterrupt:
            continue
        return os.waitstatus_to_exitcode(status) & 0xFF
