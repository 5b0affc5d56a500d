"""``jupyter-ssh ssh --doctor``: each step of a connection as a table on stdout; status 0 if all works, else 255."""

from __future__ import annotations

import asyncio
import sys

from jupyter_ssh.commands.interrupts import Interrupts, die_by
from jupyter_ssh.commands.messages import Messages
from jupyter_ssh.commands.prompts import TerminalPrompts
from jupyter_ssh.ssh.config import Arguments
from jupyter_ssh.ssh.text import printable

FAILURE = 255


def main(arguments: Arguments) -> int:
    """Examine the connection that a command line asks for."""
    level = arguments.winning.get("LogLevel", "INFO")
    messages = Messages(level, arguments.log_file)
    messages.attach()
    try:
        return asyncio.run(_examined(arguments, messages))
    finally:
        messages.close()


async def _examined(arguments: Arguments, messages: Messages) -> int:
    from jupyter_ssh.ssh.client.report.doctor import examine

    assert arguments.destination is not None
    interrupts = Interrupts()
    task = asyncio.ensure_future(
        examine(
            arguments.destination,
            TerminalPrompts(messages),
            config=arguments.config,
            command_line=arguments.command_line,
            terminal=True,
        )
    )
    interrupts.watch(task.cancel)
    try:
        report = await task
    except asyncio.CancelledError:
        if interrupts.received is None:
            raise
        die_by(interrupts.received)
        return FAILURE
    sys.stdout.write(printable("\n".join(report.lines())) + "\n")
    return 0 if report.error is None else FAILURE
