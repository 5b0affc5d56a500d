"""Ask a person yes or no through the program of SSH_ASKPASS, where there is neither a terminal nor a cell."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Mapping

from jupyter_ssh.ssh.errors import PromptUnavailable

DEFAULT_PROGRAM = "ssh-askpass"
MAX_ANSWER = 1024


def askpass_program(environment: Mapping[str, str]) -> str | None:
    """Return the program to ask with; None if there is none, or no display for it."""
    if environment.get("SSH_ASKPASS_REQUIRE") == "never":
        return None
    forced = environment.get("SSH_ASKPASS_REQUIRE") in ("force", "prefer")
    if not (forced or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return None
    return environment.get("SSH_ASKPASS") or shutil.which(DEFAULT_PROGRAM, path=environment.get("PATH"))


async def confirm_with_askpass(question: str, environment: Mapping[str, str]) -> bool:
    """Return whether a person confirmed ``question``: the program exits with 0 and prints nothing, or "yes".

    Raises `PromptUnavailable` if nobody can be asked.  Cancelling ends the program.
    """
    program = askpass_program(environment)
    if program is None:
        raise PromptUnavailable(
            "the use of a key has to be confirmed, but there is nobody to ask",
            phase="agent",
            next_step="Set SSH_ASKPASS to an askpass program, and DISPLAY or SSH_ASKPASS_REQUIRE=force.",
        )
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            question,
            env={**environment, "SSH_ASKPASS_PROMPT": "confirm"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise PromptUnavailable(f"{program} cannot be started: {error.strerror}", phase="agent") from None
    try:
        assert process.stdout is not None
        answer = await process.stdout.read(MAX_ANSWER)
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return status == 0 and answer.strip().lower() in (b"", b"yes")
