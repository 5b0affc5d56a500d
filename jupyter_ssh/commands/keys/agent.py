"""``jupyter-ssh agent``: an agent for a shell, with ssh-agent(1)'s options and output."""

from __future__ import annotations

import asyncio
import contextlib
import getopt
import logging
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from jupyter_ssh.commands.messages import PROGRAM, Messages
from jupyter_ssh.ssh.agent import Keyring
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.config.values import parse_time
from jupyter_ssh.ssh.errors import ConfigError, SSHError
from jupyter_ssh.ssh.keys.patterns import matches_list
from jupyter_ssh.ssh.net.agent_server import AgentServer
from jupyter_ssh.ssh.net.askpass import confirm_with_askpass
from jupyter_ssh.ssh.net.private_socket import PrivateFolder, bind_private

FAILURE = 1
LOOK_SECONDS = 1.0
"""Seconds between checks whether the agent's command is still running."""
HASHES = ("sha256", "md5")
VARIABLES = ("SSH_AUTH_SOCK", "SSH_AGENT_PID")
DROP_KEYS = getattr(signal, "SIGUSR1", None)
"""The signal on which all keys are removed, as by OpenSSH's agent since 10.1."""
HANDLED = tuple(
    number
    for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", None), DROP_KEYS)
    if number is not None
)
"""The others end the agent, which then removes its socket; but SIGINT only one in the foreground."""

ALLOWED_PROVIDERS = "/usr/lib*/*,/usr/local/lib*/*"
"""OpenSSH's default of -P."""

USAGE = f"""\
usage: {PROGRAM} agent [-c | -s] [-Dd] [-a bind_address] [-E hash] [-P libraries] [-t time]
       {PROGRAM} agent [-a bind_address] [-E hash] [-P libraries] [-t time] command [argument ...]
       {PROGRAM} agent [-c | -s] -k

  -a bind_address  path of the socket
  -c               print commands for csh
  -D               stay in the foreground
  -d               stay in the foreground and log what happens
  -E hash          hash of fingerprints: sha256
  -k               stop the agent with process ID SSH_AGENT_PID
  -P libraries     patterns for libraries that keys in devices may name, by default
                   {ALLOWED_PROVIDERS}; such keys are refused
                   in any case, because this agent loads no library
  -s               print commands for sh
  -t time          default lifetime of keys, such as 3600 or 8h
"""


@dataclass(slots=True)
class Arguments:
    """A parsed command line."""

    path: str | None = None
    csh: bool | None = None
    foreground: bool = False
    debug: bool = False
    kill: bool = False
    lifetime: int | None = None
    providers: str | None = None
    """Patterns of libraries for security keys."""
    command: list[str] = field(default_factory=list)


def parse(argv: Sequence[str]) -> Arguments:
    """Parse the words of a command line.  Raises `Usage` and `ConfigError`."""
    try:
        options, command = getopt.getopt(list(argv), "a:cDdE:kP:st:")
    except getopt.GetoptError as error:
        raise Usage(str(error.msg), phase="options") from None
    result = Arguments(command=command)
    for name, value in options:
        if name == "-a":
            result.path = os.path.abspath(value)
        elif name in ("-c", "-s"):
            if result.csh is (name == "-s"):
                raise Usage("-c and -s cannot be combined", phase="options")
            result.csh = name == "-c"
        elif name == "-E" and value.lower() not in HASHES:
            raise ConfigError(f'Invalid hash algorithm "{value}"', phase="options", expected=" or ".join(HASHES))
        elif name == "-P":
            if result.providers is not None:
                raise Usage("-P is already given", phase="options")
            result.providers = value
        elif name == "-t":
            result.lifetime = _lifetime(value)
        result.foreground |= name in ("-D", "-d")
        result.debug |= name == "-d"
        result.kill |= name == "-k"
    if command and (result.foreground or result.kill or result.csh is not None):
        raise Usage("a command cannot be combined with -c, -D, -d, -k or -s", phase="options")
    return result


def _lifetime(text: str) -> int | None:
    try:
        return int(parse_time(text)) or None
    except ValueError:
        raise ConfigError("Invalid lifetime", phase="options", expected="a time such as 3600 or 8h") from None


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh agent``; return the exit status."""
    if "--help" in argv[:1]:
        sys.stdout.write(USAGE)
        return 0
    try:
        arguments = parse(argv)
        return _kill(arguments) if arguments.kill else _start(arguments)
    except Usage as error:
        sys.stderr.write(f"{error.message}\n{USAGE}")
    except (SSHError, OSError) as error:
        sys.stderr.write(f"{PROGRAM} agent: {error}\n")
    return FAILURE


# --- the lines for a shell --------------------------------------------------------------------------------------------


def _is_csh(arguments: Arguments) -> bool:
    return os.environ.get("SHELL", "").endswith("csh") if arguments.csh is None else arguments.csh


def setting(values: dict[str, str], *, csh: bool) -> str:
    """Return commands that set variables, for a shell to evaluate."""
    if csh:
        return "".join(f"setenv {name} {shlex.quote(value)};\n" for name, value in values.items())
    return "".join(f"{name}={shlex.quote(value)}; export {name};\n" for name, value in values.items())


def _kill(arguments: Arguments) -> int:
    text = os.environ.get("SSH_AGENT_PID", "")
    if not text.isdigit() or int(text) < 2:
        sys.stderr.write("SSH_AGENT_PID not set, cannot kill agent\n")
        return FAILURE
    try:
        os.kill(int(text), signal.SIGTERM)
    except OSError as error:
        sys.stderr.write(f"{PROGRAM} agent: cannot kill process {text}: {error.strerror}\n")
        return FAILURE
    word = "unsetenv" if _is_csh(arguments) else "unset"
    sys.stdout.write("".join(f"{word} {name};\n" for name in VARIABLES) + f"echo Agent pid {text} killed;\n")
    return 0


def _allowed(patterns: str) -> Callable[[str], bool]:
    """Return a test for whether a library, once links are followed, is allowed."""

    def allows(library: str) -> bool:
        try:
            return matches_list(os.path.realpath(library, strict=True), patterns)
        except (OSError, ValueError):
            return False

    return allows


# --- the agent --------------------------------------------------------------------------------------------------------


def _start(arguments: Arguments) -> int:
    if arguments.foreground:
        return asyncio.run(_serve(arguments, None, None, None))
    if sys.platform == "win32":
        raise ConfigError("on Windows the agent stays in the foreground", phase="options", next_step="Use -D.")
    folder = PrivateFolder("jupyter-ssh-") if arguments.path is None else None
    path = arguments.path or str(folder.path / f"agent.{os.getpid()}" if folder else "")
    try:
        listening = bind_private(path)
    except OSError:
        if folder is not None:
            folder.remove()
        raise
    sys.stdout.flush()
    # A signal that comes before the agent can clean up after itself waits until then.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    parent, child = os.getpid(), os.fork()
    if child == 0:
        _become_agent(arguments, path, listening, folder, parent if arguments.command else None)
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    listening.close()
    values = dict(zip(VARIABLES, (path, str(child)), strict=True))
    if not arguments.command:
        sys.stdout.write(setting(values, csh=_is_csh(arguments)) + f"echo Agent pid {child};\n")
        return 0
    os.environ.update(values)
    try:
        os.execvp(arguments.command[0], arguments.command)
    except OSError as error:
        os.kill(child, signal.SIGTERM)
        sys.stderr.write(f"{arguments.command[0]}: {error.strerror}\n")
        return FAILURE


def _become_agent(
    arguments: Arguments, path: str, listening: socket.socket, folder: PrivateFolder | None, parent: int | None
) -> NoReturn:
    if sys.platform == "win32":
        raise NotImplementedError("the agent stays in the foreground on Windows")
    status = FAILURE
    try:
        os.setsid()
        # As OpenSSH's does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        arguments.path = path
        status = asyncio.run(_serve(arguments, listening, folder, parent))
    finally:
        if folder is not None:
            folder.remove()
        os._exit(status)


async def _serve(
    arguments: Arguments, listening: socket.socket | None, folder: PrivateFolder | None, parent: int | None
) -> int:
    """Run the agent until a signal arrives, or until its command ends."""
    _keep_memory_private()
    messages = Messages("DEBUG1" if arguments.debug else "ERROR")
    messages.attach()
    if arguments.debug:
        logging.getLogger("jupyter_ssh").setLevel(logging.DEBUG)

    async def confirm(question: str) -> bool:
        return await confirm_with_askpass(question, os.environ)

    keyring = Keyring(
        time.monotonic,
        time.time,
        default_lifetime=arguments.lifetime,
        allows_provider=_allowed(ALLOWED_PROVIDERS if arguments.providers is None else arguments.providers),
    )
    server = AgentServer(keyring, confirm)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in HANDLED:
        if number == signal.SIGINT and not arguments.foreground:
            continue  # ignored
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, keyring.remove_all if number == DROP_KEYS else ended.set)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    await server.start(arguments.path, listening)
    try:
        if arguments.foreground:
            values = {"SSH_AUTH_SOCK": server.path}
            sys.stdout.write(setting(values, csh=_is_csh(arguments)) + f"echo Agent pid {os.getpid()};\n")
            sys.stdout.flush()
        while not ended.is_set() and (parent is None or os.getppid() == parent):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_SECONDS if parent is not None else None)
    finally:
        await server.close()
    return 0


def _keep_memory_private() -> None:
    """Keep the keys out of core files and, on Linux, out of reach of this user's other processes."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
