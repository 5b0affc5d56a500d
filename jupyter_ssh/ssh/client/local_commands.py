"""Commands that a configuration has run on this side, in the user's shell: Match exec and LocalCommand."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Final

EXEC_SECONDS: Final = 20.0
"""How long the command of Match exec may take; whoever waits for a connection waits for it."""


def shell_status(command: str, seconds: float = EXEC_SECONDS, *, output: bool = False) -> int:
    """Run ``command`` in the user's shell, without input; the exit status, negative for a signal.

    Its output is thrown away unless ``output``; stderr is ours.  With all its children it is ended when it takes
    longer than ``seconds`` or the wait is broken.  Raises ``TimeoutError`` and ``OSError``.
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
    """The words that have the user's shell execute ``command``, as OpenSSH does."""
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
