"""Detect that a child has ended, on any thread's loop, without SIGCHLD (which belongs to the main thread)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from jupyter_ssh.ssh.server.processes.process import Ending
from jupyter_ssh.ssh.server.processes.signals import ending_from_returncode, signal_name

if sys.platform == "win32":
    raise ImportError("use `threaded` on Windows")


class ExitWatcher:
    """Calls ``on_exit`` once, on the loop's thread, when ``process`` has ended.

    If the system supports it (Linux), the child remains a zombie until `reap`: its process ID, which is also its
    process group ID, is not reused until then, and signals to the group reach the right processes.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes], on_exit: Callable[[Ending], None]
    ) -> None:
        self._loop = loop
        self._process = process
        self._on_exit = on_exit
        self._descriptor: int | None = None
        try:
            if sys.platform == "linux":
                self._descriptor = os.pidfd_open(process.pid)
        except (AttributeError, OSError):
            pass  # not available in this Python, or in an old or restricted kernel
        if self._descriptor is not None:
            loop.add_reader(self._descriptor, self._ready)
        else:
            threading.Thread(target=self._wait, name=f"wait for {process.pid}", daemon=True).start()

    def reap(self) -> None:
        """Reap the zombie; call it only after ``on_exit``."""
        try:
            self._process.wait(0)
        except subprocess.TimeoutExpired:  # pragma: no cover - a stop at a debugger's
            pass

    def _ready(self) -> None:
        descriptor = self._descriptor
        assert descriptor is not None
        ending = _peek(self._process.pid, os.WNOHANG)
        if ending is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self._on_exit(ending)

    def _wait(self) -> None:
        if sys.platform != "darwin" and hasattr(os, "waitid"):
            ending = _peek(self._process.pid, 0) or Ending()
        else:
            ending = ending_from_returncode(self._process.wait())
        try:
            self._loop.call_soon_threadsafe(self._on_exit, ending)
        except RuntimeError:
            # The loop is closed, so there is nobody to tell, but the zombie must be reaped.
            self._process.wait()


def _peek(pid: int, flags: int) -> Ending | None:
    """Return how a child ended, leaving it a zombie; None if it is running."""
    if sys.platform == "darwin":
        raise NotImplementedError("Python supports waitid on macOS only since 3.13")
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:
        # It was reaped elsewhere, or SIGCHLD is ignored in this process.
        return Ending()
    if result is None:
        return None
    if result.si_code == os.CLD_EXITED:
        return Ending(status=result.si_status)
    return Ending(signal=signal_name(result.si_status), core_dumped=result.si_code == os.CLD_DUMPED)


def signals_are_inherited() -> bool:
    """Return whether a child would inherit ignored or blocked signals that a user expects to work (^C, hang-up)."""
    # Popen resets the two signals that Python ignores (restore_signals).
    ours = {signal.SIGPIPE, getattr(signal, "SIGXFSZ", signal.SIGPIPE)}
    if signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        return True
    return any(signal.getsignal(number) == signal.SIG_IGN for number in signal.valid_signals() if number not in ours)
