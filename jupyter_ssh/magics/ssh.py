"""``%ssh [options] [user@]host [command]`` and ``%%ssh [options] [host] [interpreter]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from jupyter_ssh.kernel.background import returncode, start_in_background
from jupyter_ssh.kernel.cells.desk import CURRENT_DESK
from jupyter_ssh.kernel.cells.execution import Kept, execute
from jupyter_ssh.kernel.cells.output import LiveOutput
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import get_connections
from jupyter_ssh.magics.connecting import connection_for
from jupyter_ssh.magics.options import CURRENT, Request, read_line
from jupyter_ssh.magics.usage import value_is_used
from jupyter_ssh.magics.verbose import shown_log
from jupyter_ssh.ssh.client.result import Result
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import ConfigError, RemoteCommandError, TerminalNeeded

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_ssh.kernel.doctor import Examination
    from jupyter_ssh.magics.ssh_terminal import Terminal
    from jupyter_ssh.ssh.client import Connection as AsyncioConnection
    from jupyter_ssh.ssh.client import Pty

    Shown: TypeAlias = Connection | Result | Terminal | Examination | None

DEFAULT_INTERPRETER = "exec sh -c 'if command -v bash >/dev/null 2>&1; then exec bash -s; else exec sh -s; fi'"
"""Runs the cell if no interpreter is named: with bash, or else sh.  Any login shell understands this line, and the
output contains neither that of a profile nor a message of the day, unlike that of a login shell reading stdin."""


def ssh(shell: InteractiveShell, line: str, cell: str | None = None) -> Shown:
    """Connect, and run a command or the cell; see ``%ssh?``."""
    request = read_line(line)
    with shown_log(request.arguments.verbose):
        return _ssh(shell, request, cell)


def _ssh(shell: InteractiveShell, request: Request, cell: str | None) -> Shown:
    if request.arguments.version:
        import jupyter_ssh

        print(f"jupyter_ssh {jupyter_ssh.__version__}")
        return None
    if request.doctor:
        return _examine(request)
    command = request.arguments.command
    if cell is None and _wants_terminal(shell, request):
        from jupyter_ssh.magics.ssh_terminal import open_terminal

        return open_terminal(request)
    connection = connection_for(request)
    command = _remote_command(request, connection) or command
    if _session_type(request, connection) == "none" or (cell is None and command is None):
        return connection
    input = None
    if cell is not None:
        command = command or DEFAULT_INTERPRETER
        input = (cell if cell.endswith("\n") else cell + "\n").encode("utf-8", "surrogateescape")
    if request.background or (request.destination and connection.options.fork_after_authentication):
        _start(shell, request, connection, command, input)
        return None
    used = cell is None and value_is_used(shell)
    result = _run(shell, request, connection, command, input, keep=used)
    return result if used else None


def _examine(request: Request) -> Examination:
    """Examine a connection of its own (``--doctor``)."""
    from jupyter_ssh.kernel.doctor import examination

    arguments = request.arguments
    if request.destination is None:
        raise Usage("--doctor needs a host", phase="options", expected="[user@]host")
    return examination(request.destination, arguments.config, arguments.command_line)


def _run(
    shell: InteractiveShell,
    request: Request,
    connection: Connection,
    command: str | None,
    input: bytes | None,
    *,
    keep: bool,
) -> Result:
    """Run ``command`` to completion with live output, and store the requested values in variables."""
    names = {"stdout": request.out, "stderr": request.err}
    kept = {stream: Kept(keep or name is not None) for stream, name in names.items()}
    hidden = frozenset(stream for stream, name in names.items() if name is not None)

    async def work(inner: AsyncioConnection) -> Result:
        desk = CURRENT_DESK.get()
        assert desk is not None
        live = LiveOutput(desk, limit=request.show, kept="the result" if keep else None)
        return await execute(
            inner,
            command,
            input=input,
            live=live,
            hidden=hidden,
            kept=kept,
            pty=_pty(request, connection),
            subsystem=_session_type(request, connection) == "subsystem",
        )

    try:
        result = get_connections().call(connection, work)
    except TerminalNeeded as error:
        if input is None and command is not None:
            error.next_step = f"Run it in a terminal: %ssh -t {request.arguments.destination or CURRENT} {command}"
        raise
    finally:
        for stream, name in names.items():
            if name is not None:
                shell.user_ns[name] = kept[stream].value().decode("utf-8", "backslashreplace")
    shell.user_ns["_exit_code"] = returncode(result.exit_status, result.exit_signal)
    if request.raise_error:
        try:
            result.check()
        except RemoteCommandError as error:
            error.next_step = "With --no-raise-error the cell continues, and the status is in _exit_code."
            raise
    return result


def _start(
    shell: InteractiveShell, request: Request, connection: Connection, command: str | None, input: bytes | None
) -> None:
    """Start ``command`` in the background, and store its streams and the process in variables."""
    names = {"stdout": request.out, "stderr": request.err}
    job = start_in_background(
        connection,
        command,
        input=input,
        wanted=frozenset(stream for stream, name in names.items() if name is not None),
        pty=_pty(request, connection),
        subsystem=_session_type(request, connection) == "subsystem",
    )
    for stream, name in names.items():
        if name is not None:
            shell.user_ns[name] = getattr(job, stream)
    if request.proc is not None:
        shell.user_ns[request.proc] = job


def _wants_terminal(shell: InteractiveShell, request: Request) -> bool:
    """Return whether ``-t`` asks for an interactive terminal, rather than for a command's output in the cell.

    ``-tt`` does not, as in ssh(1) without a local terminal: the cell shows what the command prints on a remote one.
    """
    asked = request.arguments.winning.get("RequestTTY")
    if request.arguments.command is None:
        return asked in ("yes", "force")
    if "SessionType" in request.arguments.winning:
        return False
    in_cell = request.background or not request.raise_error or request.out or request.err or request.show is not None
    return asked == "yes" and not in_cell and not value_is_used(shell)


def _remote_command(request: Request, connection: Connection) -> str | None:
    """Return the RemoteCommand of a named host, which as in OpenSSH excludes another command.  Raises `ConfigError`."""
    options = connection.options
    if request.destination is None or options.remote_command is None:
        return None
    if request.arguments.command is not None:
        raise ConfigError(
            "Cannot execute command-line and remote command.",
            phase="options",
            received=f"RemoteCommand, {options.sources.get('remote_command', '')}",
            next_step="To override it: -o RemoteCommand=none.",
        )
    return options.remote_command


def _session_type(request: Request, connection: Connection) -> str:
    """Return the SessionType of a named host; on the current connection only the line decides."""
    if request.destination is not None:
        return connection.options.session_type
    return request.arguments.winning.get("SessionType", "default")


def _pty(request: Request, connection: Connection) -> Pty | None:
    """Return a terminal of a fixed size, as cells have none, for ``-t`` or RequestTTY force in a file."""
    asked = request.arguments.winning.get("RequestTTY")
    if asked == "no" or (asked is None and connection.options.request_tty != "force"):
        return None
    from jupyter_ssh.ssh.client import Pty

    return Pty(term="xterm-256color", rows=24, cols=80)
