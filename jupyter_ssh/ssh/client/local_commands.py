"""Local commands that a configuration runs in the user's shell: Match exec and LocalCommand."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Final

EXEC_SECONDS: Final = 20.0
"""The time limit of Match exec's command; connecting waits for it."""


def shell_status(command: str, seconds: float = EXEC_SECONDS, *, output: bool = False) -> int:
    """Run ``command`` in the user's shell, without input, and return its exit status, negative for a signal.

    Its output is discarded unless ``output``; it inherits our stderr.  It is killed with all its children if it takes
    longer than ``seconds`` or the wait is interrupted.  Raises ``TimeoutError`` and ``OSError``.
    """
    process = subprocess.Popen(
        shell_arguments(command),
        stdin=subprocess.DEVNULL,
        stdout=None if output else subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"still running after {seconds:g} s") from None
    finally:
        if process.returncode is None:
            _end(process)


def shell_arguments(command: str) -> list[str]:
    """Return the arguments that make the user's shell execute ``command``, as OpenSSH does."""
    if sys.platform == "win32":
        return [os.environ.get("COMSPEC", "cmd.exe"), "/d", "/c", command]
    return [os.environ.get("SHELL") or "/bin/sh", "-c", command]


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
