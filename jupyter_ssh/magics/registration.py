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

    %ssh -t alice@host [htop]        open a terminal tab, as %ssh_terminal does, with a shell or a program to type into
    %ssh -tt alice@host ls           show in the cell what a command prints on a terminal; nothing can be typed there
    %ssh --reconnect alice@host      ... and connect again by itself on the next use when the connection was lost
    %ssh --doctor alice@host         try each step of a connection and show what works and what does not

    The letters are those of ssh(1): -p port, -l user, -i identity_file, -F config, -o option=value, -v, ...
    Also, in the manner of %%script:
    --out NAME, --err NAME           store stdout, stderr in a variable instead of showing them
    --bg                             do not wait; --out and --err then are streams to await or iterate
    --proc NAME                      with --bg: store the process
    --no-raise-error                 no RemoteCommandError when the command fails
    --show SIZE                      how much output the cell shows at most (1M; 0: all)
    """,
    "ssh_terminal": """Open a terminal on a remote machine: %ssh_terminal [options] [[user@]host] [command]

    %ssh_terminal alice@host         a tab of JupyterLab with a shell; it stays alive while cells run
    %ssh_terminal                    the same on the current connection, which is also "."
    %ssh_terminal host htop          run a program in place of the shell
    %ssh_terminal --inline host      the terminal in the cell's output, in place of a tab
    %ssh_terminal --list             the terminals of this kernel

    The letters are those of ssh(1), as with %ssh. After a reload of the page the terminal is there again; closing the
    tab asks whether the session shall end or run on.
    """,
    "ssh_keygen": """Make, show and change SSH keys, certificates and signatures: %ssh_keygen [options]

    %ssh_keygen                      make a key: asks for the file and twice for a passphrase, then shows the key's card
    %ssh_keygen -f FILE -N '' -C me  ... without a question, and without a passphrase
    %ssh_keygen -l -f FILE           show a key's fingerprint; -E md5: the old one too
    %ssh_keygen -y -f FILE           show the public key of a private one, and how to install it
    %ssh_keygen -p -f FILE           change the passphrase; -m PuTTY, PEM, PKCS8 or RFC4716 (OpenSSH's): the format
    %ssh_keygen -c -C TEXT -f FILE   change the comment
    %ssh_keygen -F HOST              find a host in known_hosts; -R HOST: remove it; -H: hash all names
    %ssh_keygen -s CA -I ID -n NAMES FILE.pub      sign a certificate; -L -f FILE: show one
    %ssh_keygen -Y sign -f KEY -n file FILE        sign a file
    %ssh_keygen -Y verify -f SIGNERS -I WHO -n file -s FILE.sig < FILE
    %%ssh_keygen -Y ...              sign or verify the text of the cell

    The letters are those of ssh-keygen(1). A passphrase behind -N or -P is saved with the notebook: leave these out and
    it is asked for. A private key is never shown.
    """,
    "ssh_add": """Put keys into the SSH agent, take them out, list them: %ssh_add [options] [file ...]

    %ssh_add                         add the keys of ~/.ssh; a passphrase is asked for once
    %ssh_add -t 8h FILE              add a key for eight hours
    %ssh_add -c FILE                 ... and ask in the cell before each use of it
    %ssh_add -h HOST FILE            ... and let it be used to log in to HOST only
    %ssh_add -l                      show the keys; -L: the whole public keys
    %ssh_add -d FILE                 remove a key; -D: all of them
    %ssh_add -x                      lock the agent with a password; -X: unlock it
    %ssh_add -T FILE.pub             test whether the agent signs with a key
    %ssh_add --own                   use an agent of this kernel even where SSH_AUTH_SOCK names another

    The letters are those of ssh-add(1). The agent is the one that SSH_AUTH_SOCK names; where that is not set, or nobody
    answers there, the kernel starts one of its own, which %ssh, !ssh and !git then use.
    """,
    "ssh_hosts": "Show the open SSH connections and the hosts that ssh_config and known_hosts know.",
    "ssh_close": "Close an SSH connection: %ssh_close [user@]host, the current one without a name, or --all.",
}


def make_magic(shell: InteractiveShell, name: str, module: str) -> Callable[..., Any]:
    """Return the function to register for the magic ``name``, which `module` implements as ``name(shell, line[,
    cell])``."""

    def magic(line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        from jupyter_ssh.kernel.cells.tracebacks import with_short_traceback
        from jupyter_ssh.ssh.errors import SSHError

        implementation = getattr(importlib.import_module(module), name)
        try:
            return implementation(shell, line) if cell is None else implementation(shell, line, cell)
        except (SSHError, KeyboardInterrupt) as error:
            # Neither the frames nor the causes: they belong to this package, and hold what a person typed.
            raise with_short_traceback(error.with_traceback(None)) from None

    magic.__name__ = magic.__qualname__ = name
    magic.__doc__ = _SUMMARIES[name]
    return magic
