"""Signals that end a command, as in OpenSSH's ssh: death by the signal before a session runs, status 255 during it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


class Interrupts:
    """Calls ``on_signal`` once, for the first signal that asks the process to end; ``received`` is that signal.

    Signals that are ignored from the start (``nohup``) stay ignored.  On Windows Ctrl-C is a KeyboardInterrupt instead.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.on_signal: Callable[[], object] | None = None
        self._watched: list[signal.Signals] = []

    def watch(self, on_signal: Callable[[], object]) -> None:
        """Start watching, or change what is called."""
        self.on_signal = on_signal
        if sys.platform == "win32" or self._watched:
            return
        loop = asyncio.get_running_loop()
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._arrived, number)
                self._watched.append(number)

    def _arrived(self, number: signal.Signals) -> None:
        if self.received is None and self.on_signal is not None:
            self.received = number
            self.on_signal()


def die_by(number: signal.Signals) -> None:
    """End the process by a signal's default action, so that the shell sees what happened."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
