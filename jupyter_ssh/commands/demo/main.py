"""``jupyter-ssh demo``: JupyterLab on a notebook whose cells run on a remote machine, with nothing to set up."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

from jupyter_ssh.commands.demo.notebook import (
    NAME,
    check,
    kernel_environment,
    lab_command,
    missing_programs,
    own_copy,
    shipped_notebook,
)
from jupyter_ssh.commands.messages import PROGRAM, Messages
from jupyter_ssh.pages.rendezvous import HOST_VARIABLE, end_host
from jupyter_ssh.ssh.errors import ConfigError, SSHError

FAILURE = 1
_STOP_SECONDS = 20.0  # for kernels to be shut down

_DESCRIPTION = """\
Start JupyterLab with a notebook that runs commands on a remote machine. Without --host that is this machine, through a
server on the loopback interface with throw-away keys, which are deleted when the demo ends.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, phase="options", next_step="See jupyter-ssh demo --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="jupyter-ssh demo", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="run the notebook without a browser and print it")
    parser.add_argument("--host", metavar="[user@]host", help="use this host, with your own keys and known_hosts")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument("--port", type=int, metavar="port", help="port of JupyterLab")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh demo``; return the exit status, 1 for any failure."""
    messages = Messages()
    # However the user's shell ends us, what was started here must end too.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupted)
    try:
        arguments = _parser().parse_args(list(argv))
        needed = ["nbclient", "ipykernel"] if arguments.check else ["jupyterlab", "ipykernel"]
        if missing := missing_programs(*needed):
            raise ConfigError(
                f"the demo needs {' and '.join(missing)}",
                phase="demo",
                next_step='Install them with: pip install "jupyterlab-ssh[demo]"',
            )
        with _remote(arguments.host, messages) as variables:
            if arguments.check:
                return check(shipped_notebook(), variables, sys.stdout)
            return _lab(arguments, variables, messages)
    except (SSHError, OSError) as error:
        messages.say(f"{PROGRAM}: {error}", "FATAL")
    except KeyboardInterrupt:
        messages.say("The demo was stopped.")
        return FAILURE if "--check" in argv else 0
    return FAILURE


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _remote(host: str | None, messages: Messages) -> AbstractContextManager[dict[str, str]]:
    # Imported here, because --help needs no connection.
    from jupyter_ssh.commands.demo.remote import embedded_remote, real_remote

    return embedded_remote(messages) if host is None else real_remote(host, messages)


def _lab(arguments: argparse.Namespace, variables: Mapping[str, str], messages: Messages) -> int:
    """Run JupyterLab with the user's copy until it ends, or until Ctrl-C."""
    from jupyter_ssh.commands.demo.remote import private_folder

    copy, changed = own_copy(Path.cwd())
    if changed:
        messages.say(f"{copy} differs from the original and is opened as it is. Remove it to get a fresh copy.")
    messages.say(f"Starting JupyterLab with {NAME}. Press Ctrl-C to stop it.")
    # Terminals without a notebook live in a process that outlives Jupyter; the demo has its own, which ends with it.
    with private_folder() as place:
        process = subprocess.Popen(
            lab_command(copy, browser=not arguments.no_browser, port=arguments.port),
            # Jupyter asks for confirmation before it ends only if its input is a terminal.
            stdin=subprocess.DEVNULL,
            env=kernel_environment({**variables, HOST_VARIABLE: str(place)}),
            start_new_session=True,  # Ctrl-C is meant for us
        )
        try:
            return process.wait()
        finally:
            _stop(process)
            end_host(place)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop JupyterLab and its kernels: by its own shutdown, or by force if that takes too long."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
