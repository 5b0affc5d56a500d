"""Ask a person through the program of SSH_ASKPASS, as ssh(1) says: without a terminal, or in place of one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from jupyter_ssh.ssh.errors import PromptUnavailable
from jupyter_ssh.ssh.text import printable

DEFAULT_PROGRAM: Final = "ssh-askpass"
MAX_ANSWER: Final = 1024
MAX_OUTPUT: Final = 1 << 20
"""The most bytes that a program may print; all but the first `MAX_ANSWER` are ignored."""
MAX_COMPLAINT: Final = 4096
"""The most bytes of a program's stderr that are passed on."""
COMPLAINT_SECONDS: Final = 1.0
"""How long the end of a program's stderr is waited for once it has ended."""
CONFIRM: Final = "confirm"
"""The hint (SSH_ASKPASS_PROMPT) for a question of yes or no, which the program answers with its exit status."""


def askpass_program(environment: Mapping[str, str], *, has_terminal: bool = False) -> str | None:
    """Return the program to ask with; None to ask at the terminal, or if there is none and no display for a program.

    SSH_ASKPASS_REQUIRE: "force" uses the program in any case, "prefer" if there is a display, and "never" not at all;
    otherwise it is used if there is a display and no terminal.
    """
    required = environment.get("SSH_ASKPASS_REQUIRE", "").lower()
    display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    allowed = required == "force" or (display and required != "never")
    if not allowed or (has_terminal and required not in ("force", "prefer")):
        return None
    return environment.get("SSH_ASKPASS") or shutil.which(DEFAULT_PROGRAM, path=environment.get("PATH"))


async def ask_with_askpass(
    program: str,
    question: str,
    environment: Mapping[str, str],
    *,
    hint: str | None = None,
    on_complaint: Callable[[str], None] | None = None,
) -> str | None:
    """Return the first line that ``program`` prints; None if the person cancels: its exit status is not 0.

    Its stderr is this process's own, as in OpenSSH; or ``on_complaint`` is given the beginning of what it prints there,
    printable, where this process's stderr is not a terminal's: in a kernel it belongs to cells.
    Raises `PromptUnavailable` if it cannot be started, or goes on printing.  Cancelling ends the program.
    """
    if "\0" in question:
        raise PromptUnavailable("the question contains a NUL, which no program can be given", phase="question")
    async with _stderr_for(on_complaint) as stderr:
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                question,
                env={**environment, **({"SSH_ASKPASS_PROMPT": hint} if hint else {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as error:
            raise PromptUnavailable(f"{program} cannot be started: {error.strerror}", phase="question") from None
        status, answer = await _answer_of(process, program)
    return None if status else re.split(b"[\r\n]", answer, maxsplit=1)[0].decode("utf-8", "surrogateescape")


async def _answer_of(process: asyncio.subprocess.Process, program: str) -> tuple[int, bytes]:
    try:
        assert process.stdout is not None
        answer, count = b"", 0
        while piece := await process.stdout.read(MAX_ANSWER):
            answer += piece[: MAX_ANSWER - len(answer)]
            count += len(piece)
            if count > MAX_OUTPUT:
                raise PromptUnavailable(f"{program} prints more than {MAX_OUTPUT} bytes", phase="question")
        return await process.wait(), answer
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # A pipe that is full is not read any more, and `wait` would wait for its end.
            _close_pipe(process)
            await process.wait()


@contextlib.asynccontextmanager
async def _stderr_for(on_complaint: Callable[[str], None] | None) -> AsyncIterator[int | None]:
    """Provide the stderr for a program: ours, or a pipe whose beginning is passed on once the program has ended."""
    if on_complaint is None or sys.platform == "win32":  # there, asyncio reads no pipe but those of a process
        yield None if on_complaint is None else subprocess.DEVNULL
        return
    # A pipe of the process's own would be waited for with it, though a program it leaves behind may hold it.
    reading, writing = os.pipe()
    stream, complaint = asyncio.StreamReader(), bytearray()
    try:
        loop = asyncio.get_running_loop()
        file = os.fdopen(reading, "rb", 0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), file)
        complaining = asyncio.ensure_future(_complaint_of(stream, complaint))
        try:
            yield writing
        finally:
            os.close(writing)
            writing = -1
            try:
                await asyncio.wait({complaining}, timeout=COMPLAINT_SECONDS)
            finally:
                complaining.cancel()
                transport.close()
    finally:
        if writing >= 0:
            os.close(writing)
        if complaint.strip():
            on_complaint(printable(complaint.decode("utf-8", "replace").strip()))


async def _complaint_of(stderr: asyncio.StreamReader, complaint: bytearray) -> None:
    """Read stderr to its end, and keep the beginning."""
    while piece := await stderr.read(MAX_COMPLAINT):
        complaint += piece[: MAX_COMPLAINT - len(complaint)]


def _close_pipe(process: asyncio.subprocess.Process) -> None:
    # asyncio has no public way to close a process's output.
    process._transport.close()  # type: ignore[attr-defined]


async def confirmed_with_askpass(
    program: str,
    question: str,
    environment: Mapping[str, str],
    on_complaint: Callable[[str], None] | None = None,
) -> bool:
    """Return whether a person confirmed ``question``: ``program`` exits with 0 and prints nothing, or "yes".

    Raises what `ask_with_askpass` raises.
    """
    answer = await ask_with_askpass(program, question, environment, hint=CONFIRM, on_complaint=on_complaint)
    return answer is not None and answer.strip().lower() in ("", "yes")


async def confirm_with_askpass(
    question: str, environment: Mapping[str, str], on_complaint: Callable[[str], None] | None = None
) -> bool:
    """Return whether a person allows the use of a key; ``on_complaint`` as for `ask_with_askpass`.

    Raises `PromptUnavailable` if nobody can be asked.
    """
    program = askpass_program(environment)
    if program is None:
        raise PromptUnavailable(
            "the use of a key has to be confirmed, but there is nobody to ask",
            phase="agent",
            next_step="Set SSH_ASKPASS to an askpass program, and DISPLAY or SSH_ASKPASS_REQUIRE=force.",
        )
    return await confirmed_with_askpass(program, question, environment, on_complaint)
