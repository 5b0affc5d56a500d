"""Run a local command for its output, such as KnownHostsCommand (ssh_config(5))."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.net.deadline import within

MAX_OUTPUT: Final = 1 << 24
MAX_COMPLAINT: Final = 4096
"""Maximum bytes of stderr that are kept."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and its exit status or the negative number of a signal."""

    status: int
    stdout: bytes
    stderr: str


async def output_of(argv: Sequence[str], seconds: float, phase: str, *, next_step: str | None = None) -> Output:
    """Run a program to completion, without a shell and with empty stdin.

    Raises `OSError` if it cannot be started, `ValueError` if it prints too much, and `DeadlineExceeded` for ``phase``;
    it and its children are then killed.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A process group of its own, so that a shell script can be ended with everything it started.
            start_new_session=sys.platform != "win32",
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # It may already be running; asyncio would end the program but not what it has started.
        with contextlib.suppress(OSError):
            await _end(await starting)
        raise
    try:
        output = await within(_read(process), seconds, phase, next_step=next_step)
    except BaseException:
        await _end(process)
        raise
    process._transport.close()  # type: ignore[attr-defined]
    return output


async def _read(process: asyncio.subprocess.Process) -> Output:
    assert process.stdout is not None
    assert process.stderr is not None
    stdout, stderr = await asyncio.gather(_all(process.stdout), _beginning(process.stderr))
    status = await process.wait()
    return Output(status, stdout, stderr.decode("utf-8", "replace").strip())


async def _all(stream: asyncio.StreamReader) -> bytes:
    taken = bytearray()
    while data := await stream.read(1 << 16):
        taken += data
        if len(taken) > MAX_OUTPUT:
            raise ValueError(f"it printed more than {MAX_OUTPUT >> 20} MiB")
    return bytes(taken)


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    taken = bytearray()
    while data := await stream.read(1 << 16):
        taken += data[: MAX_COMPLAINT - len(taken)]
    return bytes(taken)


async def _end(process: asyncio.subprocess.Process) -> None:
    _kill(process)
    # asyncio keeps the transport and its pipes until told otherwise, and waits for the end of unread output.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        elif process.returncode is None or not _exists(process.pid):
            # Even if the program has ended, processes of its group may still hold its output open.
            os.killpg(process.pid, signal.SIGKILL)


def _exists(pid: int) -> bool:
    """Return whether a process has this number.

    After the process was waited for, its number is reused only once its group is empty; if it exists then, it belongs
    to a stranger, who may lead a group of that number.
    """
    if sys.platform == "win32":
        return False  # not needed: `_kill` ends a single program there
    try:
        os.getpgid(pid)
    except ProcessLookupError:
        return False
    return True
