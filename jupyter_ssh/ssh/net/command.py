"""Running a local command for what it prints, such as KnownHostsCommand (ssh_config(5))."""

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
"""Bytes of stderr that are kept."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and how it ended: an exit status, or minus the number of a signal."""

    status: int
    stdout: bytes
    stderr: str


async def output_of(argv: Sequence[str], seconds: float, phase: str, *, next_step: str | None = None) -> Output:
    """Run a program, without a shell and with nothing on stdin, to its end.

    Raises `OSError` when it cannot be started, `ValueError` when it prints too much, and `DeadlineExceeded` that names
    ``phase``; then it and its children are killed.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own, so that a shell script ends with all it started.
            start_new_session=sys.platform != "win32",
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # It may run already; asyncio would end the program, and leave what that has started.
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
            raise ValueError(f"it prints more than {MAX_OUTPUT >> 20} MiB")
    return bytes(taken)


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    taken = bytearray()
    while data := await stream.read(1 << 16):
        taken += data[: MAX_COMPLAINT - len(taken)]
    return bytes(taken)


async def _end(process: asyncio.subprocess.Process) -> None:
    _kill(process)
    # asyncio keeps the transport and its pipes until it is told, and waits for the end of what nobody reads.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        elif process.returncode is None or not _exists(process.pid):
            # Where the program has ended, what it started may hold its output still, in its group.
            os.killpg(process.pid, signal.SIGKILL)


def _exists(pid: int) -> bool:
    """Return whether a process has that number.  Of one that was waited for it is free only once its group is empty:
    whoever has it then is a stranger, and leads a group of that number perhaps."""
    if sys.platform == "win32":
        return False  # nobody asks: `_kill` ends one program there
    try:
        os.getpgid(pid)
    except ProcessLookupError:
        return False
    return True
