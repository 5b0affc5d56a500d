"""Start what a request asks for: everything runs through the account's login shell, as in sshd."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.processes.process import (
    ProcessEvents,
    ProcessStartError,
    Program,
    ServedProcess,
    TerminalSize,
)


def shell_program(account: Account, environment: Mapping[str, str]) -> Program:
    """Return the account's shell as a login shell: argv[0] begins with "-" (bash(1), INVOCATION)."""
    name = os.path.basename(account.shell)
    argument = name if sys.platform == "win32" else f"-{name}"
    return Program(account.shell, (argument,), account.home, environment)


def command_program(account: Account, command: bytes, environment: Mapping[str, str]) -> Program:
    """Return the program that runs a command line, in no particular encoding, in the account's shell."""
    name = os.path.basename(account.shell)
    switches = ("/d", "/c") if sys.platform == "win32" else ("-c",)
    return Program(account.shell, (name, *switches, os.fsdecode(command)), account.home, environment)


def start(
    events: ProcessEvents,
    program: Program,
    terminal: tuple[TerminalSize, Mapping[str, int]] | None = None,
) -> ServedProcess:
    """Start ``program`` with pipes, or on a terminal of the given size and modes (RFC 4254 §8).

    Raises `ProcessStartError`.
    """
    try:
        if sys.platform == "win32":
            from jupyter_ssh.ssh.server.processes.threaded import start_with_threads

            if terminal is not None:
                raise ProcessStartError("this server's system has no terminals", next_step="Run it without a terminal.")
            return start_with_threads(events, program)
        from jupyter_ssh.ssh.server.processes.unix import start_on_terminal, start_with_pipes

        if terminal is not None:
            return start_on_terminal(events, program, *terminal)
        return start_with_pipes(events, program)
    except OSError as error:
        raise ProcessStartError(f"cannot run {program.executable}: {error.strerror or error}") from None
