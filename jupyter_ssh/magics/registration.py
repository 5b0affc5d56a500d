"""How a magic's function becomes one of IPython's: imported at its first use, its errors shown in a few lines."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_SUMMARIES = {
    "ssh": """Run a command on a remote machine: %ssh [options] [user@]host [command]

    %ssh alice@host                  connect, show a card, become the current connection
    %ssh alice@host uname -a         run a command; its output appears as it comes
    result = %ssh . uname -a         "." is the current connection; the output is kept in the result
    %%ssh [options] [host] [interpreter]
                                     the cell goes to the remote interpreter's stdin: sh or bash when none is named

    The letters are those of ssh(1): -p port, -l user, -i identity_file, -F config, -o option=value, -v, ...
    Also, in the manner of %%script:
    --out NAME, --err NAME           store stdout, stderr in a variable instead of showing them
    --bg                             do not wait; --out and --err then are streams to await or iterate
    --proc NAME                      with --bg: store the process
    --no-raise-error                 no RemoteCommandError when the command fails
    --show SIZE                      how much output the cell shows at most (1M; 0: all)
    """,
    "ssh_hosts": "Show the open SSH connections and the hosts that ssh_config and known_hosts know.",
    "ssh_close": "Close an SSH connection: %ssh_close [user@]host, the current one without a name, or --all.",
}


def make_magic(shell: InteractiveShell, name: str, module: str) -> Callable[..., Any]:
    """The function to register for the magic ``name``, which `module` implements as ``name(shell, line[, cell])``."""

    def magic(line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        from jupyter_ssh.kernel.tracebacks import with_short_face
        from jupyter_ssh.ssh.errors import SSHError

        implementation = getattr(importlib.import_module(module), name)
        try:
            return implementation(shell, line) if cell is None else implementation(shell, line, cell)
        except (SSHError, KeyboardInterrupt) as error:
            # Neither the frames nor the causes: they belong to this package, and hold what a person typed.
            raise with_short_face(error.with_traceback(None)) from None

    magic.__name__ = magic.__qualname__ = name
    magic.__doc__ = _SUMMARIES[name]
    return magic
