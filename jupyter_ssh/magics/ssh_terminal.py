"""``%ssh_terminal [options] [[user@]host] [command]``: a terminal in a tab of JupyterLab, or in the cell's output."""

from __future__ import annotations

import shlex
import time
from html import escape
from typing import TYPE_CHECKING, Any, Final

from jupyter_ssh.kernel.cards.card import card
from jupyter_ssh.kernel.terminals.starting import Opened, open_session, session_list, start_service
from jupyter_ssh.magics.connecting import connection_for
from jupyter_ssh.magics.options import TERMINAL_OPTIONS, Request, read_line
from jupyter_ssh.magics.verbose import shown_log
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.text import printable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MIME: Final = "application/vnd.jupyter-ssh.terminal+json"
MIME_VERSION: Final = 1


class Terminal:
    """An opened terminal; JupyterLab shows it, other front-ends show how to proceed."""

    def __init__(self, opened: Opened, *, inline: bool) -> None:
        self.place = opened.place
        self.session = opened.session
        self.name = opened.name
        self.command = opened.command
        self.inline = inline

    def __repr__(self) -> str:
        program = "A terminal" if self.command is None else f"{printable(self.command)[:60]}, in a terminal"
        words = self.name if self.command is None else f"-t {self.name} {shlex.quote(self.command)}"
        without = "" if self.command is None else " If it needs no input: %ssh -tt shows its output in the cell."
        return (
            f"{program} on {self.name} is running in this kernel. JupyterLab shows it with the jupyter_ssh extension"
            " (pip install jupyterlab-ssh where Jupyter runs, then restart Jupyter and reload the page);"
            f" in a shell: jupyter-ssh ssh {printable(words)}{without and '.'}{without}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown = {
            "version": MIME_VERSION,
            "place": self.place,
            "session": self.session,
            "name": self.name,
            "inline": self.inline,
        }
        return {MIME: shown, "text/plain": repr(self)}


class Terminals:
    """The result of ``%ssh_terminal --list``: the ``sessions`` as described by the protocol."""

    _HEAD = ("terminal", "state", "program", "since", "pages")

    def __init__(self, sessions: list[dict[str, Any]]) -> None:
        self.sessions = sessions

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                str(each["name"]),
                str(each["state"]) if each["state"] in ("open", "connecting") else str(each["text"]),
                printable(str(each["title"] or each["command"] or "shell"))[:60],
                time.strftime("%H:%M:%S", time.localtime(each["created"])),
                str(each["viewers"]),
            )
            for each in self.sessions
        ]

    def __repr__(self) -> str:
        if not self.sessions:
            return "No terminals."
        rows = [self._HEAD, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._HEAD))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = "".join(f'<th scope="col">{title}</th>' for title in self._HEAD)
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
            for name, *rest in self._rows()
        )
        table = (
            f'<table class="jssh-table jssh-grid"><caption>Terminals</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )
        html = card("Terminals", table if self.sessions else "<div>No terminals.</div>")
        return {"text/plain": repr(self), "text/html": html}


def ssh_terminal(shell: InteractiveShell, line: str) -> Terminal | Terminals:
    """Open a terminal, or list the open ones; see ``%ssh_terminal?``."""
    request = read_line(line, TERMINAL_OPTIONS)
    if "list" in request.arguments.long:
        if request.arguments.destination is not None:
            raise Usage("--list takes no host", phase="options", expected="%ssh_terminal --list")
        return Terminals(session_list())
    with shown_log(request.arguments.verbose):
        return open_terminal(request)


def open_terminal(request: Request) -> Terminal:
    """Connect as ``%ssh`` does, and open a terminal session for a tab or for the cell's output."""
    inline = "inline" in request.arguments.long
    start_service()  # first, so that without a kernel nobody is asked for a password
    connection = connection_for(request)
    command = request.arguments.command or connection.options.remote_command
    return Terminal(open_session(connection, command, wanted=not inline), inline=inline)
