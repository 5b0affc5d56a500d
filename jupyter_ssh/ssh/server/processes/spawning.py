"""Start programs on Unix: own session and process group, none of our descriptors, signals as after login."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jupyter_ssh.ssh.server.processes import trampoline
from jupyter_ssh.ssh.server.processes.exit_watcher import signals_are_inherited
from jupyter_ssh.ssh.server.processes.process import ProcessStartError, Program

if sys.platform == "win32":
    raise ImportError("use `threaded` on Windows")

MAX_ENVIRONMENT = 60 * 1024
"""How many bytes a pipe accepts in one write without blocking, on every system."""


def spawn(program: Program, stdin: int, stdout: int, stderr: int, *, terminal: bool) -> subprocess.Popen[bytes]:
    """Start ``program`` on three descriptors, which the caller still owns; raises `ProcessStartError`.

    ``terminal``: stdin is a tty and becomes the controlling terminal.
    """
    if not os.access(program.executable, os.X_OK):
        raise ProcessStartError(f"cannot run {program.executable}: it is missing or not executable")
    try:
        if terminal or signals_are_inherited():
            return _through_trampoline(program, stdin, stdout, stderr, terminal)
        return subprocess.Popen(
            program.arguments,
            executable=program.executable,
            cwd=program.folder if os.path.isdir(program.folder) else "/",
            env=program.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        # ValueError: a NUL in an argument.
        why = getattr(error, "strerror", None) or str(error)
        raise ProcessStartError(f"cannot run {program.executable}: {why}") from None


def _through_trampoline(
    program: Program, stdin: int, stdout: int, stderr: int, terminal: bool
) -> subprocess.Popen[bytes]:
    data = b"".join(
        os.fsencode(f"{name}={value}") + b"\0" for name, value in program.environment.items() if "\0" not in value
    )
    if len(data) > MAX_ENVIRONMENT:
        raise ProcessStartError("the environment is too large", expected=f"at most {MAX_ENVIRONMENT} bytes")
    if not sys.executable:
        raise ProcessStartError("cannot start a terminal: the path of Python is unknown (sys.executable is empty)")
    reading, writing = os.pipe()
    try:
        with open(writing, "wb", buffering=0) as pipe:
            pipe.write(data)
        return subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(Path(trampoline.__file__)),
                str(reading),
                str(int(terminal)),
                program.folder,
                program.executable,
                *program.arguments,
            ],
            # Python may need this process's environment to start (LD_LIBRARY_PATH); the program does not inherit it.
            cwd="/",
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=(reading,),
        )
    finally:
        os.close(reading)
