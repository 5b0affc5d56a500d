"""The connection that a line of ``%ssh`` or ``%ssh_terminal`` asks for, and the messages when it is opened."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_ssh.kernel.cards.connections import connection_text
from jupyter_ssh.kernel.connections.connection import Connection
from jupyter_ssh.kernel.connections.registry import Opening, get_connections
from jupyter_ssh.kernel.connections.telling import wants_errors_only
from jupyter_ssh.magics.options import Request
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import SSHError


def connection_for(request: Request) -> Connection:
    """Return the connection that a line asks for: the current one, one that is already open, or a new one."""
    connections = get_connections()
    arguments = request.arguments
    # -t is about the command: with and without it, it is the same connection.
    command_line = [option for option in arguments.command_line if option[0] != "RequestTTY"]
    if request.destination is None:
        if command_line or arguments.config:
            raise Usage("options of a connection without a host", phase="options", expected="[user@]host")
        return _opened(request, connections.open_current)
    options: dict[str, Any] = {"command_line": command_line}
    if request.reconnect:
        options["reconnect"] = True
    if arguments.config is not None:
        options["config"] = arguments.config
    destination = request.destination
    return _opened(request, lambda: connections.open(destination, options))


def _opened(request: Request, open: Callable[[], Opening]) -> Connection:
    """Return the connection that ``open`` returns, and say how it went unless the line asks for quiet."""
    arguments = request.arguments
    try:
        opening = open()
    except SSHError as error:
        if not arguments.quiet:
            _say(error.messages)
        raise
    connection = opening.connection
    if opening.lost and not arguments.quiet:
        print(f"Reconnected to {connection.name}; the previous connection was {opening.lost}", file=sys.stderr)
    if opening.new and not arguments.quiet:
        _say_how_it_went(connection, arguments.verbose)
    if arguments.verbose:
        sys.stderr.flush()  # or the command's output might appear before it
    return connection


def _say(messages: Sequence[str]) -> None:
    for note in messages:
        print(note, file=sys.stderr if note.startswith("WARNING") else sys.stdout)


def _say_how_it_went(connection: Connection, verbose: int) -> None:
    """Print warnings and where a host key was saved; with -v also details of the connection, and ignored options."""
    decided = connection.options
    if wants_errors_only(decided):
        return
    _say(connection.messages)
    notes = list(decided.warnings)
    if verbose:
        notes += [*decided.ignored, connection_text(connection.info, connection.name, connection.state)]
    for note in notes:
        print(note, file=sys.stderr)
