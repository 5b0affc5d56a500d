"""Register a magic's function with IPython: import it at first use, and show its errors in a few lines."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_SUMMARIES = {
    "ssh": """Run a command on a remote machine: %ssh [options] [user@]host [command]

    %ssh alice@host                  connect, show a card, become the current connection
    %ssh alice@host uname -a         run a command and show its output as it arrives
    result = %ssh . uname -a         the same on the current connection ("."), and keep the output in the result
    %%ssh [options] [host] [interpreter]
                                     send the cell to a remote interpreter's stdin: by default bash or sh

    %ssh -t alice@host [htop]        open a terminal tab with a shell or a program, as %ssh_terminal does
    %ssh -tt alice@host ls           run a command on a remote terminal and show its output in the cell; no input
    %ssh --reconnect alice@host      connect, and reconnect automatically on the next use if the connection was lost
    %ssh --doctor alice@host         try each step of a connection and show what works and what does not

    The letters are those of ssh(1): -p port, -l user, -i identity_file, -F config, -o option=value, -v, ...
    Also, as for %%script:
    --out NAME, --err NAME           store stdout or stderr in a variable instead of showing it
    --bg                             do not wait; --out and --err are then streams to await or iterate
    --proc NAME                      with --bg: store the process
    --no-raise-error                 do not raise RemoteCommandError if the command fails
    --show SIZE                      show at most this much output in the cell (default 1M; 0: all)
    """,
    "ssh_terminal": """Open a terminal on a remote machine: %ssh_terminal [options] [[user@]host] [command]

    %ssh_terminal alice@host         open a JupyterLab tab with a shell; it keeps working while cells run
    %ssh_terminal                    the same on the current connection, which is also called "."
    %ssh_terminal host htop          run a program instead of the shell
    %ssh_terminal --inline host      show the terminal in the cell's output instead of a tab
    %ssh_terminal --list             list the terminals of this kernel

    The letters are those of ssh(1), as for %ssh. The terminal survives a reload of the page; closing the tab asks
    whether to end the session or keep it running.
    """,
    "ssh_keygen": """Generate, show and change SSH keys, certificates and signatures: %ssh_keygen [options]

    %ssh_keygen                      generate a key: ask for a file and (twice) a passphrase, and show the key's card
    %ssh_keygen -f FILE -N '' -C me  generate a key without a passphrase, and without asking
    %ssh_keygen -l -f FILE           show a key's fingerprint; -E md5: in the old format
    %ssh_keygen -y -f FILE           show the public key of a private key, and how to install it
    %ssh_keygen -p -f FILE           change the passphrase; -m PuTTY, PEM, PKCS8 or RFC4716 (OpenSSH): the format
    %ssh_keygen -c -C TEXT -f FILE   change the comment
    %ssh_keygen -F HOST              find a host in known_hosts; -R HOST: remove it; -H: hash all names
    %ssh_keygen -s CA -I ID -n NAMES FILE.pub      sign a certificate; -L -f FILE: show one
    %ssh_keygen -Y sign -f KEY -n file FILE        sign a file
    %ssh_keygen -Y verify -f SIGNERS -I SIGNER -n file -s FILE.sig < FILE
    %%ssh_keygen -Y ...              sign or verify the text of the cell

    The letters are those of ssh-keygen(1). A passphrase after -N or -P is saved with the notebook: omit these options
    to be asked for it. Private keys are never shown.
    """,
    "ssh_add": """Add keys to the SSH agent, remove and list them: %ssh_add [options] [file ...]

    %ssh_add                         add the keys in ~/.ssh, asking for each passphrase once
    %ssh_add -t 8h FILE              add a key for eight hours
    %ssh_add -c FILE                 add a key that requires confirmation of each use, in the cell
    %ssh_add -h HOST FILE            add a key that can be used only to log in to HOST
    %ssh_add -l                      list the keys; -L: as public keys
    %ssh_add -d FILE                 remove a key; -D: all of them
    %ssh_add -x                      lock the agent with a password; -X: unlock it
    %ssh_add -T FILE.pub             test whether the agent can sign with a key
    %ssh_add --own                   use an agent of this kernel even if SSH_AUTH_SOCK names another one

    The letters are those of ssh-add(1). The agent is the one that SSH_AUTH_SOCK names; if that is not set or does not
    answer, the kernel starts an agent of its own, which %ssh, !ssh and !git then use.
    """,
    "ssh_hosts": "Show the open SSH connections, and the hosts in ssh_config and known_hosts.",
    "ssh_close": "Close an SSH connection: %ssh_close [[user@]host | --all]; without a host, the current one.",
}


def make_magic(shell: InteractiveShell, name: str, module: str) -> Callable[..., Any]:
    """Return the function to register for the magic ``name``, implemented in `module` as ``name(shell, line[,
    cell])``."""

    def magic(line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        from jupyter_ssh.kernel.cells.tracebacks import with_short_traceback
        from jupyter_ssh.ssh.errors import SSHError

        implementation = getattr(importlib.import_module(module), name)
        try:
            return implementation(shell, line) if cell is None else implementation(shell, line, cell)
        except (SSHError, KeyboardInterrupt) as error:
            # Without frames and causes, which belong to this package and may contain what the user typed.
            raise with_short_traceback(error.with_traceback(None)) from None

    magic.__name__ = magic.__qualname__ = name
    magic.__doc__ = _SUMMARIES[name]
    return magic
