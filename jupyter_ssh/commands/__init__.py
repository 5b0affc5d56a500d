"""``jupyter-ssh``: the stack in a shell.  Each subcommand is a module, imported when needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

# name -> (module with main(argv) -> exit status, description)
SUBCOMMANDS = {
    "add": ("jupyter_ssh.commands.keys.add", "add keys to an agent, remove and list them"),
    "agent": ("jupyter_ssh.commands.keys.agent", "hold keys for other programs, as ssh-agent does"),
    "demo": ("jupyter_ssh.commands.demo.main", "try a notebook whose cells run on a throw-away remote machine"),
    "keygen": ("jupyter_ssh.commands.keys.keygen", "generate, show and change keys, certificates and signatures"),
    "ssh": ("jupyter_ssh.commands.ssh.main", "run a command or a shell on a remote machine"),
    "sshd": ("jupyter_ssh.commands.sshd.main", "serve logins to this account"),
}


def usage() -> str:
    """Return the text of ``jupyter-ssh --help``."""
    lines = ["usage: jupyter-ssh [--help | --version] command [options]", ""]
    lines += [f"  {name:<6} {meaning}" for name, (_, meaning) in SUBCOMMANDS.items()]
    return "\n".join([*lines, "", "For more about a command: jupyter-ssh command --help", ""])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``jupyter-ssh``; return the exit status (255 for our own failures, as OpenSSH's programs do)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        sys.stderr.write(usage())
        return 255
    name = words.pop(0)
    if name in ("--help", "-h", "help"):
        sys.stdout.write(usage())
        return 0
    if name in ("--version", "-V"):
        import jupyter_ssh

        print(f"jupyter_ssh {jupyter_ssh.__version__}")
        return 0
    if name not in SUBCOMMANDS:
        sys.stderr.write(f"jupyter-ssh: unknown command {name}\n{usage()}")
        return 255
    module = import_module(SUBCOMMANDS[name][0])
    status: int = module.main(words)
    return status
