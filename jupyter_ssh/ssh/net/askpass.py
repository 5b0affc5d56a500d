"""Ask a person through the program of SSH_ASKPASS, as ssh(1) says: without a terminal, or in place of one."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from jupyter_ssh.ssh.errors import PromptUnavailable

DEFAULT_PROGRAM: Final = "ssh-askpass"
MAX_ANSWER: Final = 1024
MAX_OUTPUT: Final = 1 << 20
"""The most bytes that a program may print; all but the first `MAX_ANSWER` are ignored."""
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
    program: str, question: str, environment: Mapping[str, str], *, hint: str | None = None
) -> str | None:
    """Return the first line that ``program`` prints; None if the person cancels: its exit status is not 0.

    Raises `PromptUnavailable` if it cannot be started, or goes on printing.  Cancelling ends the program.
    """
    if "\0" in question:
        raise PromptUnavailable("the question contains a NUL, which no program can be given", phase="question")
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            question,
            env={**environment, **({"SSH_ASKPASS_PROMPT": hint} if hint else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise PromptUnavailable(f"{program} cannot be started: {error.strerror}", phase="question") from None
    try:
        assert process.stdout is not None
        answer, count = b"", 0
        while piece := await process.stdout.read(MAX_ANSWER):
            answer += piece[: MAX_ANSWER - len(answer)]
            count += len(piece)
            if count > MAX_OUTPUT:
                raise PromptUnavailable(f"{program} prints more than {MAX_OUTPUT} bytes", phase="question")
        status = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # A pipe that is full is not read any more, and `wait` would wait for its end.
            _close_pipe(process)
            await process.wait()
    return None if status else re.split(b"[\r\n]", answer, maxsplit=1)[0].decode("utf-8", "surrogateescape")


def _close_pipe(process: asyncio.subprocess.Process) -> None:
    # asyncio has no public way to close a process's output.
    process._transport.close()  # type: ignore[attr-defined]


async def confirmed_with_askpass(program: str, question: str, environment: Mapping[str, str]) -> bool:
    """Return whether a person confirmed ``question``: ``program`` exits with 0 and prints nothing, or "yes".

    Raises what `ask_with_askpass` raises.
    """
    answer = await ask_with_askpass(program, question, environment, hint=CONFIRM)
    return answer is not None and answer.strip().lower() in ("", "yes")


async def confirm_with_askpass(question: str, environment: Mapping[str, str]) -> bool:
    """Return whether a person allows the use of a key.  Raises `PromptUnavailable` if nobody can be asked."""
    program = askpass_program(environment)
    if program is None:
        raise PromptUnavailable(
            "the use of a key has to be confirmed, but there is nobody to ask",
            phase="agent",
            next_step="Set SSH_ASKPASS to an askpass program, and DISPLAY or SSH_ASKPASS_REQUIRE=force.",
        )
    return await confirmed_with_askpass(program, question, environment)
