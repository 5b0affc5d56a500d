"""``jupyter-ssh ssh``: a command or an interactive shell on a remote machine, with ssh(1)'s options and exit codes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from jupyter_ssh.commands.interrupts import Interrupts, die_by
from jupyter_ssh.commands.messages import PROGRAM, Messages
from jupyter_ssh.ssh.config import Arguments, Options, Usage, parse
from jupyter_ssh.ssh.config.arguments import LongOption, usage
from jupyter_ssh.ssh.errors import ConfigError, SSHError

FAILURE = 255
LONG_OPTIONS = (LongOption("doctor", "try each step of a connection and print what works"),)


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh ssh``; return the exit status: the remote's, or 255."""
    if "--help" in argv[:1]:
        sys.stdout.write(usage(extra=LONG_OPTIONS))
        return 0
    try:
        arguments = parse(argv, LONG_OPTIONS)
        return _answered(arguments) if _is_question(arguments) else _run(arguments)
    except Usage as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n{usage(extra=LONG_OPTIONS)}")
    except ConfigError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
    return FAILURE


def _is_question(arguments: Arguments) -> bool:
    return arguments.version or arguments.query is not None


def _answered(arguments: Arguments) -> int:
    """Handle ``-V`` and ``-Q``, which print something without connecting."""
    if arguments.version:
        import jupyter_ssh

        sys.stderr.write(f"jupyter_ssh {jupyter_ssh.__version__}\n")
        return 0
    from jupyter_ssh.commands.ssh.queries import answer

    return _print(answer(arguments.query or ""))


def _print(lines: Sequence[str]) -> int:
    """Print lines with their original bytes; a reader that has seen enough (``| head``) is not an error."""
    try:
        sys.stdout.buffer.write(b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes it again
    return 0


def _run(arguments: Arguments) -> int:
    if arguments.target is None:
        raise Usage("no destination", phase="options")
    if "doctor" in arguments.long:
        from jupyter_ssh.commands.ssh.doctor import main as doctor

        return doctor(arguments)
    if arguments.subsystem and arguments.command is None:
        raise Usage("You must specify a subsystem to invoke.", phase="options")
    options = _options(arguments)
    if arguments.print_options:
        from jupyter_ssh.ssh.client.route.loops import refuse_own_jump_host

        refuse_own_jump_host(options)  # as OpenSSH; a loop of more hosts is found where they are looked up
        return _print(options.lines())
    if options.fork_after_authentication:
        options = _for_background(options, arguments)
    if options.remote_command is not None and arguments.command is not None:
        raise ConfigError("Cannot execute command-line and remote command.", phase="options")
    try:
        messages = Messages(options.log_level, arguments.log_file)
    except OSError as error:
        raise ConfigError(f"Couldn't open logfile {arguments.log_file}: {error.strerror}", phase="options") from None
    messages.attach()
    try:
        for text in options.warnings:
            messages.say(f"Warning: {text}")
        for text in options.ignored:
            messages.say(f"debug1: {text}", "DEBUG1")
        if not options.fork_after_authentication:
            return _ended(asyncio.run(_Command(options, arguments, messages).run()))
        from jupyter_ssh.commands.ssh.background import Child

        child = Child()
        return child.run(lambda: asyncio.run(_Command(options, arguments, messages, child.logged_in).run()))
    finally:
        messages.close()


def _for_background(options: Options, arguments: Arguments) -> Options:
    """Return the options that ForkAfterAuthentication implies (ssh_config(5)).  Raises `ConfigError`."""
    if sys.platform == "win32":
        raise ConfigError("ForkAfterAuthentication (-f) is not supported on Windows", phase="options")
    if options.session_type != "none" and arguments.command is None and options.remote_command is None:
        raise ConfigError("Cannot fork into background without a command to execute.", phase="options")
    return replace(options, stdin_null=True)


def _options(arguments: Arguments) -> Options:
    from jupyter_ssh.ssh.client.connecting import resolve_options

    assert arguments.destination is not None
    return resolve_options(
        arguments.destination, arguments.config, arguments.command_line, {}, command=arguments.command
    )


def _ended(status: int) -> int:
    if sys.platform == "win32":
        # A thread that is still waiting for a key would delay the interpreter's exit.
        sys.stderr.flush()
        os._exit(status)
    return status


class _Command:
    """The connection of one command line, from dialling to the exit status."""

    def __init__(
        self,
        options: Options,
        arguments: Arguments,
        messages: Messages,
        on_login: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_login = on_login
        self._options = options
        self._arguments = arguments
        self._messages = messages
        self._interrupts = Interrupts()

    async def run(self) -> int:
        task = asyncio.ensure_future(self._connected())
        # Before a session runs, a signal ends everything, and the process by its default action.
        self._interrupts.watch(task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if self._interrupts.received is None:
                raise
            die_by(self._interrupts.received)
        except SSHError as error:
            for text in error.messages:
                self._messages.say(text)
            for line in error.packets:
                self._messages.say(f"debug1: packet {line}", "DEBUG1")
            self._messages.say(f"{PROGRAM}: {error}", "FATAL")
        return FAILURE

    async def _connected(self) -> int:
        from jupyter_ssh.commands.prompts import TerminalPrompts
        from jupyter_ssh.commands.ssh.session import LocalSession, describe
        from jupyter_ssh.ssh.client.connecting import open_connection, route_context_for

        connection = await open_connection(
            self._options,
            TerminalPrompts(self._messages),
            route_context=route_context_for(self._arguments.config, terminal=True),
        )
        try:
            for text in connection.messages:
                self._messages.say(text)
            if self._messages.shown("DEBUG1"):
                self._messages.say("\n".join(f"debug1: {line}" for line in describe(connection).splitlines()))
            self._on_login()
            if self._arguments.stdio_forward is not None:
                from jupyter_ssh.commands.ssh.stdio_forward import forward_stdio

                place = self._arguments.stdio_forward
                return await forward_stdio(connection, place, self._messages, self._interrupts)
            session = LocalSession(connection, self._options, self._messages, self._interrupts)
            if self._options.session_type == "none":
                return await session.wait()
            return await session.run(
                self._arguments.command or self._options.remote_command,
                subsystem=self._options.session_type == "subsystem",
            )
        finally:
            await connection.close()
